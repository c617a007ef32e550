internal import CSodium

/// A 32-byte BLAKE2b digest (RFC 7693), the project's own digest for contents and chains.
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let byteCount = 32
    package let bytes: [UInt8]

    /// Takes a digest from a wire or a file; nil if it is not 32 bytes long.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    /// The digest of `data`.
    package init(of data: some ContiguousCollection) {
        let hasher = Hasher()
        hasher.update(data)
        self = hasher.finish()
    }

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    package var description: String { Hex.encode(bytes) }
    /// The first eight hexadecimal digits, for people.
    package var short: String { String(description.prefix(8)) }

    package static func < (left: Digest, right: Digest) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    /// BLAKE2b over a stream of pieces; one thread at a time.
    package final class Hasher {
        // crypto_generichash_state is opaque to Swift (a packed struct): it lives on the heap, aligned as its manual asks.
        private let state = UnsafeMutableRawPointer.allocate(
            byteCount: crypto_generichash_statebytes(), alignment: 64)

        package init() { crypto_generichash_init(OpaquePointer(state), nil, 0, Digest.byteCount) }

        package func update(_ data: some ContiguousCollection) {
            data.withContiguousBytes { bytes in
                _ = crypto_generichash_update(OpaquePointer(state), bytes.octets, UInt64(bytes.count))
            }
        }

        /// Ends the stream; the hasher must not be used after it.
        package func finish() -> Digest {
            var output = [UInt8](repeating: 0, count: Digest.byteCount)
            crypto_generichash_final(OpaquePointer(state), &output, output.count)
            return Digest(unchecked: output)
        }

        deinit { state.deallocate() }
    }
}

/// SHA-256, for what other tools read: release manifests, `sha256sum`.
package enum SHA256 {
    /// 64 lower-case hexadecimal digits.
    package static func hex(of data: some ContiguousCollection) -> String {
        var output = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        data.withContiguousBytes { bytes in
            _ = crypto_hash_sha256(
                &output, bytes.octets, UInt64(bytes.count))
        }
        return Hex.encode(output)
    }
}
