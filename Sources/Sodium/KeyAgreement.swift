internal import CSodium

/// X25519 (RFC 7748, section 6.1).
extension BoxKeyPair {
    /// The secret that this pair and the owner of `other` have in common: the raw output, to be hashed before use.
    ///
    /// A key of small order, which would give the same secret with everybody, is refused (RFC 7748: all-zero output).
    package func agreement(with other: [UInt8]) throws -> SecretBytes {
        guard other.count == BoxKeyPair.keyByteCount else {
            throw SodiumError.wrongLength(what: "X25519 key", expected: BoxKeyPair.keyByteCount, found: other.count)
        }
        return try SecretBytes(count: Int(crypto_scalarmult_BYTES)) { target in
            let outcome = secret.withUnsafeBytes { crypto_scalarmult(target.octets, $0.octets, other) }
            guard outcome == 0 else { throw SodiumError.invalidKey(what: "X25519 key of small order") }
        }
    }

    /// Whether `key` may be agreed with: the one form of its number (below 2^255 - 19, top bit 0), and not of small order.
    package static func isAgreeable(_ key: [UInt8]) -> Bool {
        guard key.count == keyByteCount, isCanonical(key) else { return false }
        // Any scalar will do: clamping makes it a multiple of the cofactor, and small order gives zero with all of them.
        let scalar = [UInt8](repeating: 1, count: keyByteCount)
        var output = [UInt8](repeating: 0, count: Int(crypto_scalarmult_BYTES))
        return crypto_scalarmult(&output, scalar, key) == 0
    }

    /// Little endian, below 2^255 - 19 = 0x7fff...ffed.
    private static func isCanonical(_ key: [UInt8]) -> Bool {
        guard key[31] <= 0x7f else { return false }
        return !(key[31] == 0x7f && key[1..<31].allSatisfy { $0 == 0xff } && key[0] >= 0xed)
    }
}
