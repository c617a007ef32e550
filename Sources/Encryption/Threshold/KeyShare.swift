internal import BigInteger
package import Sodium

/// One party's share of a private key, in guarded memory, checked against the public key.
package final class KeyShare: Sendable {
    /// 1 to the number of parties.
    package let party: Int
    package let keyID: PaillierKeyID
    /// s_i, as wide as n^2, most significant byte first.
    private let value: SecretBytes

    /// Refuses a value that is not the party's: s_i must be 1 mod n, and v^(Delta s_i) must be v_i.
    convenience init(party: Int, value: SecretBytes, key: ThresholdPublicKey) throws {
        try key.check(party: party)
        guard value.count == key.bits / 4 else {
            throw ThresholdError.malformedShare("expected a value of \(key.bits / 4) bytes, found \(value.count)")
        }
        let belongs = value.withUnsafeBytes { bytes in
            let share = Integer(bigEndian: bytes)
            let exponent = share * key.delta
            return share > 1 && share.modulo(key.paillier.n.value) == 1
                && key.paillier.nSquared.secretPower(key.verificationBase, exponent) == key.verificationKey(of: party)
        }
        guard belongs else { throw ThresholdError.wrongShare(party: party) }
        self.init(checked: value, party: party, keyID: key.id)
    }

    /// For the dealer, who computes v_i from the share.
    init(checked value: SecretBytes, party: Int, keyID: PaillierKeyID) {
        self.party = party
        self.keyID = keyID
        self.value = value
    }

    /// Lends 2 Delta s_i, whose memory is wiped on release.
    func withExponent<Result>(_ key: ThresholdPublicKey, _ body: (Integer) throws -> Result) rethrows -> Result {
        try body(value.withUnsafeBytes { Integer(bigEndian: $0) } * (key.delta * 2))
    }

    /// 2 Delta b_i, where s_i = 1 + n b_i.
    func residueExponent(_ key: ThresholdPublicKey) throws -> SecretExponent {
        let quotient = value.withUnsafeBytes { Integer(bigEndian: $0) } / key.paillier.n.value
        return try SecretExponent(quotient * (key.delta * 2), bits: key.bits + key.delta.bitWidth)
    }
}

/// A share as bytes for a file that only its owner may read:
///
///     "tributary-key-share 1\n"   22 bytes
///     party                        2 bytes, most significant first
///     key id                       16 bytes
///     s_i                          |n| / 4 bytes, most significant first
extension KeyShare {
    private static let title = Array("tributary-key-share 1\n".utf8)
    private static var headerCount: Int { title.count + 2 + PaillierKeyID.byteCount }

    package func encoded() throws -> SecretBytes {
        let header = KeyShare.title + [UInt8(party >> 8), UInt8(party & 255)] + keyID.bytes
        return try SecretBytes(count: header.count + value.count) { target in
            target[..<header.count].copyBytes(from: header)
            value.withUnsafeBytes { target[header.count...].copyBytes(from: $0) }
        }
    }

    /// Reads a share that belongs to `key`.
    package convenience init(decoding bytes: SecretBytes, key: ThresholdPublicKey) throws {
        func refuse(_ reason: String) -> ThresholdError { .malformedShare(reason) }
        let (party, value) = try bytes.withUnsafeBytes { bytes in
            let expected = KeyShare.headerCount + key.bits / 4
            let start = KeyShare.title.count
            guard bytes.count >= start, bytes[..<start].elementsEqual(KeyShare.title) else {
                throw refuse("it does not begin like one, or is of another version")
            }
            guard bytes.count == expected else { throw refuse("expected \(expected) bytes, found \(bytes.count)") }
            guard bytes[(start + 2)..<KeyShare.headerCount].elementsEqual(key.id.bytes) else {
                throw refuse("it is of another key than \(key.id)")
            }
            let value = try SecretBytes(count: key.bits / 4) { $0.copyBytes(from: bytes[KeyShare.headerCount...]) }
            return (Int(bytes[start]) << 8 | Int(bytes[start + 1]), value)
        }
        try self.init(party: party, value: value, key: key)
    }

    /// The encoded share, closed for the holder of a Curve25519 key alone: what the dealer hands out.
    package func sealed(to publicKey: [UInt8]) throws -> [UInt8] { try SealedBox.seal(encoded(), to: publicKey) }

    /// Opens what `sealed` made, into guarded memory.
    package convenience init(
        opening box: some ContiguousCollection, with pair: BoxKeyPair, key: ThresholdPublicKey
    ) throws {
        let length = box.withContiguousBytes(\.count)
        let expected = KeyShare.headerCount + key.bits / 4 + SealedBox.overhead
        guard length == expected else {
            throw ThresholdError.malformedShare("expected a sealed share of \(expected) bytes, found \(length)")
        }
        guard let bytes = try SealedBox.open(box, with: pair) else { throw ThresholdError.sealedShareNotOpened }
        try self.init(decoding: bytes, key: key)
    }
}
