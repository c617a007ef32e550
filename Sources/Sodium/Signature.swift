internal import CSodium

/// An Ed25519 signature (RFC 8032), 64 bytes.
package struct Signature: Hashable, Sendable {
    package static let byteCount = 64
    package let bytes: [UInt8]

    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Signature.byteCount else { return nil }
        self.bytes = Array(bytes)
    }
}

/// An Ed25519 public key, 32 bytes.
package struct VerifyingKey: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 32
    package let bytes: [UInt8]

    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == VerifyingKey.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    package var description: String { Hex.encode(bytes) }

    package func verifies(_ signature: Signature, of message: some ContiguousCollection) -> Bool {
        message.withContiguousBytes { message in
            crypto_sign_verify_detached(
                signature.bytes, message.octets, UInt64(message.count), bytes)
                == 0
        }
    }
}

/// An Ed25519 key pair whose secret half lies in guarded memory.
package final class SigningKey: Sendable {
    package static let seedByteCount = 32
    private let secret: SecretBytes  // libsodium's 64-byte form: seed, then public key
    package let verifyingKey: VerifyingKey

    /// The pair that a 32-byte seed makes (RFC 8032, section 5.1.5).
    package init(seed: SecretBytes) throws {
        guard seed.count == SigningKey.seedByteCount else {
            throw SodiumError.wrongLength(what: "signing seed", expected: SigningKey.seedByteCount, found: seed.count)
        }
        var verifying = [UInt8](repeating: 0, count: VerifyingKey.byteCount)
        secret = try SecretBytes(count: Int(crypto_sign_SECRETKEYBYTES)) { target in
            _ = seed.withUnsafeBytes { seed in
                crypto_sign_seed_keypair(
                    &verifying, target.octets,
                    seed.octets)
            }
        }
        guard let key = VerifyingKey(bytes: verifying) else { throw SodiumError.invalidKey(what: "signing seed") }
        verifyingKey = key
    }

    package func signature(of message: some ContiguousCollection) -> Signature {
        var signature = [UInt8](repeating: 0, count: Signature.byteCount)
        secret.withUnsafeBytes { secret in
            message.withContiguousBytes { message in
                _ = crypto_sign_detached(
                    &signature, nil, message.octets, UInt64(message.count),
                    secret.octets)
            }
        }
        guard let made = Signature(bytes: signature) else { preconditionFailure("crypto_sign_detached fills 64 bytes") }
        return made
    }

    /// Lends libsodium's 64-byte secret form (seed, then public key), for formats that store it so.
    package func withSecretBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try secret.withUnsafeBytes(body)
    }
}
