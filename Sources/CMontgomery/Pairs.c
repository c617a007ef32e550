// Arithmetic modulo n^2 with residues as pairs of rows modulo n (CMontgomery.h).
#include "Kernels.h"

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512ifma,avx512vbmi"))), apply_to = function)

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
    join((row8 *)result, lower, upper, 2, &modulus->prime, columns);
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
void tributary_lanes_accumulate(uint64_t *sums, const uint64_t *const entries[8], size_t digits) { __builtin_trap(); }
void tributary_lanes_read_all(uint64_t *row, size_t digits, const uint8_t *const bytes[8], size_t count) {
    __builtin_trap();
}
void tributary_lanes_write_all(const uint64_t *row, size_t digits, uint8_t *const bytes[8], size_t count) {
    __builtin_trap();
}

#endif
