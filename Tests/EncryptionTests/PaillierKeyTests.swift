import BigInteger
import Encryption
import Sodium
import Testing

@Suite("Paillier keys")
struct PaillierKeyTests {
    private let key: PaillierPrivateKey

    init() throws { key = try TestKeys.first.get() }

    @Test("Generated primes meet the conditions of Damgard, Jurik and Nielsen")
    func generation() throws {
        for key in [try TestKeys.first.get(), try TestKeys.second.get(), try .generate(size: .insecure(bits: 640))] {
            let (p, q) = try TestKeys.primes(of: key)
            let n = p * q
            #expect(p.isProbablePrime() && q.isProbablePrime())
            #expect(n == key.publicKey.n.value && [512, 640].contains(n.bitWidth))
            #expect(p.modulo(4) == 3 && q.modulo(4) == 3)
            #expect((p - 1).greatestCommonDivisor(q - 1) == 2)
            #expect(n.greatestCommonDivisor((p - 1) * (q - 1)) == 1)
            #expect((p - q).bitWidth > n.bitWidth / 2 - 100)
            // hs is an n-th residue: its order divides (p-1)(q-1), not n.
            #expect(key.publicKey.hs.power((p - 1) * (q - 1), modulo: n * n) == 1)
        }
    }

    @Test("A key of 3072 bits seals and opens, at the sizes that docs/protocol.md states")
    func realSize() throws {
        let key = try PaillierPrivateKey.generate()
        #expect(key.publicKey.bits == 3072 && key.publicKey.exponentBits == 1536)
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 310)
        let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
        #expect(scheme.shape.bytesPerUnit == 768 && scheme.shape.valuesPerUnit == 307 && scheme.shape.units == 2)
        let values = (0..<310).map { UInt32($0 % 255 + 1) }
        let accumulator = scheme.makeAccumulator()
        for _ in 0..<3 {
            try accumulator.add(try scheme.seal(values, threads: 1), sealing: scheme.sealing, threads: 1)
        }
        let opened = try PaillierOpener(key: key, layout: layout, slots: slots)
            .open(accumulator.sum(), sealing: scheme.sealing, contributions: 3, threads: 1)
        #expect(opened == values.map { UInt64($0) * 3 })
        // Both halves survive their encodings, without short keys being allowed.
        #expect(try PaillierPublicKey(text: key.publicKey.text) == key.publicKey)
        #expect(try PaillierPrivateKey(decoding: key.encoded()).publicKey == key.publicKey)
    }

    @Test("A key of a size that nobody asked for is not made", arguments: [0, 256, 513, 2048, 8192])
    func sizes(bits: Int) throws {
        if bits == 2048 {
            #expect(PaillierKeySizes.secure.allow(bits: 2048) && !PaillierKeySizes.secure.allow(bits: 1024))
        } else {
            #expect(throws: EncryptionError.self) { try PaillierPrivateKey.generate(size: .insecure(bits: bits)) }
        }
    }

    @Test("A public key survives its text; a short one only where it is allowed by name")
    func publicText() throws {
        let text = key.publicKey.text
        let read = try PaillierPublicKey(text: text, allowing: .testing)
        #expect(read == key.publicKey && read.id == key.publicKey.id)
        #expect(throws: EncryptionError.self) { try PaillierPublicKey(text: text) }
        #expect(throws: EncryptionError.self) { try PaillierPrivateKey(decoding: key.encoded()) }
    }

    @Test("The id names n and hs: a key with another hs has another id")
    func keyID() throws {
        let own = key.publicKey
        let other = try PaillierPublicKey(
            n: own.n.value, hs: own.nSquared.multiply(own.hs, own.hs), profile: own.profile, allowing: .testing)
        #expect(other.id != own.id)
        var content = try #require(own.n.value.bigEndianBytes(count: 64))
        content += try #require(own.hs.bigEndianBytes(count: 128))
        #expect(own.id.bytes == Array(Digest(of: content).bytes.prefix(16)))
    }

    private func replacing(_ line: Int, with text: String) -> String {
        var lines = key.publicKey.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines[line] = text
        return lines.joined(separator: "\n")
    }

    private func refuse(_ text: String, _ sizes: PaillierKeySizes = .testing) {
        #expect(throws: EncryptionError.self) { try PaillierPublicKey(text: text, allowing: sizes) }
    }

    @Test("A public key's text is refused for every line that is not as documented")
    func malformedText() throws {
        let text = key.publicKey.text
        _ = try PaillierPublicKey(text: text, allowing: .testing)
        let n = key.publicKey.n.value.hexadecimal
        refuse("")
        refuse(String(text.dropLast()))
        refuse(text + "\n")
        refuse(text + String(repeating: " ", count: 5000))
        refuse(text.uppercased())
        refuse(replacing(0, with: "tributary-paillier-public-key 2"))
        refuse(replacing(1, with: "profile turbo"))
        refuse(replacing(1, with: "conservative"))
        refuse(replacing(2, with: "n 00\(n)"))
        refuse(replacing(2, with: "n \(n.dropLast())"))
        refuse(replacing(2, with: "n \(n)z"))
        refuse(replacing(2, with: "n "))
        refuse(replacing(3, with: "hs \(n)"))
        refuse(replacing(3, with: ""))
    }

    @Test("A public key that hides nothing, or is no key, is refused")
    func worthlessKeys() throws {
        let own = key.publicKey
        let (n, square, hs) = (own.n.value, own.nSquared.value, own.hs)
        func make(n: Integer, hs: Integer) throws -> PaillierPublicKey {
            try PaillierPublicKey(n: n, hs: hs, profile: .conservative, allowing: .testing)
        }
        _ = try make(n: n, hs: hs)
        let (p, _) = try TestKeys.primes(of: key)
        var prime = (Integer(1) << 511) + 1
        while !prime.isProbablePrime() { prime += 2 }
        for (n, hs) in [
            (n, 0), (n, 1), (n, -1), (n, square - 1), (n, square), (n, n), (n, p), (n + 1, hs), (n >> 1, hs),
            (n << 128, hs), (-n, hs), (0, hs), (prime, hs), ((Integer(1) << 511) - 1 + (Integer(1) << 510), hs),
            (Integer(3) * ((Integer(1) << 510) + 1), hs),
        ] as [(Integer, Integer)] {
            #expect(throws: EncryptionError.self) { try make(n: n, hs: hs) }
        }
    }

    private func spoiled(_ change: (inout [UInt8]) -> Void) throws -> SecretBytes {
        var bytes = try key.encoded().withUnsafeBytes { Array($0) }
        change(&bytes)
        return try SecretBytes(wiping: &bytes)
    }

    @Test("A private key survives its encoding, and is refused once any part of it is spoiled")
    func privateEncoding() throws {
        let read = try PaillierPrivateKey(decoding: try spoiled { _ in }, allowing: .testing)
        #expect(read.publicKey == key.publicKey)
        let changes: [(inout [UInt8]) -> Void] = [
            { $0[0] ^= 1 }, { $0[33] = 9 }, { $0[34] = 0xff }, { $0[35] ^= 0x80 }, { $0.removeLast() },
            { $0.append(0) },
            { $0 = [] }, { $0[36] = 0 }, { $0[36 + 31] ^= 1 }, { $0[36 + 40] ^= 2 }, { $0[$0.count - 1] ^= 1 },
            { $0.replaceSubrange(36..<68, with: $0[68..<100]) },
        ]
        for change in changes {
            let bytes = try spoiled(change)
            #expect(throws: EncryptionError.self) { try PaillierPrivateKey(decoding: bytes, allowing: .testing) }
        }
    }

    @Test("Primes that make no key make no decryption")
    func decryptionRefusals() {
        #expect(PaillierDecryption(p: 293, q: 433) != nil)
        #expect(PaillierDecryption(p: 293, q: 293) == nil)
        #expect(PaillierDecryption(p: 7, q: 29) == nil)  // 7 divides 28
        #expect(PaillierDecryption(p: 2, q: 433) == nil)
        #expect(PaillierDecryption(p: 0, q: 433) == nil)
    }

    @Test("Every profile says what it rests on")
    func assumptions() {
        for profile in PaillierProfile.allCases { #expect(profile.assumption.count > 40) }
    }
}
