internal import CSodium

/// SHA-512, for what other programs' protocols ask for.
package enum SHA512 {
    /// 128 lower-case hexadecimal digits over the pieces end to end, the last of which is a secret.
    package static func hex(of pieces: [[UInt8]], then secret: SecretBytes) -> String {
        var state = crypto_hash_sha512_state()
        crypto_hash_sha512_init(&state)
        for piece in pieces {
            piece.withUnsafeBytes { _ = crypto_hash_sha512_update(&state, $0.octets, UInt64($0.count)) }
        }
        secret.withUnsafeBytes { _ = crypto_hash_sha512_update(&state, $0.octets, UInt64($0.count)) }
        var output = [UInt8](repeating: 0, count: Int(crypto_hash_sha512_BYTES))
        crypto_hash_sha512_final(&state, &output)
        withUnsafeMutableBytes(of: &state) { sodium_memzero($0.octets, $0.count) }
        return Hex.encode(output)
    }
}
