// Products modulo n^2 by division from the top (CMontgomery.h).
#include "Kernels.h"

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512ifma,avx512vbmi"))), apply_to = function)

/// quotient = floor(V / n) or up to 3 less, result = V - quotient * n, which is below 4n, for V below 2^(2 bits + 8). `digits` has
/// the 2 * digits digits of V, `columns` room for as many.
///
/// Barrett's: with A = floor(V / 2^(52 (e - 1))) and the reciprocal u, quotient = floor(A u / 2^(52 digits)). Each of the three
/// roundings takes less than 1, and so do the products left out here, those at the bottom of A u (Handbook of Applied Cryptography,
/// 14.42 to 14.44). Of quotient * n only the lower half is worked out, as the difference has no more.
static inline void divide(row8 *result, row8 *quotient, const row8 *digits, const tributary_lanes_divisor *divisor,
                          row8 *columns) {
    const size_t n = divisor->modulus.digits;
    const uint64_t *m = divisor->modulus.modulus, *u = divisor->reciprocal;
    const row8 *a = digits + divisor->length - 1;
    // Whatever lies in columns below n - 2 is too little to be missed, and what begins lower than two blocks below n stays there.
    const size_t lowest = n - 2 * BLOCK;
    for (size_t i = lowest; i < 2 * n; i++) columns[i] = zero();
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 *base = columns + i;
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = zero(), g1 = zero(), g2 = zero(), g3 = zero();
        const row8 x0 = a[i], x1 = a[i + 1], x2 = a[i + 2], x3 = a[i + 3];
#pragma clang loop unroll_count(4)
        for (size_t j = i < lowest ? lowest - i : 0; j < n; j++) {
            const row8 z = same(u[j]);
            SLIDE(x, z, base[j]);
        }
        ADD_WINDOW(base + n);
    }
    row8 over = zero();
    for (size_t i = lowest; i < 2 * n; i++) {
        const row8 sum = _mm512_add_epi64(columns[i], over);
        over = _mm512_srli_epi64(sum, 52);
        if (i >= n) quotient[i - n] = _mm512_and_si512(sum, MASK);
    }
    for (size_t i = 0; i < n; i++) columns[i] = zero();
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 *base = columns + i;
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = zero(), g1 = zero(), g2 = zero(), g3 = zero();
        const row8 x0 = quotient[i], x1 = quotient[i + 1], x2 = quotient[i + 2], x3 = quotient[i + 3];
#pragma clang loop unroll_count(4)
        for (size_t j = 0; j < n - i; j++) {
            const row8 z = same(m[j]);
            SLIDE(x, z, base[j]);
        }
        // What the windows hold lies above.
    }
    row8 borrow = zero();
    for (size_t i = 0; i < n; i++) {
        const row8 d = _mm512_add_epi64(_mm512_sub_epi64(digits[i], columns[i]), borrow);
        borrow = _mm512_srai_epi64(d, 52);
        result[i] = _mm512_and_si512(d, MASK);
    }
}

void tributary_lanes_split_residue(uint64_t *result, const uint64_t *value, const tributary_lanes_divisor *divisor,
                                   uint64_t *scratch) {
    row8 *target = (row8 *)result;
    divide(target, target + divisor->modulus.digits, (const row8 *)value, divisor, (row8 *)scratch);
}

void tributary_lanes_split_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                    const tributary_lanes_divisor *divisor, uint64_t *scratch) {
    const size_t n = divisor->modulus.digits;
    const row8 *a0 = (const row8 *)left, *a1 = a0 + n, *b0 = (const row8 *)right, *b1 = b0 + n;
    row8 *product = (row8 *)scratch, *columns = product + 2 * n, *quotient = columns + 2 * n, *lower = quotient + n;
    row8 *target = (row8 *)result;
    for (size_t i = 0; i < 2 * n; i++) product[i] = zero();
    add_product(product, a0, b0, n);
    carry(product, product, 2 * n);
    divide(lower, quotient, product, divisor, columns);
    // What the lower rows' product has above n belongs to the upper ones'.
    for (size_t i = 0; i < n; i++) {
        product[i] = quotient[i];
        product[n + i] = zero();
    }
    add_product(product, a0, b1, n);
    add_product(product, a1, b0, n);
    carry(product, product, 2 * n);
    divide(target + n, quotient, product, divisor, columns);
    for (size_t i = 0; i < n; i++) target[i] = lower[i];
}

void tributary_lanes_split_join(uint64_t *result, const uint64_t *value, const tributary_lanes_divisor *divisor,
                                uint64_t *scratch) {
    const size_t n = divisor->modulus.digits;
    row8 *columns = (row8 *)scratch, *lower = columns + 2 * n, *upper = lower + n;
    for (size_t i = 0; i < n; i++) {
        lower[i] = ((const row8 *)value)[i];
        upper[i] = ((const row8 *)value)[n + i];
    }
    join((row8 *)result, lower, upper, 4, &divisor->modulus, columns);
}

#pragma clang attribute pop

#else

// Never called: nothing else is where nothing is supported.
void tributary_lanes_split_residue(uint64_t *result, const uint64_t *value, const tributary_lanes_divisor *divisor,
                                   uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_split_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                    const tributary_lanes_divisor *divisor, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_split_join(uint64_t *result, const uint64_t *value, const tributary_lanes_divisor *divisor,
                                uint64_t *scratch) {
    __builtin_trap();
}

#endif
