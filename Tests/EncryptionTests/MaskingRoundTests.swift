import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

/// Whole masked rounds: who drops out when, and what the others still get.
@Suite("Masked rounds")
struct MaskingRoundTests {
    private static let slots = Result { try SlotLayout(bits: 8, cohort: 6) }
    private static let count = 203

    private static func values(of stage: StageName) -> [UInt32] {
        var generator = SeededGenerator(
            seed: UInt64(stage.description.utf8.reduce(0) { ($0 * 31 + Int($1)) % 1_000_003 }))
        return (0..<count).map { _ in .random(in: 1...255, using: &generator) }
    }

    /// All members mask; those of `stages` arrive; their sum is opened.
    private func sum(of stages: [StageName], in round: MaskedRound, disclosing: [StageName]? = nil) throws -> [UInt64] {
        let slots = try Self.slots.get()
        let layout = try layout(count: Self.count)
        let adder = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots)
        let accumulator = adder.makeAccumulator()
        for masking in round.maskings {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            let payload = try scheme.seal(Self.values(of: masking.stage), threads: 1)
            // Who drops out after masking has masked all the same.
            if stages.contains(masking.stage) {
                try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
            }
        }
        let opener = try round.unmasking(of: stages, disclosing: disclosing).opener(layout: layout, slots: slots)
        return try opener.open(accumulator.sum(), sealing: adder.sealing, contributions: stages.count, threads: 1)
    }

    private func plain(_ stages: [StageName]) -> [UInt64] {
        stages.map(Self.values).reduce([UInt64](repeating: 0, count: Self.count)) { sums, values in
            zip(sums, values).map { $0 + UInt64($1) }
        }
    }

    @Test("Every set of survivors down to the threshold opens to its own sum; a smaller one is refused")
    func everyDropout() throws {
        for mask in 0..<64 {
            let round = try MaskedRound(clouds: 6)
            let stages = (0..<6).filter { mask >> $0 & 1 == 1 }.map { round.clouds[$0] }
            guard stages.count >= round.terms.threshold else {
                #expect(
                    throws: MaskingError.tooFewClouds(phase: "have contributed", found: stages.count, needed: 4)
                ) { try round.members.check(round.survivors(stages)) }
                continue
            }
            #expect(try sum(of: stages, in: round) == plain(stages))
        }
    }

    @Test("Clouds that never advertise, advertise and deal nothing, or mask and never arrive: the rest is summed")
    func dropoutInEachPhase() throws {
        let round = try MaskedRound(clouds: 6, absent: [1], silent: [4])
        #expect(round.parties.clouds.count == 5)
        #expect(round.clouds.count == 4)
        #expect(try sum(of: round.clouds, in: round) == plain(round.clouds))

        let later = try MaskedRound(clouds: 6, threshold: 4, absent: [0])
        let survivors = Array(later.clouds.dropFirst())
        #expect(try sum(of: survivors, in: later) == plain(survivors))
    }

    @Test("Any survivors' disclosures will do, as many as the threshold or more; one fewer opens nothing")
    func disclosures() throws {
        for disclosing in [[0, 1, 2, 3], [1, 2, 3, 4], [4, 3, 1, 0, 2]] {
            let round = try MaskedRound(clouds: 6)
            let survivors = Array(round.clouds.dropLast())
            #expect(try sum(of: survivors, in: round, disclosing: disclosing.map { survivors[$0] }) == plain(survivors))
        }
        let round = try MaskedRound(clouds: 6)
        let unmasking = try round.unmasking(of: round.clouds, disclosing: Array(round.clouds.prefix(3)))
        #expect(!unmasking.isSufficient)
        #expect(throws: MaskingError.tooFewShares(found: 3, needed: 4)) {
            try unmasking.opener(layout: layout(count: 1), slots: Self.slots.get())
        }
    }

    @Test("Twenty-four clouds deal, mask and are summed; 255 are the most that there may be")
    func largestCohort() throws {
        let terms = try MaskedRound.terms(clouds: 255)
        #expect(terms.threshold == 128)
        #expect(throws: MaskingError.self) { try MaskedRound.terms(clouds: 256) }
        let round = try MaskedRound(clouds: 24, threshold: 17)
        let slots = try SlotLayout(bits: 8, cohort: 24)
        let layout = try layout(count: 5)
        let accumulator = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots).makeAccumulator()
        for masking in round.maskings.dropLast(3) {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            try accumulator.add(scheme.seal([255, 1, 2, 3, 4], threads: 1), sealing: scheme.sealing, threads: 1)
        }
        let survivors = Array(round.clouds.dropLast(3))
        let opener = try round.opener(of: survivors, layout: layout, slots: slots)
        let opened = try opener.open(
            accumulator.sum(), sealing: opener.sealing, contributions: survivors.count, threads: 1)
        #expect(opened == [255, 1, 2, 3, 4].map { $0 * 21 })
    }

    @Test("A cloud that kept its secrets goes on after a restart where it was, and signs the same")
    func restart() throws {
        let round = try MaskedRound(clouds: 4)
        let stage = round.clouds[1]
        let survivors = round.survivors(round.clouds)
        let consents = try round.consents(to: survivors)
        let decision = try round.masking(stage).decide(survivors, contribution: MaskedRound.contribution(of: stage))

        let kept = try CloudSecrets(
            restoring: round.secrets[1].encoded(), of: stage, terms: round.terms, decision: decision)
        let again = try CloudMasking(CloudSharing(kept, parties: round.parties), members: round.members)
        let same = try again.decide(survivors, contribution: MaskedRound.contribution(of: stage))
        #expect(same == decision)
        #expect(same.consent == decision.consent)
        var unmasking = try Unmasking(round.publisherKeys, members: round.members, survivors: survivors)
        let disclosure = try again.disclosure(after: same, consents: consents, signers: round.signers)
        try unmasking.add(round.sign(disclosure, by: stage), signers: round.signers)
        #expect(unmasking.disclosures == 1)

        // Without its secrets it has no shares to open, and cannot pass for the one that dealt them.
        let fresh = try CloudSecrets(of: stage, terms: round.terms)
        #expect(throws: MaskingError.foreignKeys(stage)) { try CloudSharing(fresh, parties: round.parties) }
    }

    @Test("How many colluding clouds a threshold and a minimum cohort bear")
    func colluders() throws {
        for (clouds, threshold, minimum, expected) in [
            (3, 2, 3, 1), (3, 3, 3, 1), (4, 3, 3, 1), (5, 3, 3, 0), (5, 4, 3, 2), (5, 3, 5, 2), (8, 6, 3, 3),
            (8, 8, 3, 6),
        ] {
            let terms = try MaskedRound.terms(clouds: clouds, threshold: threshold, minimum: minimum)
            #expect(terms.toleratedColluders == expected, "\(clouds) clouds, \(threshold) shares, at least \(minimum)")
        }
        for clouds in 3...40 {
            for minimum in 3...clouds {
                for colluders in 0...clouds - 2 {
                    let threshold = try #require(
                        MaskingTerms.threshold(clouds: clouds, minimumCohort: minimum, colluders: colluders))
                    let terms = try MaskedRound.terms(clouds: clouds, threshold: threshold, minimum: minimum)
                    #expect(terms.toleratedColluders >= colluders)
                    guard 2 * (threshold - 1) > clouds else { continue }
                    let fewer = try MaskedRound.terms(clouds: clouds, threshold: threshold - 1, minimum: minimum)
                    #expect(fewer.toleratedColluders < colluders)
                }
            }
            #expect(MaskingTerms.threshold(clouds: clouds, minimumCohort: 3, colluders: clouds - 1) == nil)
        }
    }
}
