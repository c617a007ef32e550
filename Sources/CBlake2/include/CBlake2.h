// BLAKE2b-256 (RFC 7693) of eight leaves at a time, one in each lane of a vector register: what libsodium does one after
// another. Nothing here is secret.
#pragma once
#include <stdint.h>

enum {
    /// Bytes of a leaf.
    tributary_leaf_bytes = 16 << 10,
    /// Leaves that are digested together.
    tributary_leaf_lanes = 8,
};

/// Writes the digests, 32 bytes each, of eight consecutive leaves to `digests`, under the 16 bytes `person` as BLAKE2b's
/// personalisation.
void tributary_digest_leaves(const uint8_t *leaves, const uint8_t *person, uint8_t *digests);
