// Montgomery multiplication of eight residues at once with AVX-512 IFMA (vpmadd52luq, vpmadd52huq).
//
// A residue is a row of digits of 52 bits. Eight of them lie side by side: word 8 * i + lane is digit i of the
// residue in `lane`, and a row is aligned to 64 bytes. R is 2^(52 * digits), the modulus m is odd, and m < R / 64: a
// residue may stand for itself plus a few times m, and nothing here compares with m but `tributary_lanes_canonical`.
// Every result lies below 2m when the factors lie below 4m (Walter, CT-RSA 2002; Gueron, Krasnov, "Software
// implementation of modular exponentiation, using advanced vector instructions architectures", WAIFI 2012: almost
// Montgomery multiplication).
//
// No branch and no address depends on a digit, nor on an exponent in the powers below. The callers wipe
// rows and scratch; registers that the compiler spills to the stack are out of their reach.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /// Digits of 52 bits; a multiple of 4, at most 512 so that sums of products fit 64 bits.
    size_t digits;
    /// -m^-1 mod 2^52.
    uint64_t inverse;
    /// m, one word for each digit.
    const uint64_t *modulus;
} tributary_lanes_modulus;

/// Words of scratch that the functions below need, aligned like a row; they leave intermediate values there.
static inline size_t tributary_lanes_scratch_words(size_t digits) { return 8 * 2 * digits; }

/// Whether this processor, and the kernel's care for its registers, allow any other function here to be called.
bool tributary_lanes_supported(void);

/// result = left * right / R mod m, lane by lane. `result` may be a factor.
void tributary_lanes_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                              const tributary_lanes_modulus *modulus, uint64_t *scratch);

/// result = value^2 / R mod m, lane by lane, in three quarters of a multiplication's time. `result` may be `value`.
void tributary_lanes_square(uint64_t *result, const uint64_t *value, const tributary_lanes_modulus *modulus,
                            uint64_t *scratch);

/// result = value / R mod m, for a value below m * R of up to 2 * digits digits, `valueDigits` of which are given.
void tributary_lanes_reduce(uint64_t *result, const uint64_t *value, size_t valueDigits,
                            const tributary_lanes_modulus *modulus, uint64_t *scratch);

/// value = value mod m for a value below 2m.
void tributary_lanes_canonical(uint64_t *value, const tributary_lanes_modulus *modulus, uint64_t *scratch);

/// The square of a prime p, for residues as pairs: two rows, x0 then x1, stand for x0 + x1 * p. With half as many
/// digits in each, a squaring takes 7/12 of one modulo p^2 as a whole: x1 is needed modulo p alone.
///
/// (x0 + x1 p)(y0 + y1 p) / R = t + p (x0 y1 + x1 y0 - q) / R mod p^2, where x0 y0 + q p = t R, as Montgomery's
/// reduction of x0 y0 modulo p finds t and q.
typedef struct {
    tributary_lanes_modulus prime;
    /// (1 - R) mod p, one word for each digit.
    const uint64_t *correction;
} tributary_lanes_pair_modulus;

/// Bits of the exponent that `tributary_lanes_pair_power` takes at a time.
#define TRIBUTARY_LANES_WINDOW 4
/// Words of scratch that the functions below need, and of the table of `tributary_lanes_pair_power`, both aligned
/// like a row; they leave intermediate values there.
static inline size_t tributary_lanes_pair_scratch_words(size_t digits) { return 8 * 5 * digits; }
static inline size_t tributary_lanes_pair_table_words(size_t digits) {
    return 8 * 2 * digits * ((1 << TRIBUTARY_LANES_WINDOW) + 1);
}

/// result = left * right / R mod p^2; `result` may be a factor. The rows of both factors must be below 12p, or those
/// of one below R and those of the other below p; those of the result are below 7p, and below 4p where the factors'
/// were below 7p.
void tributary_lanes_pair_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                   const tributary_lanes_pair_modulus *modulus, uint64_t *scratch);
/// value = value^2 / R mod p^2.
void tributary_lanes_pair_square(uint64_t *value, const tributary_lanes_pair_modulus *modulus, uint64_t *scratch);
/// result = base^exponent, base, `one` and result in Montgomery form, with the same exponent in all lanes:
/// `exponentBits` bits, least significant byte first. The table of powers is read whole, with masks, for each digit
/// of the exponent: time and addresses depend on the sizes alone. `result` may be `base`.
void tributary_lanes_pair_power(uint64_t *result, const uint64_t *base, const uint64_t *one, const uint8_t *exponent,
                                size_t exponentBits, const tributary_lanes_pair_modulus *modulus, uint64_t *table,
                                uint64_t *scratch);
/// The same modulo m, with rows instead of pairs and a table of `tributary_lanes_power_table_words`.
void tributary_lanes_power(uint64_t *result, const uint64_t *base, const uint64_t *one, const uint8_t *exponent,
                           size_t exponentBits, const tributary_lanes_modulus *modulus, uint64_t *table,
                           uint64_t *scratch);
static inline size_t tributary_lanes_power_table_words(size_t digits) {
    return 8 * digits * ((1 << TRIBUTARY_LANES_WINDOW) + 1);
}
/// result = left + right, which must fit the digits.
void tributary_lanes_add(uint64_t *result, const uint64_t *left, const uint64_t *right, size_t digits);

/// result = left * right / R mod m, and the digits of the q with left * right + q * m = result * R.
void tributary_lanes_multiply_quotient(uint64_t *result, uint64_t *quotient, const uint64_t *left,
                                       const uint64_t *right, const tributary_lanes_modulus *modulus,
                                       uint64_t *scratch);

// Modulo n^2 for an n that need not be prime, with the pairs and the scratch of the functions above. A unit can also be
// written b * (1 + n l) with b and l below n: multiplying a pair by b alone takes two multiplications modulo n, and the
// l of all factors are added up and come in at the end, where the plaintext m, as (1 + n)^m = 1 + n m, comes in with
// them.

/// value = value * factor / R mod n^2, for a pair of rows below 2n and one row below 2n; both stay below 2n.
void tributary_lanes_pair_scale(uint64_t *value, const uint64_t *factor, const tributary_lanes_pair_modulus *modulus,
                                uint64_t *scratch);
/// result = value / R * (1 + n * exponent) mod n^2, canonical and of twice the digits; the rows of `value` are below 2n,
/// `exponent` below R / 4.
void tributary_lanes_pair_seal(uint64_t *result, const uint64_t *value, const uint64_t *exponent,
                               const tributary_lanes_pair_modulus *modulus, uint64_t *scratch);

// For products of public residues c below n^2: two rows c0, c1 with c = c0 + n c1, by division from the top (Barrett, CRYPTO '86), which leaves
// no power of R behind as Montgomery's does. Rows are below 4n where nothing else is said.

/// A modulus n of e digits, and what divides by it. 2 * bits + 8 <= 52 * (digits + e - 1), bits being those of n.
typedef struct {
    tributary_lanes_modulus modulus;
    /// e: how many digits n has without its leading zeros.
    size_t length;
    /// floor(2^(52 (digits + e - 1)) / n), one word for each digit.
    const uint64_t *reciprocal;
} tributary_lanes_divisor;

/// Words of scratch that the functions below need, aligned like a row; they leave intermediate values there.
static inline size_t tributary_lanes_split_scratch_words(size_t digits) { return 8 * 6 * digits; }

/// The rows c0 and c1 of `value`, which has twice the digits; c1 is at most n.
void tributary_lanes_split_residue(uint64_t *result, const uint64_t *value, const tributary_lanes_divisor *divisor,
                                   uint64_t *scratch);
/// result = left * right mod n^2; `result` may be a factor.
void tributary_lanes_split_multiply(uint64_t *result, const uint64_t *left, const uint64_t *right,
                                    const tributary_lanes_divisor *divisor, uint64_t *scratch);
/// result = value mod n^2, canonical and of twice the digits.
void tributary_lanes_split_join(uint64_t *result, const uint64_t *value, const tributary_lanes_divisor *divisor,
                                uint64_t *scratch);

/// Adds to eight single rows, one behind the other: sums + lane * digits += entries[lane], without carries.
void tributary_lanes_accumulate(uint64_t *sums, const uint64_t *const entries[8], size_t digits);
/// Doubles eight single rows and carries: digits are below 2^52 afterwards, but for the last.
void tributary_lanes_double(uint64_t *sums, size_t digits);

/// `tributary_lanes_read` for all lanes at once.
void tributary_lanes_read_all(uint64_t *row, size_t digits, const uint8_t *const bytes[8], size_t count);
/// `tributary_lanes_write` for all lanes at once; those without an address are left out.
void tributary_lanes_write_all(const uint64_t *row, size_t digits, uint8_t *const bytes[8], size_t count);

/// Gathers eight single rows (one word for each digit) into lanes: entries[lane].
void tributary_lanes_gather(uint64_t *result, const uint64_t *const entries[8], size_t digits);
/// The other way round: writes the residues of a row as eight single rows.
void tributary_lanes_scatter(uint64_t *const entries[8], const uint64_t *value, size_t digits);
/// Asks for bytes to be brought near.
void tributary_lanes_prefetch_bytes(const uint8_t *bytes, size_t count);
/// Asks for eight single rows to be brought near.
void tributary_lanes_prefetch(const uint64_t *const entries[8], size_t digits);

/// Writes `count` bytes, most significant first, as the digits of `lane`; what does not fit the digits is cut off.
void tributary_lanes_read(uint64_t *row, size_t digits, size_t lane, const uint8_t *bytes, size_t count);
/// Writes the digits of `lane` as `count` bytes, most significant first; what does not fit the bytes is cut off.
void tributary_lanes_write(const uint64_t *row, size_t digits, size_t lane, uint8_t *bytes, size_t count);
/// Splits `count` limbs of 64 bits, least significant first, into digits `stride` words apart: 8 in a row (from the
/// lane's first word), 1 in a single one. What does not fit is cut off.
void tributary_lanes_split(uint64_t *digits, size_t digitCount, size_t stride, const uint64_t *limbs, size_t count);
/// The other way round.
void tributary_lanes_join(const uint64_t *digits, size_t digitCount, size_t stride, uint64_t *limbs, size_t count);
