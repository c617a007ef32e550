internal import CSodium

/// BLAKE2b at its full 64 bytes (RFC 7693), where another tool's format asks for it.
package enum Blake2b512 {
    package static func digest(of data: some ContiguousCollection) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: 64)
        data.withContiguousBytes { bytes in
            _ = crypto_generichash(&output, output.count, bytes.octets, UInt64(bytes.count), nil, 0)
        }
        return output
    }
}

extension SHA256 {
    /// SHA-256 over a stream of pieces; one thread at a time.
    package final class Hasher {
        private var state = crypto_hash_sha256_state()

        package init() { crypto_hash_sha256_init(&state) }

        package func update(_ data: some ContiguousCollection) {
            data.withContiguousBytes { bytes in
                _ = crypto_hash_sha256_update(&state, bytes.octets, UInt64(bytes.count))
            }
        }

        /// Another hasher that has read the same.
        package func copy() -> Hasher {
            let other = Hasher()
            other.state = state
            return other
        }

        /// 64 lower-case hexadecimal digits. Ends the stream; the hasher must not be used after it.
        package func finish() -> String {
            var output = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
            crypto_hash_sha256_final(&state, &output)
            return Hex.encode(output)
        }
    }
}
