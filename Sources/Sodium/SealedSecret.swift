internal import CSodium

/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha; libsodium's AEAD) over secrets that travel: 24 bytes of fresh nonce, the
/// ciphertext, 16 bytes of tag.
package enum SealedSecret {
    package static let overhead =
        Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES) + Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)
    private static let nonceBytes = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)

    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - label: what this secret is; it opens under the same label alone.
    package static func seal(_ secret: SecretBytes, key: SecretBytes, label: String) throws -> [UInt8] {
        try seal(secret, key: key, label: label, nonce: SystemRandom.bytes(count: nonceBytes))
    }

    /// With a given nonce, for known answers alone.
    package static func seal(
        _ secret: SecretBytes, key: SecretBytes, label: String, nonce: [UInt8]
    ) throws -> [UInt8] {
        try check(key)
        precondition(nonce.count == nonceBytes, "a nonce has \(nonceBytes) bytes")
        let about = Array(label.utf8)
        var sealed = [UInt8](repeating: 0, count: secret.count + Int(crypto_aead_xchacha20poly1305_ietf_ABYTES))
        key.withUnsafeBytes { key in
            secret.withUnsafeBytes { secret in
                _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    &sealed, nil, secret.octets, UInt64(secret.count), about, UInt64(about.count), nil, nonce,
                    key.octets)
            }
        }
        return nonce + sealed
    }

    /// Nil where the bytes were not sealed under this key and label, or have been changed.
    package static func open(_ sealed: [UInt8], key: SecretBytes, label: String) throws -> SecretBytes? {
        try check(key)
        guard sealed.count >= overhead else { return nil }
        let about = Array(label.utf8)
        var isGenuine = false
        let secret = try SecretBytes(count: sealed.count - overhead) { target in
            key.withUnsafeBytes { key in
                sealed.withUnsafeBytes { sealed in
                    let body = UnsafeRawBufferPointer(rebasing: sealed[nonceBytes...])
                    isGenuine =
                        crypto_aead_xchacha20poly1305_ietf_decrypt(
                            target.octets, nil, nil, body.octets, UInt64(body.count), about, UInt64(about.count),
                            sealed.octets, key.octets) == 0
                }
            }
        }
        return isGenuine ? secret : nil
    }

    private static func check(_ key: SecretBytes) throws(SodiumError) {
        try Library.start()
        guard key.count == Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES) else {
            throw .wrongLength(
                what: "sealing key", expected: Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES), found: key.count)
        }
    }
}
