#include "Kernels.h"

#if defined(__x86_64__)

bool tributary_lanes_supported(void) {
    // Both ask the operating system as well (XGETBV): registers that it does not save are not reported.
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi");
}

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512ifma,avx512vbmi"))), apply_to = function)

void tributary_lanes_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                              const tributary_lanes_modulus *modulus, uint64_t *scratch) {
    multiply((row8 *)result, (const row8 *)left, (const row8 *)right, NULL, NULL, modulus, (row8 *)scratch);
}

/// result = a^2 / R mod m; the lower columns get the quotient, as `reduce` says.
static inline void square(row8 *result, const row8 *a, const tributary_lanes_modulus *modulus, row8 *columns) {
    const size_t n = modulus->digits;
    for (size_t i = 0; i < 2 * n; i++) columns[i] = zero();
    // Each product of two different digits once ...
    for (size_t i = 0; i < n; i += BLOCK) {
        row8 x[BLOCK];
        row8 *base = columns + i;
        for (int s = 0; s < BLOCK; s++) x[s] = a[i + s];
        for (int s = 0; s < BLOCK; s++)
            for (int r = s + 1; r < BLOCK; r++) {
                base[i + s + r] = low(base[i + s + r], x[s], x[r]);
                base[i + s + r + 1] = high(base[i + s + r + 1], x[s], x[r]);
            }
        row8 f0 = zero(), f1 = zero(), f2 = zero(), g0 = zero(), g1 = zero(), g2 = zero(), g3 = zero();
        const row8 x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
        // After four turns every window is back in its registers.
#pragma clang loop unroll_count(4)
        for (size_t j = i + BLOCK; j < n; j++) {
            const row8 y = a[j];
            SLIDE(x, y, base[j]);
        }
        ADD_WINDOW(base + n);
    }
    // ... and again, with the squares of the digits.
    for (size_t i = 0; i < n; i++) {
        columns[2 * i] = low(_mm512_slli_epi64(columns[2 * i], 1), a[i], a[i]);
        columns[2 * i + 1] = high(_mm512_slli_epi64(columns[2 * i + 1], 1), a[i], a[i]);
    }
    reduce(result, columns, modulus);
}

void tributary_lanes_square(uint64_t *result, const uint64_t *value, const tributary_lanes_modulus *modulus,
                            uint64_t *scratch) {
    square((row8 *)result, (const row8 *)value, modulus, (row8 *)scratch);
}

void tributary_lanes_reduce(uint64_t *result, const uint64_t *value, size_t valueDigits,
                            const tributary_lanes_modulus *modulus, uint64_t *scratch) {
    const size_t n = modulus->digits;
    row8 *columns = (row8 *)scratch;
    for (size_t i = 0; i < 2 * n; i++) columns[i] = i < valueDigits ? ((const row8 *)value)[i] : zero();
    reduce((row8 *)result, columns, modulus);
}

void tributary_lanes_canonical(uint64_t *value, const tributary_lanes_modulus *modulus, uint64_t *scratch) {
    subtract_once((row8 *)value, modulus, (row8 *)scratch);
}

/// `count` rows from row i of entry `index` of the table.
static inline __attribute__((always_inline)) void look_up_part(row8 *result, const row8 *table, size_t entries,
                                                               size_t index, size_t n, size_t i, const int count) {
    row8 d[8];
    for (int k = 0; k < count; k++) d[k] = zero();
    for (size_t entry = 0; entry < entries; entry++) {
        // All ones for the one wanted. The compiler must not know what this compares: it would be free to branch.
        size_t difference = entry ^ index;
        __asm__("" : "+r"(difference));
        const __mmask8 chosen = (__mmask8)(0 - ((difference - 1) >> 63));
        const row8 *row = table + entry * n + i;
        for (int k = 0; k < count; k++) d[k] = _mm512_mask_mov_epi64(d[k], chosen, row[k]);
    }
    for (int k = 0; k < count; k++) result[i + k] = d[k];
}

/// result = table[index] for entries of n rows, a multiple of 4: all of the table is read, and masks choose.
static inline void look_up(row8 *result, const row8 *table, size_t entries, size_t index, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) look_up_part(result, table, entries, index, n, i, 8);
    if (i < n) look_up_part(result, table, entries, index, n, i, 4);
}

static inline size_t exponent_digit(const uint8_t *exponent, size_t exponentBits, size_t digit) {
    size_t index = 0;
    for (size_t bit = 0; bit < TRIBUTARY_LANES_WINDOW; bit++) {
        const size_t position = digit * TRIBUTARY_LANES_WINDOW + bit;
        if (position < exponentBits) index |= (size_t)(exponent[position / 8] >> position % 8 & 1) << bit;
    }
    return index;
}

void tributary_lanes_pair_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                   const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    const size_t n = modulus->prime.digits;
    const row8 *a0 = (const row8 *)left, *a1 = a0 + n, *b0 = (const row8 *)right, *b1 = b0 + n;
    row8 *columns = (row8 *)scratch, *q = columns + 2 * n, *lower = q + n, *upper = lower + n;
    multiply(lower, a0, b0, NULL, q, &modulus->prime, columns);
    complement(q, q, modulus->correction, n);
    multiply(upper, a0, b1, q, NULL, &modulus->prime, columns);
    multiply(q, a1, b0, NULL, NULL, &modulus->prime, columns);
    row8 *target = (row8 *)result;
    for (size_t i = 0; i < n; i++) {
        target[i] = lower[i];
        upper[i] = _mm512_add_epi64(upper[i], q[i]);
    }
    carry(target + n, upper, n);
}

void tributary_lanes_pair_square(uint64_t *value, const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    const size_t n = modulus->prime.digits;
    row8 *a0 = (row8 *)value, *a1 = a0 + n;
    row8 *columns = (row8 *)scratch, *q = columns + 2 * n, *lower = q + n, *doubled = lower + n;
    for (size_t i = 0; i < n; i++) doubled[i] = _mm512_slli_epi64(a1[i], 1);
    carry(doubled, doubled, n);
    square(lower, a0, &modulus->prime, columns);
    complement(q, columns, modulus->correction, n);
    multiply(a1, a0, doubled, q, NULL, &modulus->prime, columns);
    for (size_t i = 0; i < n; i++) a0[i] = lower[i];
}

void tributary_lanes_add(uint64_t *result, const uint64_t *left, const uint64_t *right, size_t digits) {
    row8 over = zero();
    for (size_t i = 0; i < digits; i++) {
        row8 sum = _mm512_add_epi64(_mm512_add_epi64(((const row8 *)left)[i], ((const row8 *)right)[i]), over);
        over = _mm512_srli_epi64(sum, 52);
        ((row8 *)result)[i] = _mm512_and_si512(sum, MASK);
    }
}

void tributary_lanes_pair_power(uint64_t *result, const uint64_t *base, const uint64_t *one, const uint8_t *exponent,
                                size_t exponentBits, const tributary_lanes_pair_modulus *modulus, uint64_t *table,
                                uint64_t *scratch) {
    const size_t n = 2 * modulus->prime.digits, width = 8 * n, entries = 1 << TRIBUTARY_LANES_WINDOW;
    uint64_t *chosen = table + entries * width;
    for (size_t i = 0; i < width; i++) {
        table[i] = one[i];
        table[width + i] = base[i];
    }
    for (size_t entry = 2; entry < entries; entry++)
        tributary_lanes_pair_multiply(table + entry * width, table + (entry - 1) * width, table + width, modulus,
                                      scratch);
    const size_t digits = (exponentBits + TRIBUTARY_LANES_WINDOW - 1) / TRIBUTARY_LANES_WINDOW;
    for (size_t digit = digits; digit-- > 0;) {
        const size_t index = exponent_digit(exponent, exponentBits, digit);
        if (digit == digits - 1) {
            look_up((row8 *)result, (const row8 *)table, entries, index, n);
            continue;
        }
        for (int i = 0; i < TRIBUTARY_LANES_WINDOW; i++) tributary_lanes_pair_square(result, modulus, scratch);
        look_up((row8 *)chosen, (const row8 *)table, entries, index, n);
        tributary_lanes_pair_multiply(result, result, chosen, modulus, scratch);
    }
}

void tributary_lanes_power(uint64_t *result, const uint64_t *base, const uint64_t *one, const uint8_t *exponent,
                           size_t exponentBits, const tributary_lanes_modulus *modulus, uint64_t *table,
                           uint64_t *scratch) {
    const size_t n = modulus->digits, width = 8 * n, entries = 1 << TRIBUTARY_LANES_WINDOW;
    uint64_t *chosen = table + entries * width;
    for (size_t i = 0; i < width; i++) {
        table[i] = one[i];
        table[width + i] = base[i];
    }
    for (size_t entry = 2; entry < entries; entry++)
        tributary_lanes_multiply(table + entry * width, table + (entry - 1) * width, table + width, modulus, scratch);
    const size_t digits = (exponentBits + TRIBUTARY_LANES_WINDOW - 1) / TRIBUTARY_LANES_WINDOW;
    for (size_t digit = digits; digit-- > 0;) {
        const size_t index = exponent_digit(exponent, exponentBits, digit);
        if (digit == digits - 1) {
            look_up((row8 *)result, (const row8 *)table, entries, index, n);
            continue;
        }
        for (int i = 0; i < TRIBUTARY_LANES_WINDOW; i++) tributary_lanes_square(result, result, modulus, scratch);
        look_up((row8 *)chosen, (const row8 *)table, entries, index, n);
        tributary_lanes_multiply(result, result, chosen, modulus, scratch);
    }
}

void tributary_lanes_gather(uint64_t *result, const uint64_t *const entries[8], size_t digits) {
    for (size_t i = 0; i < digits; i += 8) {
        const __mmask8 part = digits - i >= 8 ? 0xff : (__mmask8)((1 << (digits - i)) - 1);
        row8 r[8], out[8];
        for (int k = 0; k < 8; k++) r[k] = _mm512_maskz_loadu_epi64(part, entries[k] + i);
        transpose(out, r);
        for (size_t k = 0; k < 8 && i + k < digits; k++) _mm512_store_si512(result + 8 * (i + k), out[k]);
    }
}

#pragma clang attribute pop

#else

// Never called: nothing else is where nothing is supported.
bool tributary_lanes_supported(void) { return false; }
void tributary_lanes_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                              const tributary_lanes_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_square(uint64_t *result, const uint64_t *value, const tributary_lanes_modulus *modulus,
                            uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_reduce(uint64_t *result, const uint64_t *value, size_t valueDigits,
                            const tributary_lanes_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_canonical(uint64_t *value, const tributary_lanes_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_pair_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                   const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_pair_square(uint64_t *value, const tributary_lanes_pair_modulus *modulus, uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_pair_power(uint64_t *result, const uint64_t *base, const uint64_t *one, const uint8_t *exponent,
                                size_t exponentBits, const tributary_lanes_pair_modulus *modulus, uint64_t *table,
                                uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_power(uint64_t *result, const uint64_t *base, const uint64_t *one, const uint8_t *exponent,
                           size_t exponentBits, const tributary_lanes_modulus *modulus, uint64_t *table,
                           uint64_t *scratch) {
    __builtin_trap();
}
void tributary_lanes_add(uint64_t *result, const uint64_t *left, const uint64_t *right, size_t digits) {
    __builtin_trap();
}
void tributary_lanes_gather(uint64_t *result, const uint64_t *const entries[8], size_t digits) { __builtin_trap(); }

#endif
