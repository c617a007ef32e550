import BigInteger
import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

/// Threshold keys too short to protect anything, made once for all tests.
enum ThresholdKeys {
    static let twoOfThree = Result { try deal(2, of: 3) }
    static let threeOfFive = Result { try deal(3, of: 5) }
    static let other = Result { try deal(2, of: 3) }

    static func deal(_ threshold: Int, of parties: Int, bits: Int = 512) throws -> ThresholdDealer.Dealing {
        try ThresholdDealer.deal(size: .insecure(bits: bits), parties: parties, threshold: threshold, threads: 1)
    }
}

/// One sum, and what its parties make of it.
struct ThresholdRound {
    let dealing: ThresholdDealer.Dealing
    let layout: VectorLayout
    let slots: SlotLayout
    let arithmetic: Arithmetic
    let values: [UInt64]
    var sum: [UInt8]
    let contributions: Int
    let context = Array("run 1, round 7, cohort abc".utf8)

    /// The sum of three contributions of `count` values.
    init(_ dealing: ThresholdDealer.Dealing, count: Int, arithmetic: Arithmetic = .fastest, seed: UInt64 = 1) throws {
        self.dealing = dealing
        self.arithmetic = arithmetic
        layout = try EncryptionTests.layout(count: count)
        slots = try SlotLayout(bits: 8, cohort: 3)
        let scheme = PaillierScheme(key: dealing.key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
        var generator = SeededGenerator(seed: seed)
        let accumulator = scheme.makeAccumulator()
        var values = [UInt64](repeating: 0, count: count)
        for _ in 0..<3 {
            let contribution = (0..<count).map { _ in UInt32.random(in: 1...255, using: &generator) }
            for index in values.indices { values[index] += UInt64(contribution[index]) }
            try accumulator.add(try scheme.seal(contribution, threads: 1), sealing: scheme.sealing, threads: 1)
        }
        self.values = values
        sum = try accumulator.sum()
        contributions = accumulator.contributions
    }

    func opener(_ party: Int) throws -> PartialOpener {
        try PartialOpener(
            share: dealing.shares[party - 1], key: dealing.key, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    var verifier: OpeningVerifier {
        OpeningVerifier(key: dealing.key, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    var combiner: ThresholdOpener {
        ThresholdOpener(key: dealing.key, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    func row(_ party: Int, threads: Int = 1) throws -> [UInt8] {
        let opener = try opener(party)
        return try opener.row(of: sum, units: 0..<opener.shape.units, sealing: opener.sealing, threads: threads)
    }

    /// A party's row, with its proof checked.
    func opening(_ party: Int) throws -> VerifiedOpening<[UInt8]> {
        let row = try row(party)
        let proof = try opener(party).proof(of: row, sum: sum, context: context, threads: 1)
        return try verifier.verify(row, proof: proof, party: party, sum: sum, context: context, threads: 1)
    }

    func open(_ parties: [Int], threads: Int = 1) throws -> [UInt64] {
        try combiner.open(parties.map { try opening($0) }, contributions: contributions, threads: threads)
    }
}

/// Two fixed safe primes, for dealings that have the same n.
enum SharedPrimes {
    static func choices(coefficients: [Integer]) throws -> ThresholdDealer.Choices {
        ThresholdDealer.Choices(
            p: try #require(Integer("ced785d81c55d23e89696bd242a7b9f89c8166a7fd43c0fb83ad24b41acd1f8f", radix: 16)),
            q: try #require(Integer("d8d6811ac000957b6685de6bebb2bbade37a3617ba43a8a70d37d658f6986f13", radix: 16)),
            blindingRoot: 12_345, verificationRoot: 67_890, coefficients: coefficients)
    }

    static func deal(_ coefficients: [Integer], parties: Int = 3) throws -> ThresholdDealer.Dealing {
        try ThresholdDealer.deal(
            try choices(coefficients: coefficients), profile: .standard, parties: parties, threads: 1,
            allowing: .testing)
    }

    /// Two dealings, 2 of 3, that differ in the polynomial alone.
    static func dealings() throws -> (ThresholdDealer.Dealing, ThresholdDealer.Dealing) {
        (try deal([Integer(1) << 900]), try deal([(Integer(1) << 901) + 17]))
    }
}
