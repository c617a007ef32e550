internal import BigInteger
package import Sodium

/// The primes of a key pair, in guarded memory, with the public half beside them.
package final class PaillierPrivateKey: Sendable {
    package let publicKey: PaillierPublicKey
    /// p, then q, each half as wide as n.
    private let primes: SecretBytes

    /// Checks that the primes make a key of the kind that `PaillierKeyGeneration` makes, and that hs belongs to it.
    init(
        p: Integer, q: Integer, hs: Integer, profile: PaillierProfile, allowing sizes: PaillierKeySizes
    ) throws {
        func refuse(_ reason: String) -> EncryptionError { .invalidKey(what: "Paillier private key", reason) }
        publicKey = try PaillierPublicKey(n: p * q, hs: hs, profile: profile, allowing: sizes)
        let width = publicKey.bits / 16
        guard p.bitWidth == width * 8, q.bitWidth == width * 8 else { throw refuse("p and q are not of equal width") }
        guard p.isProbablePrime(), q.isProbablePrime() else { throw refuse("p and q are not both prime") }
        guard PaillierPrivateKey.suit(p, q) else {
            throw refuse("p and q do not meet the conditions of Damgard, Jurik and Nielsen, or lie too close together")
        }
        // hs must be an n-th residue, that is an encryption of 0; else every sealed value would be shifted.
        guard let decryption = PaillierDecryption(p: p, q: q), decryption.plaintext(of: hs).isZero else {
            throw refuse("hs does not belong to p and q")
        }
        primes = try SecretBytes(count: 2 * width) { target in
            let fits =
                p.writeBigEndian(to: UnsafeMutableRawBufferPointer(rebasing: target[..<width]))
                && q.writeBigEndian(to: UnsafeMutableRawBufferPointer(rebasing: target[width...]))
            precondition(fits, "primes of checked width fit")
        }
    }

    /// p = q = 3 (mod 4) and gcd(p-1, q-1) = 2, so that squares mod n form one large cyclic group (Damgard, Jurik, Nielsen
    /// 2010, section 4.2); n prime to (p-1)(q-1); and |p - q| > 2^(|n|/2 - 100) (FIPS 186-4, B.3.3).
    static func suit(_ p: Integer, _ q: Integer) -> Bool {
        let order = (p - 1) * (q - 1)
        return p.modulo(4) == 3 && q.modulo(4) == 3 && (p - 1).greatestCommonDivisor(q - 1) == 2
            && (p * q).greatestCommonDivisor(order) == 1 && (p - q).bitWidth > p.bitWidth - 100
    }

    /// Lends the means to decrypt, whose memory is wiped when the closure returns.
    func withDecryption<Result>(_ body: (PaillierDecryption) throws -> Result) throws -> Result {
        let decryption = primes.withUnsafeBytes { bytes in
            PaillierDecryption(
                p: Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])),
                q: Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[(bytes.count / 2)...])))
        }
        guard let decryption else { preconditionFailure("the primes were checked when the key was made") }
        return try body(decryption)
    }
}

/// A private key as bytes for a file that only its owner may read:
///
///     "tributary-paillier-private-key 1\n"   33 bytes
///     profile                                 1 byte: 1 = conservative
///     |n| in bits                             2 bytes, most significant first
///     p, q                                    |n| / 16 bytes each
///     hs                                      |n| / 4 bytes
extension PaillierPrivateKey {
    private static let title = Array("tributary-paillier-private-key 1\n".utf8)
    private static let codes: [(profile: PaillierProfile, code: UInt8)] = [(.conservative, 1)]

    package func encoded() throws -> SecretBytes {
        let bits = publicKey.bits
        let code = PaillierPrivateKey.codes.first { $0.profile == publicKey.profile }?.code ?? 0
        let header = PaillierPrivateKey.title + [code, UInt8(bits >> 8), UInt8(bits & 255)]
        let hs = publicKey.hs.bigEndianBytes(count: bits / 4) ?? []
        return try SecretBytes(count: header.count + primes.count + hs.count) { target in
            target[..<header.count].copyBytes(from: header)
            primes.withUnsafeBytes { target[header.count..<(header.count + $0.count)].copyBytes(from: $0) }
            target[(header.count + primes.count)...].copyBytes(from: hs)
        }
    }

    package convenience init(decoding bytes: SecretBytes, allowing sizes: PaillierKeySizes = .secure) throws {
        func refuse(_ reason: String) -> EncryptionError { .invalidKey(what: "Paillier private key", reason) }
        let parts = try bytes.withUnsafeBytes { bytes in
            let start = PaillierPrivateKey.title.count
            guard bytes.count > start + 3, bytes[..<start].elementsEqual(PaillierPrivateKey.title) else {
                throw refuse("it does not begin like one, or is of another version")
            }
            guard let profile = PaillierPrivateKey.codes.first(where: { $0.code == bytes[start] })?.profile else {
                throw refuse("its profile is not known here")
            }
            let bits = Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            guard sizes.allow(bits: bits) else { throw refuse("n has \(bits) bits, expected \(sizes.expectation)") }
            let expected = start + 3 + bits / 8 + bits / 4
            guard bytes.count == expected else {
                throw refuse("expected \(expected) bytes for \(bits) bits, found \(bytes.count)")
            }
            func integer(_ from: Int, _ count: Int) -> Integer {
                Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[from..<(from + count)]))
            }
            return (
                p: integer(start + 3, bits / 16), q: integer(start + 3 + bits / 16, bits / 16),
                hs: integer(start + 3 + bits / 8, bits / 4), profile: profile
            )
        }
        try self.init(p: parts.p, q: parts.q, hs: parts.hs, profile: parts.profile, allowing: sizes)
    }
}
