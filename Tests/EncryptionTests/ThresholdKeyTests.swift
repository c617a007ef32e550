import BigInteger
import Encryption
import Sodium
import Testing

@Suite("Threshold keys and shares")
struct ThresholdKeyTests {
    private let dealing: ThresholdDealer.Dealing

    init() throws { dealing = try ThresholdKeys.twoOfThree.get() }

    private var key: ThresholdPublicKey { dealing.key }

    @Test("A dealing has a share for each party, and a key of the size asked for")
    func shape() throws {
        #expect(key.bits == 512 && key.parties == 3 && key.threshold == 2)
        #expect(dealing.shares.map(\.party) == [1, 2, 3])
        #expect(dealing.shares.allSatisfy { $0.keyID == key.id })
        #expect(key.id == key.paillier.id && key.paillier.profile == .standard)
        // hs is an n-th residue and not a small power: blinded zeros differ.
        #expect(key.paillier.hs.jacobiSymbol(over: key.paillier.n.value) == 1)
        #expect(try ThresholdKeys.deal(2, of: 2, bits: 640).key.bits == 640)
    }

    @Test("Too few or too many parties, thresholds that are none, and odd sizes are refused")
    func sizes() throws {
        for (parties, threshold) in [(1, 1), (3, 0), (3, 4), (65, 2), (0, 0), (2, -1)] {
            #expect(throws: ThresholdError.invalidParties(parties: parties, threshold: threshold)) {
                try ThresholdKeys.deal(threshold, of: parties)
            }
        }
        for bits in [0, 256, 500, 3000] {
            #expect(throws: EncryptionError.self) { try ThresholdKeys.deal(2, of: 3, bits: bits) }
        }
    }

    @Test("Only two safe primes of one length make a dealing")
    func unsafePrimes() throws {
        let sound = try SharedPrimes.choices(coefficients: [7])
        func deal(p: Integer, q: Integer) throws -> ThresholdDealer.Dealing {
            let choices = ThresholdDealer.Choices(
                p: p, q: q, blindingRoot: 12_345, verificationRoot: 67_890, coefficients: [7])
            return try ThresholdDealer.deal(
                choices, profile: .standard, parties: 3, threads: 1, allowing: .testing)
        }
        _ = try deal(p: sound.p, q: sound.q)
        let (plain, _) = try TestKeys.primes(of: try TestKeys.first.get())
        var longer = (Integer(1) << 256) + 1
        while !longer.isProbablePrime() { longer += 2 }
        for (p, q) in [
            (sound.p, sound.p), (sound.p, plain), (plain, sound.q), (sound.p, longer), (sound.p, sound.q + 2),
        ] {
            #expect(throws: ThresholdError.self) { try deal(p: p, q: q) }
        }
    }

    private func replacing(_ line: Int, with text: String) -> String {
        var lines = key.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines[line] = text
        return lines.joined(separator: "\n")
    }

    @Test("A key survives its text; a short one only where it is allowed by name")
    func text() throws {
        let read = try ThresholdPublicKey(text: key.text, allowing: .testing)
        #expect(read == key && read.id == key.id && read.text == key.text)
        #expect(ThresholdPublicKey.isTitled(key.text) && !ThresholdPublicKey.isTitled(key.paillier.text))
        #expect(throws: ThresholdError.self) { try ThresholdPublicKey(text: key.text) }
    }

    @Test("A key's text is refused for every line that is not as documented")
    func malformedText() throws {
        let lines = key.text.split(separator: "\n").map(String.init)
        let digits = key.bits / 2
        let zeros = String(repeating: "0", count: digits)
        for spoiled in [
            "", String(key.text.dropLast()), key.text + "\n", key.text + lines[6] + "\n", key.text.uppercased(),
            key.text + String(repeating: " ", count: 200_000), String(repeating: "\n", count: 100),
            replacing(0, with: "tributary-threshold-public-key 2"), replacing(1, with: "profile fast"),
            replacing(1, with: "standard"), replacing(2, with: "threshold 1 of 3"),
            replacing(2, with: "threshold 4 of 3"), replacing(2, with: "threshold 2 of 4"),
            replacing(2, with: "threshold 02 of 3"), replacing(3, with: "n "), replacing(3, with: lines[3] + "00"),
            replacing(3, with: String(lines[3].dropLast(2))), replacing(4, with: "hs \(zeros)"),
            replacing(4, with: lines[3].replacing("n ", with: "hs ")), replacing(5, with: "v \(zeros)"),
            replacing(5, with: lines[5] + "00"), replacing(6, with: lines[7]), replacing(7, with: "v2 \(zeros)"),
            replacing(7, with: lines[6].replacing("v1 ", with: "v2 ")), replacing(8, with: "v3 zz"),
            replacing(8, with: "v3 " + String(repeating: "f", count: digits)), replacing(8, with: ""),
        ] {
            #expect(throws: (any Error).self) { try ThresholdPublicKey(text: spoiled, allowing: .testing) }
        }
    }

    @Test("Everything in a key is in its id")
    func identity() throws {
        func make(threshold: Int = 2, base: Integer? = nil, keys: [Integer]? = nil) throws -> ThresholdPublicKey {
            try ThresholdPublicKey(
                n: key.paillier.n.value, hs: key.paillier.hs, profile: key.paillier.profile, threshold: threshold,
                verificationBase: base ?? key.verificationBase, verificationKeys: keys ?? key.verificationKeys,
                allowing: .testing)
        }
        #expect(try make().id == key.id && make() == key)
        let square = key.paillier.nSquared.multiply(key.verificationBase, key.verificationBase)
        let others = [
            try make(threshold: 3), try make(base: square), try make(keys: key.verificationKeys.reversed()),
            try make(keys: Array(key.verificationKeys.dropLast())),
            try make(keys: key.verificationKeys.dropLast() + [square]),
        ]
        #expect(Set(others.map(\.id) + [key.id]).count == 6)
        #expect(others.allSatisfy { $0 != key })
        let bare = try PaillierPublicKey(
            n: key.paillier.n.value, hs: key.paillier.hs, kind: key.paillier.kind, allowing: .testing)
        #expect(bare.id != key.id)
    }

    private func spoiled(_ party: Int, _ change: (inout [UInt8]) -> Void) throws -> SecretBytes {
        var bytes = try dealing.shares[party - 1].encoded().withUnsafeBytes { Array($0) }
        change(&bytes)
        return try SecretBytes(wiping: &bytes)
    }

    @Test("A share survives its encoding, and is refused once any part of it is spoiled")
    func shareEncoding() throws {
        let read = try KeyShare(decoding: try spoiled(2) { _ in }, key: key)
        #expect(read.party == 2 && read.keyID == key.id)
        // 22 bytes of title, 2 of the party, 16 of the key's id, then 128 of the value.
        let cases: [(ThresholdError?, (inout [UInt8]) -> Void)] = [
            (nil, { $0[0] ^= 1 }), (nil, { $0 = [] }), (nil, { $0.removeLast() }), (nil, { $0.append(0) }),
            (nil, { $0[24] ^= 1 }), (.wrongShare(party: 1), { $0[23] = 1 }),
            (.unknownParty(0, parties: 3), { $0[23] = 0 }), (.unknownParty(4, parties: 3), { $0[23] = 4 }),
            (.unknownParty(258, parties: 3), { $0[22] = 1 }), (.wrongShare(party: 2), { $0[167] ^= 1 }),
            (.wrongShare(party: 2), { $0[40] ^= 0x80 }),
            (.wrongShare(party: 2), { $0.replaceSubrange(40..., with: [UInt8](repeating: 0, count: 128)) }),
        ]
        for (error, change) in cases {
            let bytes = try spoiled(2, change)
            if let error {
                #expect(throws: error) { try KeyShare(decoding: bytes, key: key) }
            } else {
                #expect(throws: ThresholdError.self) { try KeyShare(decoding: bytes, key: key) }
            }
        }
        let other = try ThresholdKeys.other.get().key
        #expect(throws: ThresholdError.self) { try KeyShare(decoding: spoiled(2) { _ in }, key: other) }
    }

    @Test("A sealed share opens for its cloud alone, whole and unaltered")
    func sealedShare() throws {
        let (own, foreign) = (try BoxKeyPair(), try BoxKeyPair())
        let box = try dealing.shares[2].sealed(to: own.publicKey)
        let read = try KeyShare(opening: box, with: own, key: key)
        let same = try read.encoded().withUnsafeBytes { read in
            try dealing.shares[2].encoded().withUnsafeBytes { $0.elementsEqual(read) }
        }
        #expect(read.party == 3 && same)
        #expect(throws: ThresholdError.sealedShareNotOpened) { try KeyShare(opening: box, with: foreign, key: key) }
        for index in [0, 40, box.count - 1] {
            var altered = box
            altered[index] ^= 1
            #expect(throws: ThresholdError.sealedShareNotOpened) { try KeyShare(opening: altered, with: own, key: key) }
        }
        for other in [[], Array(box.dropLast()), box + [0]] {
            #expect(throws: ThresholdError.self) { try KeyShare(opening: other, with: own, key: key) }
        }
        #expect(try dealing.shares[2].sealed(to: own.publicKey) != box)
        for publicKey in [[], [UInt8](repeating: 0, count: 31), [UInt8](repeating: 0, count: 32)] {
            #expect(throws: SodiumError.self) { try dealing.shares[2].sealed(to: publicKey) }
        }
    }
}
