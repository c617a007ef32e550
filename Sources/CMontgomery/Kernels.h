// What the sources of CMontgomery share: eight digits in a register, and the loops over rows of them.
#pragma once
#include "CMontgomery.h"

#if defined(__x86_64__)
#include <immintrin.h>

// Every processor with IFMA has VBMI and BW as well; `tributary_lanes_supported` asks for all.
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512ifma,avx512vbmi"))), apply_to = function)

typedef __m512i row8;

#define BLOCK 4
#define MASK _mm512_set1_epi64((1LL << 52) - 1)

static inline row8 zero(void) { return _mm512_setzero_si512(); }
static inline row8 low(row8 sum, row8 left, row8 right) { return _mm512_madd52lo_epu64(sum, left, right); }
static inline row8 high(row8 sum, row8 left, row8 right) { return _mm512_madd52hi_epu64(sum, left, right); }
static inline row8 same(uint64_t word) { return _mm512_set1_epi64((long long)word); }

/// Columns of 64 bits into digits of 52.
static inline void carry(row8 *digits, const row8 *columns, size_t count) {
    row8 over = zero();
    for (size_t i = 0; i < count; i++) {
        row8 sum = _mm512_add_epi64(columns[i], over);
        over = _mm512_srli_epi64(sum, 52);
        digits[i] = _mm512_and_si512(sum, MASK);
    }
}

/// The four quotient digits that clear the four lowest columns, c; returns what these columns carry into the fifth.
static inline row8 quotients(row8 q[BLOCK], row8 c[BLOCK], const uint64_t *m, row8 inverse) {
    row8 over = zero();
    for (int s = 0; s < BLOCK; s++) {
        row8 column = _mm512_add_epi64(c[s], over);
        q[s] = low(zero(), column, inverse);
        over = _mm512_srli_epi64(low(column, q[s], same(m[0])), 52);
        for (int k = 1; k < BLOCK - s; k++) {
            c[s + k] = low(c[s + k], q[s], same(m[k]));
            c[s + k] = high(c[s + k], q[s], same(m[k - 1]));
        }
    }
    return over;
}

/// What the products of x with the digits y below BLOCK give to the columns from BLOCK on.
static inline void add_upper(row8 f[BLOCK], const row8 x[BLOCK], row8 y0, row8 y1, row8 y2, row8 y3) {
    f[0] = low(low(low(f[0], x[1], y3), x[2], y2), x[3], y1);
    f[0] = high(high(high(high(f[0], x[0], y3), x[1], y2), x[2], y1), x[3], y0);
    f[1] = low(low(f[1], x[2], y3), x[3], y2);
    f[1] = high(high(high(f[1], x[1], y3), x[2], y2), x[3], y1);
    f[2] = high(high(low(f[2], x[3], y3), x[2], y3), x[3], y2);
    f[3] = high(f[3], x[3], y3);
}

/// The digits x of a block of a, and the quotient digits q that clear the four lowest columns with x * b in them; returns what
/// these carry into the fifth.
static inline __attribute__((always_inline)) row8 lowest(row8 x[BLOCK], row8 q[BLOCK], const row8 *a, const row8 *b,
                                                         const row8 *columns, const uint64_t *m, row8 inverse) {
    row8 c[BLOCK];
    for (int s = 0; s < BLOCK; s++) x[s] = a[s];
    for (int t = 0; t < BLOCK; t++) {
        row8 other = zero();
        c[t] = columns[t];
        for (int s = 0; s <= t; s++) c[t] = low(c[t], x[s], b[t - s]);
        for (int s = 0; s < t; s++) other = high(other, x[s], b[t - 1 - s]);
        c[t] = _mm512_add_epi64(c[t], other);
    }
    return quotients(q, c, m, inverse);
}

/// Column j with the products of x0 to x3 and a digit of b, q0 to q3 and one of m, moved down by a block.
#define SLIDE_BOTH(left, right, j)                                  \
    do {                                                            \
        const row8 y = (left), z = same(right);                     \
        f0 = _mm512_add_epi64(f0, columns[j]);                      \
        f0 = low(f0, x0, y);                                        \
        g0 = low(g0, q0, z);                                        \
        f1 = low(f1, x1, y);                                        \
        g1 = low(g1, q1, z);                                        \
        f2 = low(f2, x2, y);                                        \
        g2 = low(g2, q2, z);                                        \
        f3 = low(f3, x3, y);                                        \
        g3 = low(g3, q3, z);                                        \
        columns[(j) - BLOCK] = _mm512_add_epi64(f0, g0);            \
        f0 = high(f1, x0, y);                                       \
        g0 = high(g1, q0, z);                                       \
        f1 = high(f2, x1, y);                                       \
        g1 = high(g2, q1, z);                                       \
        f2 = high(f3, x2, y);                                       \
        g2 = high(g3, q2, z);                                       \
        f3 = high(zero(), x3, y);                                   \
        g3 = high(zero(), q3, z);                                   \
    } while (0)

/// result = (start + a * b) / R mod m; `start` may be null for 0. Where `quotient` is not null it gets the digits of
/// the q with start + a * b + q * m = result * R.
static inline __attribute__((always_inline)) void
multiply(row8 *result, const row8 *a, const row8 *b, const row8 *start, row8 *quotient,
         const tributary_lanes_modulus *modulus, row8 *columns) {
    const size_t n = modulus->digits;
    const uint64_t *m = modulus->modulus;
    const row8 inverse = same(modulus->inverse);
    for (size_t i = 0; i < n; i++) columns[i] = start ? start[i] : zero();

    // Four digits of a at a time: columns = (columns + a * b + q * m) / 2^(4 * 52), with the q that makes that whole.
    row8 x[BLOCK], q[BLOCK];
    row8 over = lowest(x, q, a, b, columns, m, inverse);
    for (size_t i = 0; i < n; i += BLOCK) {
        if (quotient)
            for (int k = 0; k < BLOCK; k++) quotient[i + k] = q[k];
        // Two windows of columns slide along b and m, one for each product, so that no sum waits long for the one
        // before.
        row8 f[BLOCK] = {over, zero(), zero(), zero()}, g[BLOCK] = {zero(), zero(), zero(), zero()};
        add_upper(f, x, b[0], b[1], b[2], b[3]);
        add_upper(g, q, same(m[0]), same(m[1]), same(m[2]), same(m[3]));
        row8 f0 = f[0], f1 = f[1], f2 = f[2], f3 = f[3], g0 = g[0], g1 = g[1], g2 = g[2], g3 = g[3];
        const row8 x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3];
        size_t j = BLOCK;
        if (i + BLOCK < n) {
            for (; j < 2 * BLOCK; j++) SLIDE_BOTH(b[j], m[j], j);
            // The next four columns are all there: what they need is found while the others are worked on, as each of its
            // steps waits for the one before.
            over = lowest(x, q, a + i + BLOCK, b, columns, m, inverse);
        }
        // After four turns every window is back in its registers.
#pragma clang loop unroll_count(4)
        for (; j < n; j++) SLIDE_BOTH(b[j], m[j], j);
        columns[n - 4] = _mm512_add_epi64(f0, g0);
        columns[n - 3] = _mm512_add_epi64(f1, g1);
        columns[n - 2] = _mm512_add_epi64(f2, g2);
        columns[n - 1] = _mm512_add_epi64(f3, g3);
    }
    carry(result, columns, n);
}

/// column += what f0 and g0 hold and the low half of x0 * digit; the other products of x0 to x3 go into the windows f0 to f2
/// (low halves) and g0 to g3 (high halves) of the columns above. Halves apart: no sum waits for more than one product.
#define SLIDE(x, digit, column)                                                  \
    do {                                                                         \
        const row8 sum = low(f0, x##0, digit);                                   \
        (column) = _mm512_add_epi64(_mm512_add_epi64((column), g0), sum);        \
        f0 = low(f1, x##1, digit);                                               \
        f1 = low(f2, x##2, digit);                                               \
        f2 = low(zero(), x##3, digit);                                           \
        g0 = high(g1, x##0, digit);                                              \
        g1 = high(g2, x##1, digit);                                              \
        g2 = high(g3, x##2, digit);                                              \
        g3 = high(zero(), x##3, digit);                                          \
    } while (0)
#define ADD_WINDOW(columns)                                    \
    do {                                                       \
        (columns)[0] = _mm512_add_epi64(_mm512_add_epi64((columns)[0], f0), g0); \
        (columns)[1] = _mm512_add_epi64(_mm512_add_epi64((columns)[1], f1), g1); \
        (columns)[2] = _mm512_add_epi64(_mm512_add_epi64((columns)[2], f2), g2); \
        (columns)[3] = _mm512_add_epi64((columns)[3], g3);     \
    } while (0)

/// result = columns / R mod m; the n lower of the 2n columns get the digits of the q with columns + q * m = result *
/// R.
static inline void reduce(row8 *result, row8 *columns, const tributary_lanes_modulus *modulus) {
    const size_t n = modulus->digits;
    const uint64_t *m = modulus->modulus;
    const row8 inverse = same(modulus->inverse);
    row8 q[BLOCK], c[BLOCK];
    for (int t = 0; t < BLOCK; t++) c[t] = columns[t];
    row8 over = quotients(q, c, m, inverse);
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 *base = columns + i;
        row8 f[BLOCK] = {over, zero(), zero(), zero()};
        for (int k = 0; k < BLOCK; k++) base[k] = q[k];
        add_upper(f, q, same(m[0]), same(m[1]), same(m[2]), same(m[3]));
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = f[0], g1 = f[1], g2 = f[2], g3 = f[3];
        const row8 q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3];
        size_t j = BLOCK;
        if (i + BLOCK < n) {
            for (; j < 2 * BLOCK; j++) {
                const row8 z = same(m[j]);
                SLIDE(q, z, base[j]);
            }
            // The next four columns are all there: what they need is found while the others are worked on, as each of its
            // steps waits for the one before.
            for (int t = 0; t < BLOCK; t++) c[t] = base[BLOCK + t];
            over = quotients(q, c, m, inverse);
        }
        // After four turns every window is back in its registers.
#pragma clang loop unroll_count(4)
        for (; j < n; j++) {
            const row8 z = same(m[j]);
            SLIDE(q, z, base[j]);
        }
        ADD_WINDOW(base + n);
    }
    carry(result, columns + n, n);
}

/// start = -q in the residues of m, without a negative digit: the complement of q, and what that is too much by.
static inline void complement(row8 *start, const row8 *q, const uint64_t *correction, size_t n) {
    for (size_t i = 0; i < n; i++)
        start[i] = _mm512_add_epi64(_mm512_sub_epi64(MASK, q[i]), same(correction[i]));
}

/// digits = digits - m where that is not below 0, in the lanes that are answered.
static inline __mmask8 subtract_once(row8 *digits, const tributary_lanes_modulus *modulus, row8 *difference) {
    const size_t n = modulus->digits;
    row8 borrow = zero();
    for (size_t i = 0; i < n; i++) {
        row8 d = _mm512_add_epi64(_mm512_sub_epi64(digits[i], same(modulus->modulus[i])), borrow);
        borrow = _mm512_srai_epi64(d, 52);  // 0 or -1
        difference[i] = _mm512_and_si512(d, MASK);
    }
    const __mmask8 below = _mm512_cmplt_epi64_mask(borrow, zero());
    for (size_t i = 0; i < n; i++) digits[i] = _mm512_mask_blend_epi64(below, difference[i], digits[i]);
    return (__mmask8)~below;
}

/// columns += a * b, for rows of n digits and 2n columns of 64 bits.
static inline void add_product(row8 *columns, const row8 *a, const row8 *b, size_t n) {
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 *base = columns + i;
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = zero(), g1 = zero(), g2 = zero(), g3 = zero();
        const row8 x0 = a[i], x1 = a[i + 1], x2 = a[i + 2], x3 = a[i + 3];
        // After four turns every window is back in its registers.
#pragma clang loop unroll_count(4)
        for (size_t j = 0; j < n; j++) {
            const row8 y = b[j];
            SLIDE(x, y, base[j]);
        }
        ADD_WINDOW(base + n);
    }
}

/// The same, for a b that is one word for each digit.
static inline void add_multiple(row8 *columns, const row8 *a, const uint64_t *b, size_t n) {
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 *base = columns + i;
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = zero(), g1 = zero(), g2 = zero(), g3 = zero();
        const row8 x0 = a[i], x1 = a[i + 1], x2 = a[i + 2], x3 = a[i + 3];
#pragma clang loop unroll_count(4)
        for (size_t j = 0; j < n; j++) {
            const row8 z = same(b[j]);
            SLIDE(x, z, base[j]);
        }
        ADD_WINDOW(base + n);
    }
}

/// result = lower + m * upper, for lower and upper below `times` m; twice as many digits, canonical modulo m^2. Both rows are
/// overwritten; `scratch` has twice the digits.
static inline void join(row8 *result, row8 *lower, row8 *upper, int times, const tributary_lanes_modulus *modulus,
                        row8 *scratch) {
    const size_t n = modulus->digits;
    const uint64_t *m = modulus->modulus;
    // What is taken from the lower row is one more in the upper.
    row8 over = zero();
    for (int i = 1; i < times; i++) {
        const __mmask8 more = subtract_once(lower, modulus, scratch);
        over = _mm512_mask_add_epi64(over, more, over, same(1));
    }
    for (size_t i = 0; i < n; i++) {
        row8 sum = _mm512_add_epi64(upper[i], over);
        over = _mm512_srli_epi64(sum, 52);
        upper[i] = _mm512_and_si512(sum, MASK);
    }
    // Below `times` (m + 1) now.
    for (int i = 0; i < times; i++) subtract_once(upper, modulus, scratch);
    row8 *columns = scratch;
    for (size_t i = 0; i < n; i++) {
        columns[i] = lower[i];
        columns[n + i] = zero();
    }
    add_multiple(columns, upper, m, n);
    carry(result, columns, 2 * n);
}

/// Transposes eight digits of eight residues: digits of one residue in each row become digits of one place.
static inline void transpose(row8 out[8], const row8 r[8]) {
    row8 s[8], t[8];
    for (int k = 0; k < 8; k += 2) {
        s[k] = _mm512_unpacklo_epi64(r[k], r[k + 1]);
        s[k + 1] = _mm512_unpackhi_epi64(r[k], r[k + 1]);
    }
    for (int k = 0; k < 2; k++) {
        t[k] = _mm512_shuffle_i64x2(s[k], s[k + 2], 0x88);
        t[k + 2] = _mm512_shuffle_i64x2(s[k], s[k + 2], 0xdd);
        t[k + 4] = _mm512_shuffle_i64x2(s[k + 4], s[k + 6], 0x88);
        t[k + 6] = _mm512_shuffle_i64x2(s[k + 4], s[k + 6], 0xdd);
    }
    for (int k = 0; k < 4; k++) {
        out[k] = _mm512_shuffle_i64x2(t[k], t[k + 4], 0x88);
        out[k + 4] = _mm512_shuffle_i64x2(t[k], t[k + 4], 0xdd);
    }
}

#pragma clang attribute pop

#endif
