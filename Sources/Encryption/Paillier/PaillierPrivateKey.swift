internal import BigInteger
package import Sodium

/// The primes of a key pair, in guarded memory, with the public half beside them.
package final class PaillierPrivateKey: Sendable {
    package let publicKey: PaillierPublicKey
    /// p, q, each half as wide as n; under a key with private subgroups then alpha_p, alpha_q.
    private let secrets: SecretBytes

    /// Checks that the primes make a key of the kind that `generate` makes, and that hs belongs to it.
    init(
        p: PaillierFactor, q: PaillierFactor, hs: Integer, kind: PaillierKeyKind, allowing sizes: PaillierKeySizes
    ) throws {
        func refuse(_ reason: String) -> EncryptionError { .invalidKey(what: "Paillier private key", reason) }
        publicKey = try PaillierPublicKey(n: p.prime * q.prime, hs: hs, kind: kind, allowing: sizes)
        let widths = Widths(kind: kind, bits: publicKey.bits)
        for factor in [p, q] {
            guard factor.prime.bitWidth == widths.prime * 8 else { throw refuse("p and q are not of equal width") }
            guard factor.prime.isProbablePrime() else { throw refuse("p and q are not both prime") }
            if let fault = factor.fault(for: kind.structure, modulusBits: publicKey.bits) { throw refuse(fault) }
            if factor.subgroup != nil, hs.modulo(factor.prime) == 1 { throw refuse("hs is 1 modulo p or q") }
        }
        guard PaillierPrivateKey.suit(p.prime, q.prime) else {
            throw refuse("p and q do not meet the conditions of Damgard, Jurik and Nielsen, or lie too close together")
        }
        guard p.subgroup == nil || p.subgroup != q.subgroup else { throw refuse("its subgroups have the same order") }
        // hs must be an n-th residue, of the subgroups if there are any, that is an encryption of 0; else every sealed value would
        // be shifted.
        guard let decryption = PaillierDecryption(p, q), decryption.plaintext(of: hs) == 0 else {
            throw refuse("hs does not belong to p and q")
        }
        secrets = try SecretBytes(count: 2 * (widths.prime + widths.subgroup)) { target in
            var start = 0
            func put(_ value: Integer, _ width: Int) {
                let fits = value.writeBigEndian(
                    to: UnsafeMutableRawBufferPointer(rebasing: target[start..<start + width]))
                precondition(fits, "secrets of checked width fit")
                start += width
            }
            for factor in [p, q] { put(factor.prime, widths.prime) }
            for factor in [p, q] { put(factor.subgroup ?? 0, widths.subgroup) }
        }
    }

    /// Bytes of a prime, and of the order of a private subgroup, 0 if there is none.
    private struct Widths {
        let prime: Int
        let subgroup: Int

        init(kind: PaillierKeyKind, bits: Int) {
            prime = bits / 16
            subgroup = kind.structure == .subgroups ? PaillierKeyKind.subgroupBits(modulusBits: bits) / 8 : 0
        }

        /// p, q and what else is secret, from bytes that are exactly as long.
        func factors(in bytes: UnsafeRawBufferPointer) -> (p: PaillierFactor, q: PaillierFactor) {
            func integer(_ start: Int, _ count: Int) -> Integer {
                Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
            }
            func factor(_ index: Int) -> PaillierFactor {
                PaillierFactor(
                    prime: integer(index * prime, prime),
                    subgroup: subgroup == 0 ? nil : integer(2 * prime + index * subgroup, subgroup))
            }
            return (factor(0), factor(1))
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
        let decryption = withFactors { PaillierDecryption($0, $1) }
        guard let decryption else { preconditionFailure("the primes were checked when the key was made") }
        return try body(decryption)
    }

    /// The same of plaintexts mod n^s.
    func withDecryption<Result>(degree: Int, _ body: (DamgardJurikDecryption) throws -> Result) throws -> Result {
        let decryption = withFactors { DamgardJurikDecryption($0, $1, degree: degree) }
        guard let decryption else { preconditionFailure("the primes were checked when the key was made") }
        return try body(decryption)
    }

    private func withFactors<Result>(_ body: (PaillierFactor, PaillierFactor) -> Result) -> Result {
        secrets.withUnsafeBytes { bytes in
            let (p, q) = Widths(kind: publicKey.kind, bits: publicKey.bits).factors(in: bytes)
            return body(p, q)
        }
    }
}

/// A private key as bytes for a file that only its owner may read:
///
///     "tributary-paillier-private-key 2\n"   33 bytes
///     primes                                  1 byte: 1 = general, 2 = subgroups, 3 = safe primes
///     profile                                 1 byte: 1 = conservative, 2 = standard, 3 = turbo
///     |n| in bits                             2 bytes, most significant first
///     p, q                                    |n| / 16 bytes each
///     alpha_p, alpha_q                        32 bytes each; under `subgroups` alone
///     hs                                      |n| / 4 bytes
extension PaillierPrivateKey {
    private static let title = Array("tributary-paillier-private-key 2\n".utf8)
    private static let structures: [PaillierKeyStructure] = [.general, .subgroups, .safePrimes]
    private static let profiles: [PaillierProfile] = [.conservative, .standard, .turbo]

    /// The place in the list, from 1.
    private static func code<Choice: Equatable>(of choice: Choice, in list: [Choice]) -> UInt8 {
        UInt8((list.firstIndex(of: choice) ?? -1) + 1)
    }

    private static func choice<Choice>(_ code: UInt8, in list: [Choice]) -> Choice? {
        list.indices.contains(Int(code) - 1) ? list[Int(code) - 1] : nil
    }

    package func encoded() throws -> SecretBytes {
        let (bits, kind) = (publicKey.bits, publicKey.kind)
        let header =
            PaillierPrivateKey.title + [
                PaillierPrivateKey.code(of: kind.structure, in: PaillierPrivateKey.structures),
                PaillierPrivateKey.code(of: kind.profile, in: PaillierPrivateKey.profiles), UInt8(bits >> 8),
                UInt8(bits & 255),
            ]
        let hs = publicKey.hs.bigEndianBytes(count: bits / 4) ?? []
        return try SecretBytes(count: header.count + secrets.count + hs.count) { target in
            target[..<header.count].copyBytes(from: header)
            secrets.withUnsafeBytes { target[header.count..<(header.count + $0.count)].copyBytes(from: $0) }
            target[(header.count + secrets.count)...].copyBytes(from: hs)
        }
    }

    package convenience init(decoding bytes: SecretBytes, allowing sizes: PaillierKeySizes = .secure) throws {
        func refuse(_ reason: String) -> EncryptionError { .invalidKey(what: "Paillier private key", reason) }
        let parts = try bytes.withUnsafeBytes { bytes in
            let start = PaillierPrivateKey.title.count
            guard bytes.count > start + 4, bytes[..<start].elementsEqual(PaillierPrivateKey.title) else {
                throw refuse("it does not begin like one, or is of another version; make new keys")
            }
            guard let structure = PaillierPrivateKey.choice(bytes[start], in: PaillierPrivateKey.structures),
                let profile = PaillierPrivateKey.choice(bytes[start + 1], in: PaillierPrivateKey.profiles),
                let kind = PaillierKeyKind(structure: structure, profile: profile)
            else { throw refuse("its kind of primes or its profile is not known here, or they do not go together") }
            let bits = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
            guard sizes.allow(bits: bits) else { throw refuse("n has \(bits) bits, expected \(sizes.expectation)") }
            let widths = Widths(kind: kind, bits: bits)
            let secretCount = 2 * (widths.prime + widths.subgroup)
            let expected = start + 4 + secretCount + bits / 4
            guard bytes.count == expected else {
                throw refuse("expected \(expected) bytes for \(bits) bits, found \(bytes.count)")
            }
            let secrets = UnsafeRawBufferPointer(rebasing: bytes[(start + 4)..<(start + 4 + secretCount)])
            return (
                factors: widths.factors(in: secrets),
                hs: Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[(start + 4 + secretCount)...])),
                kind: kind
            )
        }
        try self.init(p: parts.factors.p, q: parts.factors.q, hs: parts.hs, kind: parts.kind, allowing: sizes)
    }
}
