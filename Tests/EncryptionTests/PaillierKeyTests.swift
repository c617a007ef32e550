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

    @Test("A kind of primes and a profile go together by one table")
    func kinds() throws {
        let known = PaillierKeyKind.all.map(\.description)
        #expect(
            known == [
                "conservative over general", "standard over subgroups", "conservative over safe-primes",
                "standard over safe-primes", "turbo over safe-primes",
            ])
        for structure in PaillierKeyStructure.allCases {
            for profile in PaillierProfile.allCases {
                let isKnown = PaillierKeyKind.all.contains { $0.structure == structure && $0.profile == profile }
                #expect((PaillierKeyKind(structure: structure, profile: profile) != nil) == isKnown)
                #expect((profile.assumption(over: structure) != nil) == isKnown)
                guard !isKnown else { continue }
                #expect(throws: EncryptionError.self) {
                    try PaillierPrivateKey.generate(
                        size: .insecure(bits: 512), profile: profile, structure: structure)
                }
            }
        }
        let lengths = PaillierKeyKind.all.map { $0.exponentBits(modulusBits: 3072) }
        #expect(lengths == [1536, 512, 1536, 512, 256])
        #expect(PaillierKeyKind.all.map { $0.exponentBits(modulusBits: 2048) } == [1024, 512, 1024, 512, 256])
    }

    @Test("A key's primes are of its kind, and both halves survive their encodings", arguments: PaillierKeyKind.all)
    func structures(kind: PaillierKeyKind) throws {
        let key = try TestKeys.key(of: kind)
        let (p, q) = try TestKeys.primes(of: key)
        let (n, hs) = (key.publicKey.n.value, key.publicKey.hs)
        #expect(p.modulo(4) == 3 && q.modulo(4) == 3 && (p - 1).greatestCommonDivisor(q - 1) == 2)
        #expect(n.greatestCommonDivisor((p - 1) * (q - 1)) == 1)
        for prime in [p, q] {
            #expect(((prime - 1) >> 1).isProbablePrime() == (kind.structure == .safePrimes))
        }
        if kind.structure == .subgroups {
            let orders = try key.encoded().withUnsafeBytes { bytes in
                [101, 109].map { Integer(bigEndian: Array(bytes[$0..<$0 + 8])) }
            }
            for (prime, order) in zip([p, q], orders) {
                #expect(order.isProbablePrime() && order.bitWidth == 64 && (prime - 1).modulo(order) == 0)
                #expect(hs.modulo(prime) != 1 && hs.power(order, modulo: prime * prime) == 1)
            }
            #expect(orders[0] * orders[1] < Integer(1) << key.publicKey.exponentBits)
        }
        #expect(try PaillierPublicKey(text: key.publicKey.text, allowing: .testing) == key.publicKey)
        let read = try PaillierPrivateKey(decoding: key.encoded(), allowing: .testing)
        #expect(read.publicKey == key.publicKey)
        #expect(throws: EncryptionError.self) { try PaillierPrivateKey(decoding: key.encoded()) }
    }

    @Test(
        "A ciphertext blinded outside the private subgroups is named and nothing of the sum opened",
        arguments: Arithmetic.supported)
    func outsideSubgroups(arithmetic: Arithmetic) throws {
        for kind in PaillierKeyKind.all {
            let key = try TestKeys.key(of: kind)
            let slots = try SlotLayout(bits: 8, cohort: 1)
            let layout = try layout(count: 4 * 63)
            let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic)
            let opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
            let values = (0..<4 * 63).map { UInt32($0 % 255 + 1) }
            var payload = try scheme.seal(values, threads: 1)
            let (n, square) = (key.publicKey.n.value, key.publicKey.nSquared)
            // Any n-th residue blinds under the other kinds; here it is a plain one, and the sign alone.
            for unit in [Integer(2).power(n, modulo: square.value), square.value - 1] {
                let third = Integer(bigEndian: Array(payload[256..<384]))
                let changed = try #require(square.multiply(third, unit).bigEndianBytes(count: 128))
                payload.replaceSubrange(256..<384, with: changed)
                let spoiled = payload
                func open() throws -> [UInt64] {
                    try opener.open(spoiled, sealing: scheme.sealing, contributions: 1, threads: 2)
                }
                if kind.structure == .subgroups {
                    #expect(throws: EncryptionError.ciphertextOutsideSubgroup(index: 2)) { try open() }
                } else {
                    #expect(try open() == values.map(UInt64.init))
                }
            }
        }
    }

    @Test("A key of 3072 bits seals and opens, at the sizes that docs/protocol.md states")
    func realSize() throws {
        let key = try PaillierPrivateKey.generate()
        #expect(key.publicKey.bits == 3072 && key.publicKey.exponentBits == 512)
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 310)
        let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
        #expect(scheme.shape.bytesPerUnit == 768 && scheme.shape.valuesPerUnit == 306 && scheme.shape.units == 2)
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
            n: own.n.value, hs: own.nSquared.multiply(own.hs, own.hs), kind: own.kind, allowing: .testing)
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
        for title in ["1", "3"] { refuse(replacing(0, with: "tributary-paillier-public-key \(title)")) }
        refuse(replacing(1, with: "primes other"))
        refuse(replacing(1, with: "primes general"))  // not with profile standard
        refuse(replacing(2, with: "profile turbo"))  // not with subgroups
        refuse(replacing(2, with: "profile fast"))
        refuse(replacing(2, with: "standard"))
        refuse(replacing(3, with: "n 00\(n)"))
        refuse(replacing(3, with: "n \(n.dropLast())"))
        refuse(replacing(3, with: "n \(n)z"))
        refuse(replacing(3, with: "n "))
        refuse(replacing(4, with: "hs \(n)"))
        refuse(replacing(4, with: ""))
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
            { $0[0] ^= 1 }, { $0[31] ^= 3 }, { $0[33] = 9 }, { $0[33] = 0 }, { $0[33] = 1 }, { $0[34] = 9 },
            { $0[34] = 3 }, { $0[35] = 0xff }, { $0[36] ^= 0x80 }, { $0.removeLast() }, { $0.append(0) }, { $0 = [] },
            { $0[37] = 0 },
            { $0[37 + 31] ^= 1 }, { $0[37 + 40] ^= 2 }, { $0[$0.count - 1] ^= 1 },
            { $0.replaceSubrange(37..<69, with: $0[69..<101]) },  // p = q
            { $0[101 + 7] ^= 2 }, { $0.replaceSubrange(101..<109, with: $0[109..<117]) },  // alpha_p
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
        #expect(Set(PaillierKeyKind.all.map(\.assumption)).count == 4)  // conservative's is the same over both
    }
}
