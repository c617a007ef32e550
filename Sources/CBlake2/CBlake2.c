#include "CBlake2.h"
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "BLAKE2b's words are little-endian, and are loaded here as they lie"
#endif

// A word of each of the eight leaves: one register of AVX-512, two of AVX2, four of SSE2; the compiler sees to it.
typedef uint64_t word __attribute__((vector_size(64)));

static const uint64_t initial[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

#define ROTATE(x, n) ((x) >> (n) | (x) << (64 - (n)))

// RFC 7693, section 3.1.
#define MIX(a, b, c, d, x, y) \
    do { \
        a = a + b + x; d = ROTATE(d ^ a, 32); c = c + d; b = ROTATE(b ^ c, 24); \
        a = a + b + y; d = ROTATE(d ^ a, 16); c = c + d; b = ROTATE(b ^ c, 63); \
    } while (0)

// Section 3.2, with a row of section 2.7's SIGMA.
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    do { \
        MIX(v0, v4, v8, v12, m[s0], m[s1]); MIX(v1, v5, v9, v13, m[s2], m[s3]); \
        MIX(v2, v6, v10, v14, m[s4], m[s5]); MIX(v3, v7, v11, v15, m[s6], m[s7]); \
        MIX(v0, v5, v10, v15, m[s8], m[s9]); MIX(v1, v6, v11, v12, m[s10], m[s11]); \
        MIX(v2, v7, v8, v13, m[s12], m[s13]); MIX(v3, v4, v9, v14, m[s14], m[s15]); \
    } while (0)

static inline uint64_t load(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

#if defined(__x86_64__)
// One of three is chosen when the program is loaded, by what the processor has.
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
void tributary_digest_leaves(const uint8_t *leaves, const uint8_t *person, uint8_t *digests) {
    enum { lanes = tributary_leaf_lanes, size = tributary_leaf_bytes, block = 128 };
    word h[8], m[16];
    for (int i = 0; i < 8; i++) h[i] = initial[i] - (word){};
    // The parameter block (section 2.5 and the BLAKE2 paper's 2.8): 32 bytes of digest, no key, fanout and depth 1, person.
    h[0] ^= 0x01010020 - (word){};
    h[6] ^= load(person) - (word){};
    h[7] ^= load(person + 8) - (word){};
    for (uint64_t done = 0; done < size; done += block) {
        for (int i = 0; i < 16; i++) {
            const uint8_t *at = leaves + done + 8 * i;
            m[i] = (word){load(at), load(at + size), load(at + 2 * size), load(at + 3 * size),
                load(at + 4 * size), load(at + 5 * size), load(at + 6 * size), load(at + 7 * size)};
        }
        word v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
        word v8 = initial[0] - (word){}, v9 = initial[1] - (word){}, v10 = initial[2] - (word){};
        word v11 = initial[3] - (word){}, v12 = (initial[4] ^ (done + block)) - (word){};
        word v13 = initial[5] - (word){};
        word v14 = (done + block == size ? ~initial[6] : initial[6]) - (word){}, v15 = initial[7] - (word){};
        ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
        ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
        ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
        ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
        ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
        ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
        ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
        ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
        ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
        ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
        h[0] ^= v0 ^ v8; h[1] ^= v1 ^ v9; h[2] ^= v2 ^ v10; h[3] ^= v3 ^ v11;
        h[4] ^= v4 ^ v12; h[5] ^= v5 ^ v13; h[6] ^= v6 ^ v14; h[7] ^= v7 ^ v15;
    }
    for (int lane = 0; lane < lanes; lane++) {
        for (int i = 0; i < 4; i++) {
            uint64_t value = h[i][lane];
            memcpy(digests + 32 * lane + 8 * i, &value, sizeof value);
        }
    }
}
