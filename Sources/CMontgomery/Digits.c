#include "CMontgomery.h"

static const uint64_t digitMask = (1ULL << 52) - 1;

void tributary_lanes_scatter(uint64_t *const entries[8], const uint64_t *value, size_t digits) {
    for (size_t i = 0; i < digits; i++)
        for (int lane = 0; lane < 8; lane++) entries[lane][i] = value[8 * i + lane];
}

static inline uint64_t load_big_endian(const uint8_t *bytes) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    return __builtin_bswap64(word);
}

void tributary_lanes_read(uint64_t *row, size_t digits, size_t lane, const uint8_t *bytes, size_t count) {
    uint64_t *target = row + lane;
    size_t i = 0;
    // Two digits are 13 bytes: the second begins in the upper half of the seventh.
    for (size_t below = 0; i + 2 <= digits && below + 14 <= count; i += 2, below += 13) {
        const uint8_t *end = bytes + count - below;
        target[8 * i] = load_big_endian(end - 8) & digitMask;
        target[8 * i + 8] = load_big_endian(end - 14) >> 4 & digitMask;
    }
    for (; i < digits; i++) {
        const size_t bit = 52 * i, below = bit / 8;
        uint64_t word = 0;
        for (size_t k = 8; k-- > 0;) word = word << 8 | (below + k < count ? bytes[count - 1 - below - k] : 0);
        target[8 * i] = word >> bit % 8 & digitMask;
    }
}

void tributary_lanes_write(const uint64_t *row, size_t digits, size_t lane, uint8_t *bytes, size_t count) {
    unsigned __int128 waiting = 0;
    unsigned bits = 0;
    size_t next = 0;
    while (count > 0) {
        while (bits < 64 && next < digits) {
            waiting |= (unsigned __int128)row[8 * next++ + lane] << bits;
            bits += 52;
        }
        uint64_t word = (uint64_t)waiting;
        const size_t part = count < 8 ? count : 8;
        if (part == 8) {
            word = __builtin_bswap64(word);
            __builtin_memcpy(bytes + count - 8, &word, 8);
        } else {
            for (size_t k = 0; k < part; k++) bytes[count - 1 - k] = (uint8_t)(word >> 8 * k);
        }
        count -= part;
        waiting >>= 64;
        bits = bits > 64 ? bits - 64 : 0;
    }
}

void tributary_lanes_split(uint64_t *digits, size_t digitCount, size_t stride, const uint64_t *limbs, size_t count) {
    for (size_t i = 0; i < digitCount; i++) {
        const size_t bit = 52 * i, limb = bit / 64, shift = bit % 64;
        uint64_t word = limb < count ? limbs[limb] >> shift : 0;
        if (shift > 12 && limb + 1 < count) word |= limbs[limb + 1] << (64 - shift);
        digits[stride * i] = word & digitMask;
    }
}

void tributary_lanes_join(const uint64_t *digits, size_t digitCount, size_t stride, uint64_t *limbs, size_t count) {
    unsigned __int128 waiting = 0;
    unsigned bits = 0;
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        while (bits < 64 && next < digitCount) {
            waiting |= (unsigned __int128)digits[stride * next++] << bits;
            bits += 52;
        }
        limbs[i] = (uint64_t)waiting;
        waiting >>= 64;
        bits = bits > 64 ? bits - 64 : 0;
    }
}

void tributary_lanes_prefetch(const uint64_t *const entries[8], size_t digits) {
    for (int lane = 0; lane < 8; lane++)
        for (size_t i = 0; i < digits; i += 8) __builtin_prefetch(entries[lane] + i);
}

void tributary_lanes_double(uint64_t *sums, size_t digits) {
    for (int lane = 0; lane < 8; lane++) {
        uint64_t *sum = sums + (size_t)lane * digits, over = 0;
        for (size_t i = 0; i < digits; i++) {
            // Up to 2^63 before: fewer than 2^11 digits of 52 bits were added up.
            const uint64_t twice = 2 * sum[i] + over;
            sum[i] = twice & digitMask;
            over = twice >> 52;
        }
    }
}

void tributary_lanes_prefetch_bytes(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i += 64) __builtin_prefetch(bytes + i);
}
