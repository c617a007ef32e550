import BigInteger
import Encryption
import Federation
import Sodium
import Testing

@Suite("Threshold opening")
struct ThresholdOpeningTests {
    /// All subsets of 1...count with `size` members.
    private func subsets(of count: Int, size: Int) -> [[Int]] {
        let all: [[Int]] = (0..<(1 << count)).map { mask in (1...count).filter { (mask >> ($0 - 1)) & 1 == 1 } }
        return all.filter { $0.count == size }
    }

    @Test("Any two of three and any three of five open the same sum", arguments: Arithmetic.supported)
    func everySubset(arithmetic: Arithmetic) throws {
        for (dealing, size) in [(try ThresholdKeys.twoOfThree.get(), 2), (try ThresholdKeys.threeOfFive.get(), 3)] {
            let round = try ThresholdRound(dealing, count: 500, arithmetic: arithmetic)
            let openings = try (1...dealing.key.parties).map { try round.opening($0) }
            for subset in subsets(of: dealing.key.parties, size: size) {
                let opened = try round.combiner.open(
                    subset.shuffled().map { openings[$0 - 1] }, contributions: 3, threads: 1)
                #expect(opened == round.values)
            }
            // More than are needed open it as well.
            #expect(try round.combiner.open(openings, contributions: 3, threads: 1) == round.values)
        }
    }

    @Test(
        "With a threshold of 1 each party opens the sum alone, and proves that it did", arguments: Arithmetic.supported)
    func oneKeyOfAll(arithmetic: Arithmetic) throws {
        let dealing = try ThresholdKeys.deal(1, of: 3)
        #expect(dealing.key.threshold == 1 && Set(dealing.key.verificationKeys).count == 1)
        #expect(try ThresholdPublicKey(text: dealing.key.text, allowing: .testing) == dealing.key)
        let round = try ThresholdRound(dealing, count: 500, arithmetic: arithmetic)
        for party in 1...3 { #expect(try round.open([party]) == round.values) }
        #expect(try round.open([3, 1]) == round.values)
        #expect(throws: ThresholdError.tooFewOpenings(found: 0, needed: 1)) { try round.open([]) }
        // Another key's share, or one party's proof under another's name.
        let (row, proof) = (
            try round.row(1),
            try round.opener(1).proof(
                of: round.row(1), sum: round.sum, context: round.context, threads: 1)
        )
        #expect(throws: ThresholdError.self) {
            try round.verifier.verify(
                row, proof: proof, party: 2, sum: round.sum, context: round.context, threads: 1)
        }
        let other = try ThresholdRound(try ThresholdKeys.deal(1, of: 3), count: 500, arithmetic: arithmetic)
        #expect(throws: ThresholdError.self) {
            try round.verifier.verify(
                try other.row(1), proof: proof, party: 1, sum: round.sum, context: round.context, threads: 1)
        }
        // Values of which one is not the others' stand for no such key.
        let mixed = [dealing.key.verificationKeys[0], dealing.key.verificationKeys[0], dealing.key.verificationBase]
        #expect(throws: ThresholdError.self) {
            try ThresholdPublicKey(
                n: dealing.key.paillier.n.value, hs: dealing.key.paillier.hs, profile: .standard, threshold: 1,
                verificationBase: dealing.key.verificationBase, verificationKeys: mixed, allowing: .testing)
        }
    }

    @Test(
        "Sixty-four parties, whose Delta is of 296 bits: the first, the last and any others of them open a sum",
        arguments: Arithmetic.supported)
    func manyParties(arithmetic: Arithmetic) throws {
        let round = try ThresholdRound(try ThresholdKeys.deal(5, of: 64), count: 600, arithmetic: arithmetic)
        #expect(try round.open([1, 2, 3, 4, 5]) == round.values)
        #expect(try round.open([60, 61, 62, 63, 64]) == round.values)
        #expect(try round.open([64, 7, 1, 33, 12]) == round.values)
    }

    @Test("All sixty-four of sixty-four open a sum", arguments: Arithmetic.supported)
    func everyParty(arithmetic: Arithmetic) throws {
        let round = try ThresholdRound(try ThresholdKeys.deal(64, of: 64), count: 10, arithmetic: arithmetic)
        #expect(try round.open(Array(1...64)) == round.values)
    }

    @Test("A key of 2048 bits opens what it sealed, and gets by without short keys being allowed")
    func realSize() throws {
        let dealing = try ThresholdDealer.deal(size: .bits2048, parties: 3, threshold: 2, threads: 2)
        #expect(dealing.key.bits == 2048)
        #expect(try ThresholdPublicKey(text: dealing.key.text) == dealing.key)
        let round = try ThresholdRound(dealing, count: 1000)
        #expect(try round.open([1, 3]) == round.values)
    }

    @Test(
        "Both arithmetics and any number of threads make the same rows, and take each other's proofs",
        .enabled(if: Arithmetic.supported.contains(.lanes), "this machine has no AVX-512 IFMA"))
    func agreement() throws {
        for (bits, count) in [(512, 1100), (1152, 300)] {
            let dealing = try ThresholdKeys.deal(2, of: 3, bits: bits)
            let portable = try ThresholdRound(dealing, count: count, arithmetic: .portable)
            let opener = try PartialOpener(
                share: dealing.shares[1], key: dealing.key, layout: portable.layout, slots: portable.slots,
                arithmetic: .lanes)
            let units = opener.shape.units
            let row = try portable.row(2)
            for threads in [1, 2, 5] {
                #expect(try portable.row(2, threads: threads) == row)
                let whole = try opener.row(
                    of: portable.sum, units: 0..<units, sealing: opener.sealing, threads: threads)
                #expect(whole == row)
                // Part by part, in parts that are no multiples of eight.
                let cuts = [0, 1, min(11, units), units]
                let parts = try zip(cuts, cuts.dropFirst()).flatMap {
                    try opener.row(of: portable.sum, units: $0..<$1, sealing: opener.sealing, threads: threads)
                }
                #expect(parts == row)
            }
            let lanes = OpeningVerifier(
                key: dealing.key, layout: portable.layout, slots: portable.slots, arithmetic: .lanes)
            for (proof, verifier) in [
                (try portable.opener(2).proof(of: row, sum: portable.sum, context: [1], threads: 2), lanes),
                (try opener.proof(of: row, sum: portable.sum, context: [1], threads: 3), portable.verifier),
            ] {
                _ = try verifier.verify(row, proof: proof, party: 2, sum: portable.sum, context: [1], threads: 2)
            }
        }
    }

    @Test("A sum is opened part by part, on any number of threads, to the same values")
    func parts() throws {
        let round = try ThresholdRound(try ThresholdKeys.threeOfFive.get(), count: 3000)
        let openings = try [5, 1, 4].map { try round.opening($0) }
        let units = round.combiner.shape.units
        for threads in [1, 2, 7] {
            let opened = try [0..<1, 1..<units / 2, units / 2..<units].flatMap {
                try round.combiner.open(openings, units: $0, contributions: 3, threads: threads)
            }
            #expect(opened == round.values)
        }
    }

    /// What `parties` make of unit 0 by Lagrange's formula for as many shares as they are.
    private func interpolation(_ round: ThresholdRound, _ parties: [Int]) throws -> Integer {
        let key = round.dealing.key
        let delta = (1...key.parties).reduce(Integer(1)) { $0 * Integer($1) }
        var result: Integer = 1
        for party in parties {
            var (above, below) = (delta * 2, Integer(1))
            for other in parties where other != party {
                above *= Integer(other)
                below *= Integer(other - party)
            }
            let unit = Integer(bigEndian: Array(try round.row(party).prefix(key.bits / 4)))
            let exponent = above / below
            let base = exponent.signum > 0 ? unit : try #require(unit.inverse(modulo: key.paillier.nSquared.value))
            result *= base.power(exponent.signum > 0 ? exponent : -exponent, modulo: key.paillier.nSquared.value)
        }
        return result.modulo(key.paillier.nSquared.value)
    }

    @Test("One share fewer opens nothing: it is refused, and would not make a plaintext")
    func tooFew() throws {
        let round = try ThresholdRound(try ThresholdKeys.threeOfFive.get(), count: 30)
        let openings = try (1...3).map { try round.opening($0) }
        _ = try round.combiner.open(openings, contributions: 3, threads: 1)
        for count in 0...2 {
            #expect(throws: ThresholdError.tooFewOpenings(found: count, needed: 3)) {
                try round.combiner.open(Array(openings.prefix(count)), contributions: 3, threads: 1)
            }
        }
        // A power of 1 + n is 1 mod n: three shares leave one, whose plaintext is there to be read; two leave blinding.
        let n = round.dealing.key.paillier.n.value
        #expect(try interpolation(round, [1, 2, 3]).modulo(n) == 1)
        #expect(try interpolation(round, [2, 4, 5]).modulo(n) == 1)
        for pair in [[1, 2], [2, 3], [4, 5], [1, 5]] { #expect(try interpolation(round, pair).modulo(n) != 1) }
    }
}
