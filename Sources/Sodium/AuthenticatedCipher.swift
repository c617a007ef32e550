internal import CSodium

/// Symmetric authenticated encryption of whole messages: what benchmarks compare encryption that adds up with.
package struct AuthenticatedCipher: Sendable {
    package enum Algorithm: String, Sendable, CaseIterable {
        /// NIST SP 800-38D; libsodium has it for processors with AES instructions alone.
        case aes256GCM = "aes-256-gcm"
        case xchacha20Poly1305 = "xchacha20-poly1305"
    }

    package let algorithm: Algorithm
    private let key: SecretBytes

    /// Nil where the processor lacks what the algorithm needs.
    package init?(_ algorithm: Algorithm, key: SecretBytes) {
        guard key.count == 32, algorithm != .aes256GCM || crypto_aead_aes256gcm_is_available() == 1 else { return nil }
        self.algorithm = algorithm
        self.key = key
    }

    package var nonceByteCount: Int { algorithm == .aes256GCM ? 12 : 24 }
    package static let tagByteCount = 16

    /// `target`, 16 bytes longer than `message`, = the message encrypted and its tag. A nonce must be used once.
    package func seal(
        _ message: UnsafeRawBufferPointer, nonce: [UInt8], into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(
            nonce.count == nonceByteCount && target.count == message.count + AuthenticatedCipher.tagByteCount, "sizes")
        let input = message.bindMemory(to: UInt8.self).baseAddress
        let length = UInt64(message.count)
        key.withUnsafeBytes { key in
            guard let key = key.bindMemory(to: UInt8.self).baseAddress,
                let output = target.bindMemory(to: UInt8.self).baseAddress
            else { preconditionFailure("a key has bytes, a target room for a tag") }
            switch algorithm {
            case .aes256GCM: _ = crypto_aead_aes256gcm_encrypt(output, nil, input, length, nil, 0, nil, nonce, key)
            case .xchacha20Poly1305:
                _ = crypto_aead_xchacha20poly1305_ietf_encrypt(output, nil, input, length, nil, 0, nil, nonce, key)
            }
        }
    }

    /// The way back; false where the tag does not fit.
    package func open(
        _ sealed: UnsafeRawBufferPointer, nonce: [UInt8], into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(
            nonce.count == nonceByteCount && sealed.count == target.count + AuthenticatedCipher.tagByteCount, "sizes")
        let output = target.bindMemory(to: UInt8.self).baseAddress
        let length = UInt64(sealed.count)
        return key.withUnsafeBytes { key in
            guard let key = key.bindMemory(to: UInt8.self).baseAddress,
                let input = sealed.bindMemory(to: UInt8.self).baseAddress
            else { preconditionFailure("a key has bytes, what is sealed a tag") }
            return switch algorithm {
            case .aes256GCM: crypto_aead_aes256gcm_decrypt(output, nil, nil, input, length, nil, 0, nonce, key) == 0
            case .xchacha20Poly1305:
                crypto_aead_xchacha20poly1305_ietf_decrypt(output, nil, nil, input, length, nil, 0, nonce, key) == 0
            }
        }
    }
}
