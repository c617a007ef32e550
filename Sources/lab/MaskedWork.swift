import Encryption
import Federation
import Sodium

/// Pairwise masks: what one cloud, aggregate and publish do in a round whose keys and shares are there.
final class MaskedWork: SealingWork {
    private let values: BenchValues
    private let slots: SlotLayout
    private let threads: Int
    private let secrets: [SecretBytes]
    private let members: MaskMembers
    private let adder: MaskedScheme
    private let unmasking: Unmasking
    /// Of every cloud, made when they are first needed.
    private var payloads: [[UInt8]] = []
    private var sum: [UInt8] = []
    private var opened: [Double] = []
    var payloadBytes: Int { adder.shape.byteCount }
    var sumBytes: Int { adder.shape.byteCount }

    init(_ values: BenchValues, bits: Int, cohort: Int, threads: Int) throws {
        self.values = values
        self.threads = threads
        slots = try SlotLayout(bits: bits, cohort: cohort)
        let clouds = try (0..<cohort).map { StageName(cloud: try CloudName("cloud-\($0)"), kind: .encrypt) }.sorted()
        let publisher = StageName(cloud: try CloudName("office"), kind: .publish)
        let terms = try MaskingTerms(
            run: RunName("bench"), round: RoundNumber(1), opening: Digest(of: []), clouds: clouds,
            publisher: publisher, threshold: cohort / 2 + 1, minimumCohort: MaskingTerms.smallestCohort)
        let signing = try (clouds + [publisher]).map { _ in
            try SigningKey(seed: SecretBytes.random(count: SigningKey.seedByteCount))
        }
        let signers = Dictionary(uniqueKeysWithValues: zip(clouds + [publisher], signing.map(\.verifyingKey)))
        var convener = MaskConvener(terms: terms, signers: signers)
        let cloudSecrets = try clouds.map { try CloudSecrets(of: $0, terms: terms) }
        let publisherKeys = try MaskingKeys(of: publisher, terms: terms)
        for (keys, key) in zip(cloudSecrets.map(\.keys) + [publisherKeys], signing) {
            try convener.take(Signed(keys.advertisement, by: key))
        }
        let parties = try MaskParties(convener.roster(), terms: terms, signers: signers)
        let sharings = try cloudSecrets.map { try CloudSharing($0, parties: parties) }
        for (sharing, key) in zip(sharings, signing) { try convener.take(Signed(sharing.shares, by: key)) }
        members = try MaskMembers(
            convener.agreement(), parties: parties, shares: convener.shares, signers: signers)

        let contribution = Digest(of: [])
        let survivors = MaskSurvivors(
            members: members, contributions: Dictionary(uniqueKeysWithValues: clouds.map { ($0, contribution) }))
        let maskings = try sharings.map { [members] in try CloudMasking($0, members: members) }
        let decisions = try maskings.map { try $0.decide(survivors, contribution: contribution) }
        let consents = zip(decisions, signing).map { Signed($0.consent, by: $1) }
        var unmasking = try Unmasking(publisherKeys, members: members, survivors: survivors)
        for index in 0..<terms.threshold {
            let disclosure = try maskings[index].disclosure(
                after: decisions[index], consents: consents, signers: signers)
            try unmasking.add(Signed(disclosure, by: signing[index]), signers: signers)
        }
        self.unmasking = unmasking
        secrets = try cloudSecrets.map { try $0.encoded() }
        adder = MaskedScheme(agreement: members.digest, layout: values.layout, slots: slots)
    }

    /// A cloud that is about to mask. Masks are used once in earnest; here the same round is played again and again.
    private func masking(_ index: Int) throws -> CloudMasking {
        let restored = try CloudSecrets(restoring: secrets[index], of: members.stages[index], terms: members.terms)
        return try CloudMasking(CloudSharing(restored, parties: members.parties), members: members)
    }

    /// Agreeing on the keys of all masks is in it.
    func encrypt() throws -> Elapsed {
        let masking = try masking(0)
        return try Elapsed.measure {
            let scheme = try masking.scheme(layout: values.layout, slots: slots)
            _ = try scheme.seal(values.quantised(), threads: threads)
        }
    }

    func aggregate() throws -> Elapsed {
        if payloads.isEmpty {
            payloads = try members.stages.indices.map { index in
                try masking(index).scheme(layout: values.layout, slots: slots).seal(
                    values.quantised(cloud: index), threads: threads)
            }
        }
        return try Elapsed.measure {
            let accumulator = adder.makeAccumulator()
            for payload in payloads { try accumulator.add(payload, sealing: adder.sealing, threads: threads) }
            sum = try accumulator.sum()
        }
    }

    /// Putting the shares together is in it.
    func open() throws -> Elapsed {
        if sum.isEmpty { _ = try aggregate() }
        return try Elapsed.measure {
            let opener = try unmasking.opener(layout: values.layout, slots: slots)
            opened = try values.quantiser.dequantise(
                opener.open(sum, sealing: adder.sealing, contributions: payloads.count, threads: threads),
                contributions: payloads.count)
        }
    }

    var errors: (largest: Double, rms: Double) { values.errors(opened, contributions: payloads.count) }
}
