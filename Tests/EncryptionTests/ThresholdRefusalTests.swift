import BigInteger
import Encryption
import Federation
import Sodium
import Testing

/// Each wrong thing gets an error of its own that names the party, where the same thing unspoiled is accepted.
@Suite("Refusals of partial openings")
struct ThresholdRefusalTests {
    private let round: ThresholdRound
    private let row: [UInt8]
    private let proof: [UInt8]

    init() throws {
        round = try ThresholdRound(try ThresholdKeys.twoOfThree.get(), count: 400)
        row = try round.row(2)
        proof = try round.opener(2).proof(of: row, sum: round.sum, context: round.context, threads: 1)
    }

    private var n: Integer { round.dealing.key.paillier.n.value }
    private var width: Int { round.dealing.key.bits / 4 }

    private func verify(
        row: [UInt8]? = nil, proof: [UInt8]? = nil, party: Int = 2, sum: [UInt8]? = nil, context: [UInt8]? = nil
    ) throws -> VerifiedOpening<[UInt8]> {
        try round.verifier.verify(
            row ?? self.row, proof: proof ?? self.proof, party: party, sum: sum ?? round.sum,
            context: context ?? round.context, threads: 1)
    }

    /// The row with one unit replaced by what `change` makes of it.
    private func row(_ unit: Int, _ change: (Integer) -> Integer) throws -> [UInt8] {
        var row = row
        let place = unit * width..<(unit + 1) * width
        let value = change(Integer(bigEndian: Array(row[place])))
        row.replaceSubrange(place, with: try #require(value.bigEndianBytes(count: width)))
        return row
    }

    @Test("A row, a proof, a party, a sum and a context other than the proved ones are refused")
    func otherThings() throws {
        _ = try verify()
        let square = n * n
        for spoiled in [
            try row(0) { ($0 * (n + 1)).modulo(square) }, try row(3) { ($0 * $0).modulo(square) },
            try row(1) { $0.inverse(modulo: square) ?? 1 }, try row(2) { _ in 1 }, try row(0) { square - $0 },
            Array(row[width...] + row[..<width]),
        ] {
            #expect(throws: ThresholdError.wrongOpening(party: 2)) { try verify(row: spoiled) }
        }
        #expect(throws: ThresholdError.wrongOpening(party: 1)) { try verify(party: 1) }
        #expect(throws: ThresholdError.wrongOpening(party: 2)) { try verify(context: round.context + [0]) }
        #expect(throws: ThresholdError.wrongOpening(party: 2)) { try verify(context: []) }
        let other = try ThresholdRound(round.dealing, count: 400, seed: 2)
        #expect(throws: ThresholdError.wrongOpening(party: 2)) { try verify(sum: other.sum) }
        for party in [0, -1, 4, 65] {
            #expect(throws: ThresholdError.unknownParty(party, parties: 3)) { try verify(party: party) }
        }
    }

    @Test("A proof with any part of it altered, or of another length, is refused")
    func spoiledProofs() throws {
        _ = try verify()
        for index in [0, 31, 33, 60, proof.count - 1] {
            var spoiled = proof
            spoiled[index] ^= 1
            #expect(throws: ThresholdError.wrongOpening(party: 2)) { try verify(proof: spoiled) }
        }
        for spoiled in [[], Array(proof.dropLast()), proof + [0]] {
            #expect(throws: ThresholdError.malformedProof(party: 2)) { try verify(proof: spoiled) }
        }
        var long = proof
        long[32] = 0xff
        #expect(throws: ThresholdError.malformedProof(party: 2)) { try verify(proof: long) }
        #expect(throws: ThresholdError.malformedProof(party: 2)) {
            try verify(proof: [UInt8](repeating: 0, count: proof.count))
        }
    }

    @Test("A row that is no row of units is refused")
    func malformedRows() throws {
        for (spoiled, error) in [
            (Array(row.dropLast()), .wrongPayloadLength(expected: row.count, found: row.count - 1)),
            ([], .wrongPayloadLength(expected: row.count, found: 0)),
            (try row(1) { _ in 0 }, .ciphertextIsZero(index: 1)),
            (try row(2) { _ in n * n }, .ciphertextTooLarge(index: 2)),
            (try row(0) { _ in n * 2 }, .ciphertextNotInvertible(index: 0)),
        ] as [([UInt8], EncryptionError)] {
            #expect(throws: ThresholdError.malformedRow(party: 2, error)) { try verify(row: spoiled) }
        }
    }

    @Test("A share of another dealing of the same primes makes rows and proofs that are refused")
    func wrongShare() throws {
        // The same n, and so units that are valid under both keys.
        let (first, second) = try SharedPrimes.dealings()
        let round = try ThresholdRound(first, count: 100)
        let forger = try PartialOpener(
            share: second.shares[0], key: second.key, layout: round.layout, slots: round.slots)
        let row = try forger.row(
            of: round.sum, units: 0..<forger.shape.units, sealing: forger.sealing, threads: 1)
        let proof = try forger.proof(of: row, sum: round.sum, context: round.context, threads: 1)
        let theirs = OpeningVerifier(key: second.key, layout: round.layout, slots: round.slots)
        _ = try theirs.verify(row, proof: proof, party: 1, sum: round.sum, context: round.context, threads: 1)
        #expect(throws: ThresholdError.wrongOpening(party: 1)) {
            try round.verifier.verify(
                row, proof: proof, party: 1, sum: round.sum, context: round.context, threads: 1)
        }
        #expect(throws: EncryptionError.wrongKey(expected: first.key.id, found: second.key.id)) {
            try round.opener(1).row(of: round.sum, units: 0..<1, sealing: forger.sealing, threads: 1)
        }
        #expect(throws: ThresholdError.self) {
            try PartialOpener(share: second.shares[0], key: first.key, layout: round.layout, slots: round.slots)
        }
    }

    @Test("A unit with the wrong sign can be proved, and opens all the same")
    func signs() throws {
        let opener = try round.opener(2)
        let negated = try row(0) { n * n - $0 }
        let proof = try opener.proof(of: negated, sum: round.sum, context: round.context, threads: 1)
        let openings = [try round.opening(1), try verify(row: negated, proof: proof)]
        #expect(try round.combiner.open(openings, contributions: 3, threads: 1) == round.values)
        // No other wrong units get through, though their maker has the share: not even where the product of all is
        // right.
        let shifted = try row(0) { ($0 * (n + 1)).modulo(n * n) }
        var balanced = try row(1) { ($0 * (n * (n - 1) + 1)).modulo(n * n) }
        balanced.replaceSubrange(..<width, with: shifted[..<width])
        for wrong in [shifted, balanced, Array(row[width...] + row[..<width])] {
            let attempt = try opener.proof(of: wrong, sum: round.sum, context: round.context, threads: 1)
            #expect(throws: ThresholdError.wrongOpening(party: 2)) { try verify(row: wrong, proof: attempt) }
        }
    }

    @Test("Openings of one party twice, or of different sums or rounds, are not combined")
    func combinations() throws {
        let own = [try round.opening(1), try verify()]
        #expect(try round.combiner.open(own, contributions: 3, threads: 1) == round.values)
        #expect(throws: ThresholdError.duplicateOpening(party: 2)) {
            try round.combiner.open(own + [try verify()], contributions: 3, threads: 1)
        }
        let other = try ThresholdRound(round.dealing, count: 400, seed: 2)
        #expect(throws: ThresholdError.foreignOpening(party: 3)) {
            try round.combiner.open([own[0], try other.opening(3)], contributions: 3, threads: 1)
        }
        let later = Array("run 1, round 8, cohort abc".utf8)
        let proof = try round.opener(2).proof(of: row, sum: round.sum, context: later, threads: 1)
        #expect(throws: ThresholdError.foreignOpening(party: 2)) {
            try round.combiner.open([own[0], try verify(proof: proof, context: later)], contributions: 3, threads: 1)
        }
        let foreign = try ThresholdRound(try ThresholdKeys.other.get(), count: 400)
        #expect(throws: ThresholdError.foreignOpening(party: 1)) {
            try foreign.combiner.open(own, contributions: 3, threads: 1)
        }
        for announced in [0, 4] {
            #expect(throws: EncryptionError.wrongContributionCount(found: announced, cohort: 3)) {
                try round.combiner.open(own, contributions: announced, threads: 1)
            }
        }
    }

    @Test("A party opens no sum of another round's form, nor one with a unit that no encryption makes")
    func refusedSums() throws {
        let opener = try round.opener(1)
        let units = 0..<opener.shape.units
        _ = try opener.row(of: round.sum, units: units, sealing: opener.sealing, threads: 1)
        let wider = try ThresholdRound(round.dealing, count: 401)
        #expect(throws: EncryptionError.self) {
            try opener.row(of: round.sum, units: units, sealing: try wider.opener(1).sealing, threads: 1)
        }
        var spoiled = round.sum
        spoiled.replaceSubrange(..<width, with: [UInt8](repeating: 0, count: width))
        #expect(throws: EncryptionError.ciphertextIsZero(index: 0)) {
            try opener.row(of: spoiled, units: units, sealing: opener.sealing, threads: 1)
        }
        #expect(throws: EncryptionError.self) {
            try opener.row(of: round.sum.dropLast(), units: units, sealing: opener.sealing, threads: 1)
        }
    }

    @Test("Rows that were proved against a dealer's false verification values do not combine to anything")
    func falseDealer() throws {
        let (first, second) = try SharedPrimes.dealings()
        // Party 2 has a share of another polynomial than party 1.
        let keys = [first.key.verificationKeys[0], second.key.verificationKeys[1], first.key.verificationKeys[2]]
        let mixed = try ThresholdPublicKey(
            n: first.key.paillier.n.value, hs: first.key.paillier.hs, profile: .standard, threshold: 2,
            verificationBase: first.key.verificationBase, verificationKeys: keys, allowing: .testing)
        let shares = try [first.shares[0], second.shares[1], first.shares[2]].map { share in
            var bytes = try share.encoded().withUnsafeBytes { Array($0) }
            bytes.replaceSubrange(24..<40, with: mixed.id.bytes)
            return try KeyShare(decoding: try SecretBytes(wiping: &bytes), key: mixed)
        }
        let round = try ThresholdRound((mixed, shares), count: 100)
        #expect(try round.open([1, 3]) == round.values)
        #expect(throws: ThresholdError.combinationFails(ciphertext: 0)) { try round.open([1, 2]) }
    }
}
