internal import CSodium

/// A secret closed for the holder of one Curve25519 secret key, by a sender who stays unnamed and cannot open it again.
///
/// Source: libsodium, "Sealed boxes" (crypto_box_seal: X25519 with a fresh key, XSalsa20-Poly1305). Whoever has the
/// public key can make one: a sealed box says nothing about where it comes from.
package enum SealedBox {
    /// Bytes that a box has beyond what is in it.
    package static let overhead = crypto_box_sealbytes()

    package static func seal(_ secret: SecretBytes, to publicKey: [UInt8]) throws -> [UInt8] {
        try Library.start()
        guard publicKey.count == BoxKeyPair.keyByteCount else {
            throw SodiumError.wrongLength(
                what: "Curve25519 public key", expected: BoxKeyPair.keyByteCount, found: publicKey.count)
        }
        var box = [UInt8](repeating: 0, count: secret.count + overhead)
        let result = secret.withUnsafeBytes { crypto_box_seal(&box, $0.octets, UInt64($0.count), publicKey) }
        // It fails for a public key of small order alone.
        guard result == 0 else { throw SodiumError.invalidKey(what: "Curve25519 public key") }
        return box
    }

    /// Opens a box straight into guarded memory; nil where it was closed for another key, or altered.
    package static func open(_ box: some ContiguousCollection, with pair: BoxKeyPair) throws -> SecretBytes? {
        try Library.start()
        do {
            return try box.withContiguousBytes { box in
                guard box.count >= overhead else { return nil }
                return try SecretBytes(count: box.count - overhead) { target in
                    let result = pair.secret.withUnsafeBytes {
                        crypto_box_seal_open(target.octets, box.octets, UInt64(box.count), pair.publicKey, $0.octets)
                    }
                    guard result == 0 else { throw Refused() }
                }
            }
        } catch is Refused {
            return nil
        }
    }

    private struct Refused: Error {}
}
