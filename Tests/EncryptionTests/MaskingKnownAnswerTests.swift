import Encryption
import Federation
import Foundation
import Sodium
import Testing

/// A whole masked round as Reference/secagg_reference.py plays it: five clouds, one of which drops out after masking.
@Suite("Known answers of masked rounds")
struct MaskingKnownAnswerTests {
    private struct Vectors: Decodable {
        let run: String
        let round: UInt32
        let opening: String
        let bits: Int
        let threshold: Int
        let minimum: Int
        let clouds: [String]
        let publish: String
        let dropped: String
        let secrets: [String: String]
        let publish_secrets: String
        let signing_seeds: [String: String]
        let advertisements: [String: [String]]
        let roster: String
        let shares: [String: [String]]
        let agreement: String
        let values: [String: [UInt32]]
        let payloads: [String: String]
        let survivors: String
        let consents: [String: [String]]
        let disclosed: [String: String]
        let disclosures: [String: [String]]
        let sum: String
        let opened: [UInt64]
        let digests: [String: String]
    }

    private let vectors: Vectors
    private let terms: MaskingTerms
    private let signing: [StageName: SigningKey]
    private let signers: MaskingSigners
    private let parties: MaskParties
    private let members: MaskMembers
    private let survivors: MaskSurvivors
    private let slots: SlotLayout

    private static func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    private static func signed<Content: Declaration>(
        _ pair: [String]?, by stage: StageName, _ signers: MaskingSigners
    ) throws -> Signed<Content> {
        let pair = try #require(pair)
        return try Signed(
            bytes: bytes(pair[0]), signature: bytes(pair[1]), key: #require(signers[stage]), signer: "\(stage)")
    }

    init() throws {
        let url = try #require(Bundle.module.url(forResource: "secagg", withExtension: "json", subdirectory: "Vectors"))
        let vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: url))
        let clouds = try vectors.clouds.map { try StageName($0) }
        terms = try MaskingTerms(
            run: RunName(vectors.run), round: RoundNumber(vectors.round),
            opening: #require(Digest(bytes: Self.bytes(vectors.opening))), clouds: clouds,
            publisher: StageName(vectors.publish), threshold: vectors.threshold, minimumCohort: vectors.minimum)
        var signing: [StageName: SigningKey] = [:]
        for (stage, seed) in vectors.signing_seeds {
            signing[try StageName(stage)] = try SigningKey(seed: SecretSharingTests.secret(Self.bytes(seed)))
        }
        let signers = signing.mapValues(\.verifyingKey)
        let roster = try MaskRoster(decodeDocument(Self.bytes(vectors.roster)))
        let parties = try MaskParties(roster, terms: terms, signers: signers)
        members = try MaskMembers(
            MaskAgreement(decodeDocument(Self.bytes(vectors.agreement))), parties: parties,
            shares: clouds.map { try Self.signed(vectors.shares["\($0)"], by: $0, signers) }, signers: signers)
        survivors = try MaskSurvivors(decodeDocument(Self.bytes(vectors.survivors)))
        slots = try SlotLayout(bits: vectors.bits, cohort: clouds.count)
        self.vectors = vectors
        self.signing = signing
        self.signers = signers
        self.parties = parties
    }

    private func secrets(of stage: StageName) throws -> CloudSecrets {
        let encoded = try SecretSharingTests.secret(Self.bytes(#require(vectors.secrets["\(stage)"])))
        return try CloudSecrets(restoring: encoded, of: stage, terms: terms)
    }

    private func publisherKeys() throws -> MaskingKeys {
        try MaskingKeys(
            restoring: SecretSharingTests.secret(Self.bytes(vectors.publish_secrets)), of: terms.publisher,
            terms: terms)
    }

    @Test("Advertisements, their signatures, the roster and all digests are those of the reference")
    func documents() throws {
        var advertisements: [Signed<MaskAdvertisement>] = []
        for stage in terms.clouds + [terms.publisher] {
            let keys = stage == terms.publisher ? try publisherKeys() : try secrets(of: stage).keys
            let made = Signed(keys.advertisement, by: try #require(signing[stage]))
            #expect([Hex.encode(made.bytes), Hex.encode(made.signature.bytes)] == vectors.advertisements["\(stage)"])
            advertisements.append(made)
        }
        #expect(MaskRoster(terms: terms, advertisements: advertisements).documentDigest == parties.digest)
        #expect(parties.digest.description == vectors.digests["roster"])
        #expect(members.digest.description == vectors.digests["agreement"])
        #expect(survivors.documentDigest.description == vectors.digests["survivors"])
    }

    @Test("Shares and commitments are those of the reference, and what it sealed opens")
    func shares() throws {
        for (index, stage) in terms.clouds.enumerated() {
            let sharing = try CloudSharing(secrets(of: stage), parties: parties)
            let reference = members.shares[index]
            #expect(sharing.shares.seed == reference.seed)
            #expect(sharing.shares.portions.map(\.maskShare) == reference.portions.map(\.maskShare))
            #expect(sharing.shares.portions.map(\.seedShare) == reference.portions.map(\.seedShare))
            #expect(try CloudMasking(sharing, members: members).stage == stage)
        }
    }

    @Test("Masked payloads and their sum are those of the reference, to the byte")
    func payloads() throws {
        let layout = try layout(count: vectors.opened.count)
        let adder = MaskedScheme(agreement: members.digest, layout: layout, slots: slots)
        let accumulator = adder.makeAccumulator()
        for stage in terms.clouds {
            let masking = try CloudMasking(CloudSharing(secrets(of: stage), parties: parties), members: members)
            let scheme = try masking.scheme(layout: layout, slots: slots)
            let payload = try scheme.seal(#require(vectors.values["\(stage)"]), threads: 1)
            #expect(Hex.encode(payload) == vectors.payloads["\(stage)"])
            if stage.description != vectors.dropped {
                try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
            }
        }
        #expect(try Hex.encode(accumulator.sum()) == vectors.sum)
    }

    @Test("The reference's consents and disclosures are taken, and open its sum; ours hold the same shares")
    func unmasking() throws {
        let stages = survivors.survivors.map(\.stage)
        let consents: [Signed<MaskConsent>] = try stages.map {
            try Self.signed(vectors.consents["\($0)"], by: $0, signers)
        }
        let layout = try layout(count: vectors.opened.count)
        for isOurs in [false, true] {
            var unmasking = try Unmasking(publisherKeys(), members: members, survivors: survivors)
            for part in survivors.survivors {
                let masking = try CloudMasking(
                    CloudSharing(secrets(of: part.stage), parties: parties), members: members)
                let decision = try masking.decide(survivors, contribution: part.digest)
                let ours = try masking.disclosure(after: decision, consents: consents, signers: signers)
                try unmasking.add(
                    isOurs
                        ? Signed(ours, by: #require(signing[part.stage]))
                        : Self.signed(vectors.disclosures["\(part.stage)"], by: part.stage, signers), signers: signers)
            }
            let opener = try unmasking.opener(layout: layout, slots: slots)
            let opened = try opener.open(
                Self.bytes(vectors.sum), sealing: opener.sealing, contributions: stages.count, threads: 1)
            #expect(opened == vectors.opened)
        }
    }
}
