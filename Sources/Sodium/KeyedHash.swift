internal import CSodium

/// BLAKE2b-256 under a key (RFC 7693, section 2.9): derives keys from secrets, and commits to them.
package enum KeyedHash {
    /// A key for one purpose, which `label` names.
    package static func key(from secret: UnsafeRawBufferPointer, label: String) throws -> SecretBytes {
        try SecretBytes(count: Digest.byteCount) { try hash(label, under: secret, into: $0) }
    }

    /// The same, written to 32 bytes of guarded memory that the caller has.
    package static func key(
        from secret: UnsafeRawBufferPointer, label: String, into target: UnsafeMutableRawBufferPointer
    ) throws {
        try hash(label, under: secret, into: target)
    }

    /// Tells nothing of a secret of 32 random bytes, and nobody finds a second one with the same digest.
    package static func commitment(to secret: UnsafeRawBufferPointer, label: String) throws -> Digest {
        var output = [UInt8](repeating: 0, count: Digest.byteCount)
        try output.withUnsafeMutableBytes { try hash(label, under: secret, into: $0) }
        return Digest(unchecked: output)
    }

    private static func hash(
        _ label: String, under key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws {
        try Library.start()
        guard key.count == Digest.byteCount else {
            throw SodiumError.wrongLength(what: "hashing key", expected: Digest.byteCount, found: key.count)
        }
        precondition(target.count == Digest.byteCount, "a digest has 32 bytes")
        let text = Array(label.utf8)
        crypto_generichash(target.octets, target.count, text, UInt64(text.count), key.octets, key.count)
    }
}
