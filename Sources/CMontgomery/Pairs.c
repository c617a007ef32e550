// Arithmetic modulo n^2 with residues as pairs of rows modulo n (CMontgomery.h).
#include "Kernels.h"

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512ifma,avx512vbmi"))), apply_to = function)

/// As `lowest`, of two products: the digits x of a block of a and w of one of c, and the quotient digits q.
static inline __attribute__((always_inline)) row8 lowest_two(row8 x[BLOCK], row8 w[BLOCK], row8 q[BLOCK],
                                                             const row8 *a, const row8 *b, const row8 *c,
                                                             const row8 *d, const row8 *columns, const uint64_t *m,
                                                             row8 inverse) {
    row8 e[BLOCK];
    for (int s = 0; s < BLOCK; s++) {
        x[s] = a[s];
        w[s] = c[s];
    }
    for (int t = 0; t < BLOCK; t++) {
        row8 other = zero();
        e[t] = columns[t];
        for (int s = 0; s <= t; s++) {
            e[t] = low(e[t], x[s], b[t - s]);
            other = low(other, w[s], d[t - s]);
        }
        for (int s = 0; s < t; s++) {
            e[t] = high(e[t], x[s], b[t - 1 - s]);
            other = high(other, w[s], d[t - 1 - s]);
        }
        e[t] = _mm512_add_epi64(e[t], other);
    }
    return quotients(q, e, m, inverse);
}

/// As `SLIDE_BOTH`, with the products of w0 to w3 and a digit of d as well.
#define SLIDE_THREE(left, second, right, j)                                          \
    do {                                                                             \
        const row8 y = (left), v = (second), z = same(right);                        \
        f0 = _mm512_add_epi64(f0, columns[j]);                                       \
        f0 = low(f0, x0, y);                                                         \
        g0 = low(g0, q0, z);                                                         \
        h0 = low(h0, w0, v);                                                         \
        f1 = low(f1, x1, y);                                                         \
        g1 = low(g1, q1, z);                                                         \
        h1 = low(h1, w1, v);                                                         \
        f2 = low(f2, x2, y);                                                         \
        g2 = low(g2, q2, z);                                                         \
        h2 = low(h2, w2, v);                                                         \
        f3 = low(f3, x3, y);                                                         \
        g3 = low(g3, q3, z);                                                         \
        h3 = low(h3, w3, v);                                                         \
        columns[(j) - BLOCK] = _mm512_add_epi64(_mm512_add_epi64(f0, g0), h0);       \
        f0 = high(f1, x0, y);                                                        \
        g0 = high(g1, q0, z);                                                        \
        h0 = high(h1, w0, v);                                                        \
        f1 = high(f2, x1, y);                                                        \
        g1 = high(g2, q1, z);                                                        \
        h1 = high(h2, w1, v);                                                        \
        f2 = high(f3, x2, y);                                                        \
        g2 = high(g3, q2, z);                                                        \
        h2 = high(h3, w2, v);                                                        \
        f3 = high(zero(), x3, y);                                                    \
        g3 = high(zero(), q3, z);                                                    \
        h3 = high(zero(), w3, v);                                                    \
    } while (0)

/// result = (start + a * b + c * d) / R + above mod m, with one reduction for both products; `start` and `above` may
/// be null for 0. Answers what does not fit the digits, in units of R.
static inline __attribute__((always_inline)) row8 multiply_two(row8 *result, const row8 *a, const row8 *b,
                                                               const row8 *c, const row8 *d, const row8 *start,
                                                               const row8 *above,
                                                               const tributary_lanes_modulus *modulus, row8 *columns) {
    const size_t n = modulus->digits;
    const uint64_t *m = modulus->modulus;
    const row8 inverse = same(modulus->inverse);
    for (size_t i = 0; i < n; i++) columns[i] = start ? start[i] : zero();
    row8 x[BLOCK], w[BLOCK], q[BLOCK];
    row8 over = lowest_two(x, w, q, a, b, c, d, columns, m, inverse);
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 f[BLOCK] = {over, zero(), zero(), zero()}, g[BLOCK] = {zero(), zero(), zero(), zero()};
        row8 h[BLOCK] = {zero(), zero(), zero(), zero()};
        add_upper(f, x, b[0], b[1], b[2], b[3]);
        add_upper(h, w, d[0], d[1], d[2], d[3]);
        add_upper(g, q, same(m[0]), same(m[1]), same(m[2]), same(m[3]));
        row8 f0 = f[0], f1 = f[1], f2 = f[2], f3 = f[3], g0 = g[0], g1 = g[1], g2 = g[2], g3 = g[3];
        row8 h0 = h[0], h1 = h[1], h2 = h[2], h3 = h[3];
        const row8 x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3];
        const row8 w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
        size_t j = BLOCK;
        if (i + BLOCK < n) {
            for (; j < 2 * BLOCK; j++) SLIDE_THREE(b[j], d[j], m[j], j);
            // As in `multiply`: found while the other columns are worked on.
            const size_t next = i + BLOCK;
            over = lowest_two(x, w, q, a + next, b, c + next, d, columns, m, inverse);
        }
        // After four turns every window is back in its registers.
#pragma clang loop unroll_count(4)
        for (; j < n; j++) SLIDE_THREE(b[j], d[j], m[j], j);
        columns[n - 4] = _mm512_add_epi64(_mm512_add_epi64(f0, g0), h0);
        columns[n - 3] = _mm512_add_epi64(_mm512_add_epi64(f1, g1), h1);
        columns[n - 2] = _mm512_add_epi64(_mm512_add_epi64(f2, g2), h2);
        columns[n - 1] = _mm512_add_epi64(_mm512_add_epi64(f3, g3), h3);
    }
    over = zero();
    for (size_t i = 0; i < n; i++) {
        row8 sum = _mm512_add_epi64(columns[i], over);
        if (above) sum = _mm512_add_epi64(sum, above[i]);
        over = _mm512_srli_epi64(sum, 52);
        result[i] = _mm512_and_si512(sum, MASK);
    }
    return over;
}

/// result = lower + n * upper, for lower and upper below 2n; twice as many digits, canonical modulo n^2. Both rows are
/// overwritten.
static inline void join(row8 *result, row8 *lower, row8 *upper, const tributary_lanes_modulus *modulus,
                        row8 *scratch) {
    const size_t n = modulus->digits;
    const uint64_t *m = modulus->modulus;
    // What is taken from the lower row is one more in the upper.
    const __mmask8 more = subtract_once(lower, modulus, scratch);
    row8 over = _mm512_maskz_set1_epi64(more, 1);
    for (size_t i = 0; i < n; i++) {
        row8 sum = _mm512_add_epi64(upper[i], over);
        over = _mm512_srli_epi64(sum, 52);
        upper[i] = _mm512_and_si512(sum, MASK);
    }
    // Below 2n + 1 now.
    subtract_once(upper, modulus, scratch);
    subtract_once(upper, modulus, scratch);
    row8 *columns = scratch;
    for (size_t i = 0; i < n; i++) {
        columns[i] = lower[i];
        columns[n + i] = zero();
    }
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 *base = columns + i;
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = zero(), g1 = zero(), g2 = zero(), g3 = zero();
        const row8 x0 = upper[i], x1 = upper[i + 1], x2 = upper[i + 2], x3 = upper[i + 3];
        // After four turns every window is back in its registers.
#pragma clang loop unroll_count(4)
        for (size_t j = 0; j < n; j++) {
            const row8 z = same(m[j]);
            SLIDE(x, z, base[j]);
        }
        ADD_WINDOW(base + n);
    }
    carry(result, columns, 2 * n);
}

void tributary_lanes_multiply_quotient(uint64_t *result, uint64_t *quotient, const uint64_t *left,
                                       const uint64_t *right, const tributary_lanes_modulus *modulus,
                                       uint64_t *scratch) {
    multiply((row8 *)result, (const row8 *)left, (const row8 *)right, NULL, (row8 *)quotient, modulus, (row8 *)scratch);
}

void tributary_lanes_pair_scale(uint64_t *value, const uint64_t *factor, const tributary_lanes_pair_modulus *modulus,
                                uint64_t *scratch) {
    const size_t n = modulus->prime.digits;
    row8 *a0 = (row8 *)value, *a1 = a0 + n, *columns = (row8 *)scratch, *q = columns + n;
    const row8 *b = (const row8 *)factor;
    multiply(a0, a0, b, NULL, q, &modulus->prime, columns);
    complement(q, q, modulus->correction, n);
    multiply(a1, a1, b, q, NULL, &modulus->prime, columns);
}

void tributary_lanes_pair_seal(uint64_t *result, const uint64_t *value, const uint64_t *exponent,
                               const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    const size_t n = modulus->prime.digits;
    const row8 *a0 = (const row8 *)value, *a1 = a0 + n;
    row8 *columns = (row8 *)scratch, *q = columns + 2 * n, *lower = q + n, *upper = lower + n;
    for (size_t i = 0; i < n; i++) {
        columns[i] = a0[i];
        columns[n + i] = zero();
    }
    reduce(lower, columns, &modulus->prime);
    complement(q, columns, modulus->correction, n);
    for (size_t i = 0; i < n; i++) q[i] = _mm512_add_epi64(q[i], a1[i]);
    multiply(upper, a0, (const row8 *)exponent, q, NULL, &modulus->prime, columns);
    join((row8 *)result, lower, upper, &modulus->prime, columns);
}

void tributary_lanes_split_residue(uint64_t *result, const uint64_t *value, const tributary_lanes_modulus *modulus,
                                   uint64_t *scratch) {
    const size_t n = modulus->digits;
    row8 *columns = (row8 *)scratch, *target = (row8 *)result;
    for (size_t i = 0; i < 2 * n; i++) columns[i] = ((const row8 *)value)[i];
    reduce(target, columns, modulus);
    for (size_t i = 0; i < n; i++) target[n + i] = columns[i];
}

void tributary_lanes_split_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                    const uint64_t *radix, const tributary_lanes_modulus *modulus,
                                    uint64_t *scratch) {
    const size_t n = modulus->digits;
    const row8 *t = (const row8 *)left, *q = t + n, *s = (const row8 *)right, *r = s + n;
    row8 *columns = (row8 *)scratch, *quotient = columns + n, *lower = quotient + n, *target = (row8 *)result;
    multiply(lower, t, s, NULL, quotient, modulus, columns);
    row8 over = multiply_two(target + n, t, r, q, s, NULL, quotient, modulus, columns);
    for (size_t i = 0; i < n; i++) target[i] = lower[i];
    // Nearly never: the sum is below R + 5m.
    if (_mm512_test_epi64_mask(over, over)) {
        const row8 *rest = (const row8 *)radix;
        row8 next = zero();
        for (size_t i = 0; i < n; i++) {
            const row8 more = _mm512_maskz_mov_epi64(_mm512_test_epi64_mask(over, over), rest[i]);
            row8 sum = _mm512_add_epi64(_mm512_add_epi64(target[n + i], more), next);
            next = _mm512_srli_epi64(sum, 52);
            target[n + i] = _mm512_and_si512(sum, MASK);
        }
    }
}

void tributary_lanes_split_join(uint64_t *result, const uint64_t *value, const uint64_t *factors,
                                const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    const size_t n = modulus->prime.digits;
    const row8 *t = (const row8 *)value, *q = t + n;
    const row8 *a = (const row8 *)factors, *b = a + n, *c = b + n;
    row8 *columns = (row8 *)scratch, *quotient = columns + 2 * n, *lower = quotient + n, *upper = lower + n;
    multiply(lower, t, a, NULL, quotient, &modulus->prime, columns);
    complement(quotient, quotient, modulus->correction, n);
    multiply_two(upper, t, b, q, c, quotient, NULL, &modulus->prime, columns);
    join((row8 *)result, lower, upper, &modulus->prime, columns);
}

void tributary_lanes_accumulate(uint64_t *sums, const uint64_t *const entries[8], size_t digits) {
    for (int lane = 0; lane < 8; lane++) {
        uint64_t *sum = sums + (size_t)lane * digits;
        for (size_t i = 0; i < digits; i += 8) {
            const __mmask8 part = digits - i >= 8 ? 0xff : (__mmask8)((1 << (digits - i)) - 1);
            const row8 left = _mm512_maskz_loadu_epi64(part, sum + i);
            const row8 right = _mm512_maskz_loadu_epi64(part, entries[lane] + i);
            _mm512_mask_storeu_epi64(sum + i, part, _mm512_add_epi64(left, right));
        }
    }
}

/// For eight digits at 13 bytes for each two, the byte of 64 that ends where their first begins: the bytes come most
/// significant first.
static inline row8 reading_order(void) {
    _Alignas(64) uint8_t order[64];
    for (int digit = 0; digit < 8; digit++)
        for (int byte = 0; byte < 8; byte++) order[8 * digit + byte] = (uint8_t)(63 - (13 * digit / 2 + byte));
    return _mm512_load_si512(order);
}

void tributary_lanes_read_all(uint64_t *row, size_t digits, const uint8_t *const bytes[8], size_t count) {
    const row8 order = reading_order(), shift = _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0);
    for (size_t i = 0; i < digits; i += 8) {
        const size_t below = i / 8 * 52, left = count > below ? count - below : 0;
        const __mmask64 part = left >= 64 ? ~0ULL : left == 0 ? 0 : ~0ULL << (64 - left);
        row8 r[8], out[8];
        for (int k = 0; k < 8; k++) {
            // Bytes that are masked out are not touched, wherever they would lie.
            const row8 word = _mm512_maskz_loadu_epi8(part, bytes[k] + (ptrdiff_t)left - 64);
            r[k] = _mm512_and_si512(_mm512_srlv_epi64(_mm512_permutexvar_epi8(order, word), shift), MASK);
        }
        transpose(out, r);
        for (size_t k = 0; k < 8 && i + k < digits; k++) _mm512_store_si512(row + 8 * (i + k), out[k]);
    }
}

void tributary_lanes_write_all(const uint64_t *row, size_t digits, uint8_t *const bytes[8], size_t count) {
    // The byte at 63 - k of 64 comes from byte k of the number: of an even digit, and of an odd one that is shifted by
    // four bits; two digits meet in the byte between them.
    _Alignas(64) uint8_t even[64], odd[64];
    uint64_t hasEven = 0, hasOdd = 0;
    for (int k = 0; k < 52; k++) {
        const int pair = k / 13, rest = k % 13, place = 63 - k;
        if (rest <= 6) {
            even[place] = (uint8_t)(16 * pair + rest);
            hasEven |= 1ULL << place;
        }
        if (rest >= 6) {
            odd[place] = (uint8_t)(16 * pair + 8 + rest - 6);
            hasOdd |= 1ULL << place;
        }
    }
    const row8 evenOrder = _mm512_load_si512(even), oddOrder = _mm512_load_si512(odd);
    const row8 shift = _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0);
    for (size_t i = 0; i < digits && i / 8 * 52 < count; i += 8) {
        const size_t left = count - i / 8 * 52, here = left < 52 ? left : 52;
        const __mmask64 part = ~0ULL << (64 - here);
        row8 r[8], out[8];
        for (size_t k = 0; k < 8; k++) r[k] = i + k < digits ? _mm512_load_si512(row + 8 * (i + k)) : zero();
        transpose(out, r);
        for (int k = 0; k < 8; k++) {
            const row8 word = _mm512_sllv_epi64(out[k], shift);
            const row8 all = _mm512_or_si512(_mm512_maskz_permutexvar_epi8(hasEven, evenOrder, word),
                                             _mm512_maskz_permutexvar_epi8(hasOdd, oddOrder, word));
            if (bytes[k]) _mm512_mask_storeu_epi8(bytes[k] + (ptrdiff_t)left - 64, part, all);
        }
    }
}

#pragma clang attribute pop

#else

// Never called: nothing else is where nothing is supported.
void tributary_lanes_multiply_quotient(uint64_t *result, uint64_t *quotient, const uint64_t *left,
                                       const uint64_t *right, const tributary_lanes_modulus *modulus,
                                       uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_pair_scale(uint64_t *value, const uint64_t *factor, const tributary_lanes_pair_modulus *modulus,
                                uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_pair_seal(uint64_t *result, const uint64_t *value, const uint64_t *exponent,
                               const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_split_residue(uint64_t *result, const uint64_t *value, const tributary_lanes_modulus *modulus,
                                   uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_split_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                    const uint64_t *radix, const tributary_lanes_modulus *modulus,
                                    uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_split_join(uint64_t *result, const uint64_t *value, const uint64_t *factors,
                                const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_accumulate(uint64_t *sums, const uint64_t *const entries[8], size_t digits) { __builtin_trap(); }
void tributary_lanes_read_all(uint64_t *row, size_t digits, const uint8_t *const bytes[8], size_t count) {
    __builtin_trap();
}
void tributary_lanes_write_all(const uint64_t *row, size_t digits, uint8_t *const bytes[8], size_t count) {
    __builtin_trap();
}

#endif
