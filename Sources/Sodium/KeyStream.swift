internal import CSodium

/// Keyed pseudo-random bytes: what must be the same again under the same secret and the same name, and unknowable without
/// the secret (stochastic rounding: docs/architecture.md, "Three sources of randomness"). Never for blinding or masks.
package enum KeyStream {
    package static let keyByteCount = 32

    /// `count` bytes of ChaCha20 (RFC 8439, IETF nonce of zero) under BLAKE2b(secret, label): one stream for each label.
    package static func bytes(count: Int, secret: SecretBytes, label: String) throws -> [UInt8] {
        try Library.start()
        guard secret.count == keyByteCount else {
            throw SodiumError.wrongLength(what: "stream secret", expected: keyByteCount, found: secret.count)
        }
        let name = Array(label.utf8)
        let key = try SecretBytes(count: Int(crypto_stream_chacha20_ietf_KEYBYTES)) { target in
            _ = secret.withUnsafeBytes { secret in
                crypto_generichash(
                    target.octets, target.count, name, UInt64(name.count),
                    secret.octets, secret.count)
            }
        }
        let nonce = [UInt8](repeating: 0, count: Int(crypto_stream_chacha20_ietf_NONCEBYTES))
        var output = [UInt8](repeating: 0, count: count)
        _ = key.withUnsafeBytes { key in
            crypto_stream_chacha20_ietf(
                &output, UInt64(count), nonce, key.octets)
        }
        return output
    }
}

/// The system's generator: blinding, masks, key making. Never reproducible.
package enum SystemRandom {
    package static func bytes(count: Int) throws -> [UInt8] {
        try Library.start()
        var output = [UInt8](repeating: 0, count: count)
        randombytes_buf(&output, count)
        return output
    }
}

/// Overwrites memory in a way that the compiler may not drop.
package func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { sodium_memzero($0.octets, $0.count) }
}
