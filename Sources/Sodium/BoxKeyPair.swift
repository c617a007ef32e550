internal import CSodium

/// A Curve25519 key pair (RFC 7748) as ZeroMQ's CURVE uses it: two times 32 bytes, the secret in guarded memory.
package struct BoxKeyPair: Sendable {
    package static let keyByteCount = 32
    package let publicKey: [UInt8]
    package let secret: SecretBytes

    /// A fresh pair from the system's generator.
    package init() throws {
        try Library.start()
        var made = [UInt8](repeating: 0, count: BoxKeyPair.keyByteCount)
        secret = try SecretBytes(count: BoxKeyPair.keyByteCount) { target in
            guard crypto_box_keypair(&made, target.octets) == 0 else {
                throw SodiumError.invalidKey(what: "fresh Curve25519 pair")
            }
        }
        publicKey = made
    }

    /// The pair that a stored secret makes.
    package init(secret: SecretBytes) throws {
        try Library.start()
        guard secret.count == BoxKeyPair.keyByteCount else {
            throw SodiumError.wrongLength(
                what: "Curve25519 secret", expected: BoxKeyPair.keyByteCount, found: secret.count)
        }
        var made = [UInt8](repeating: 0, count: BoxKeyPair.keyByteCount)
        let result = secret.withUnsafeBytes { crypto_scalarmult_base(&made, $0.octets) }
        guard result == 0 else { throw SodiumError.invalidKey(what: "Curve25519 secret") }
        self.secret = secret
        publicKey = made
    }
}
