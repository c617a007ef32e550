import Aggregation
import Encryption
import Federation
import MessagePack
import Sodium
import Testing

@Suite("The masks of a round as aggregate sees them")
struct MaskedGatheringTests {
    private static let began: UInt64 = 1_000
    private static let deadline: UInt64 = 9_000
    /// A quarter and a half of the time between.
    private static let (quarter, half): (UInt64, UInt64) = (3_000, 5_000)

    /// Four clouds, of which three are enough, and publish.
    private struct Round {
        let opening: Signed<Opening>
        let publisher: StageName
        let signing: [StageName: SigningKey]
        let secrets: [CloudSecrets]
        let publisherKeys: MaskingKeys
        var gathering: MaskedGathering

        /// - Parameter helped: what the clouds say with their keys; the others nothing.
        init(quorum: Int = 3, helped: [String: [String]] = [:]) throws {
            let names = try ["east", "north", "south", "west"].map { try CloudName($0) }
            let publisher = try StageName("office/publish")
            let digest = Digest(of: Array("base".utf8))
            let content = Opening(
                run: try RunName("run"), round: RoundNumber(5), purpose: .update,
                seat: Seat(try StageName("office/aggregate")),
                layout: try VectorLayout([.init(name: "values", shape: [8], range: 1)]), bits: 12, suite: .secagg,
                keyID: [], profile: "", clipNorm: 1, cohort: names.map { Member(cloud: $0, weight: 1) },
                quorum: quorum, minimumCohort: 3, deadline: MaskedGatheringTests.deadline, startsFrom: RoundNumber(2),
                adapterDigest: digest,
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                    tokenizerDigest: ""),
                training: TrainingPlan(
                    steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1), split: nil)
            let stages = names.map { StageName(cloud: $0, kind: .encrypt) }
            var signing: [StageName: SigningKey] = [:]
            for stage in stages + [publisher] { signing[stage] = try SigningKey(seed: .random(count: 32)) }
            opening = Signed(content, by: try SigningKey(seed: .random(count: 32)))
            gathering = try MaskedGathering(
                opening, publisher: publisher, signers: signing.mapValues(\.verifyingKey),
                now: MaskedGatheringTests.began)
            let terms = gathering.terms
            secrets = try stages.map { stage in
                let word = try helped[stage.cloud.description].map { names in
                    HelpedSum(round: RoundNumber(4), clouds: try names.map { try CloudName($0) })
                }
                return try CloudSecrets(of: stage, terms: terms, helped: word)
            }
            publisherKeys = try MaskingKeys(of: publisher, terms: terms)
            self.publisher = publisher
            self.signing = signing
        }

        func signed<Content: Declaration>(_ content: Content, by stage: StageName) throws -> Signed<Content> {
            Signed(content, by: try #require(signing[stage]))
        }

        mutating func advertise(_ clouds: Range<Int>, publisher isThere: Bool = true) throws {
            for keys in secrets[clouds].map(\.keys) + (isThere ? [publisherKeys] : []) {
                try gathering.take(signed(keys.advertisement, by: keys.stage))
            }
        }

        mutating func deal(_ clouds: Range<Int>, _ parties: MaskParties) throws {
            for secrets in secrets[clouds] {
                let sharing = try CloudSharing(secrets, parties: parties)
                try gathering.take(signed(sharing.shares, by: secrets.keys.stage))
            }
        }

        /// The next step, if it is a roster.
        mutating func roster(now: UInt64) throws -> MaskParties? {
            guard case .roster(let roster, _) = try gathering.step(now: now) else { return nil }
            return try MaskParties(
                roster, terms: gathering.terms, signers: signing.mapValues(\.verifyingKey))
        }

        mutating func agreement(now: UInt64) throws -> [String]? {
            guard case .agreement(let dealing) = try gathering.step(now: now) else { return nil }
            #expect(dealing.shares.map(\.content.stage) == dealing.agreement.members.map(\.stage))
            return dealing.agreement.members.map(\.stage.cloud.description)
        }

        mutating func isWaiting(now: UInt64) throws -> Bool {
            guard case .wait = try gathering.step(now: now) else { return false }
            return true
        }

        mutating func shortfall(now: UInt64) throws -> [String]? {
            guard case .shortfall(let missing, _) = try gathering.step(now: now) else { return nil }
            return missing.map(\.description)
        }
    }

    @Test("With everyone there it goes on at once; a cloud that is not there costs a part of the round's time")
    func phases() throws {
        var round = try Round()
        #expect(try round.isWaiting(now: Self.began))
        try round.advertise(0..<4)
        let all = try #require(try round.roster(now: Self.began))
        try round.deal(0..<4, all)
        #expect(try round.agreement(now: Self.began) == ["east", "north", "south", "west"])
        #expect(round.gathering.expected.count == 4)

        round = try Round()
        try round.advertise(0..<3)
        #expect(try round.isWaiting(now: Self.quarter - 1))
        let three = try #require(try round.roster(now: Self.quarter))
        #expect(three.clouds.count == 3)
        try round.deal(0..<3, three)
        #expect(try round.agreement(now: Self.quarter) == ["east", "north", "south"])

        // It deals nothing.
        round = try Round()
        try round.advertise(0..<4)
        let dealing = try #require(try round.roster(now: Self.began))
        try round.deal(1..<4, dealing)
        #expect(try round.isWaiting(now: Self.half - 1))
        #expect(try round.agreement(now: Self.half) == ["north", "south", "west"])
    }

    @Test("Where too few are left, or publish is not there, the round ends, and it is said who is missing")
    func shortfalls() throws {
        var round = try Round()
        try round.advertise(0..<2)
        #expect(try round.isWaiting(now: Self.half))
        #expect(try round.isWaiting(now: Self.deadline - 1))
        #expect(try round.shortfall(now: Self.deadline) == ["south", "west"])
        #expect(try round.isWaiting(now: .max))

        round = try Round()
        try round.advertise(0..<4, publisher: false)
        #expect(try round.isWaiting(now: Self.deadline - 1))
        #expect(try round.shortfall(now: Self.deadline) == ["office"])

        // A round that wants all does not go on without one, and does not wait for one that is lost.
        round = try Round(quorum: 4)
        try round.advertise(0..<3)
        #expect(try round.isWaiting(now: Self.deadline - 1))
        round.gathering.lose(try CloudName("west"))
        #expect(try round.shortfall(now: Self.began) == ["west"])
    }

    @Test("A cloud that is lost is not waited for; lost between contribution and consent it ends the round")
    func losses() throws {
        for lost in [nil, "south", "west"] {
            var round = try Round()
            try round.advertise(0..<4)
            let parties = try #require(try round.roster(now: Self.began))
            try round.deal(0..<4, parties)
            _ = try round.agreement(now: Self.began)
            // West drops out after it has masked.
            round.gathering.lose(try CloudName("west"))
            #expect(round.gathering.expected.map(\.description).sorted() == ["east", "north", "south"])
            for cloud in ["east", "north", "south"] {
                try round.gathering.take(contribution: Digest(of: Array(cloud.utf8)), of: CloudName(cloud))
            }
            let survivors = try round.gathering.nameSurvivors()
            for part in survivors.survivors where part.stage.cloud.description != lost {
                let decision = MaskDecision(stage: part.stage, survivors: survivors)
                try round.gathering.take(round.signed(decision.consent, by: part.stage))
            }
            if let lost { round.gathering.lose(try CloudName(lost)) }
            switch try round.gathering.step(now: Self.began) {
            case .consents(let consents):
                #expect(lost != "south" && consents.consents.count == 3)
            case .shortfall(let missing, _):
                #expect(lost == "south" && missing.map(\.description) == ["south"])
            default: Issue.record("\(lost ?? "nobody") lost: it waits")
            }
            #expect(try round.isWaiting(now: .max))
        }
    }

    @Test("Clouds that have helped with a sum over some are in a round over these alone, and all of them are needed")
    func helped() throws {
        let three = ["east", "north", "south"]
        let helped = Dictionary(uniqueKeysWithValues: three.map { ($0, three) })
        var round = try Round(helped: helped)
        try round.advertise(0..<4)
        guard case .roster(let roster, let selection) = try round.gathering.step(now: Self.began) else {
            Issue.record("there is no roster")
            return
        }
        #expect(roster.advertisements.map(\.signer.cloud.description) == ["east", "north", "office", "south"])
        #expect(selection.leftOut.map(\.description) == ["west"] && selection.heldBy.map(\.description) == three)
        #expect(round.gathering.heldBy.map(\.description) == three)
        #expect(round.gathering.leftOut.map(\.description) == ["west"] && round.gathering.needed == 3)
        // Whoever is sent another roster refuses it, naming who holds the round.
        let signed = try (0..<4).map {
            try round.signed(round.secrets[$0].keys.advertisement, by: round.secrets[$0].keys.stage)
        }
        let all = MaskRoster(
            terms: round.gathering.terms,
            advertisements: signed + [try round.signed(round.publisherKeys.advertisement, by: round.publisher)])
        let error = #expect(throws: MaskingError.self) {
            try MaskParties(all, terms: round.gathering.terms, signers: round.signing.mapValues(\.verifyingKey))
        }
        #expect("\(try #require(error))".contains("east/encrypt can help with no other sum from this adapter"))

        // In ordinary rounds three of four are enough; here one that deals nothing ends it at the deadline.
        round = try Round(
            helped: Dictionary(
                uniqueKeysWithValues: ["east", "north", "south", "west"].map {
                    ($0, ["east", "north", "south", "west"])
                }))
        try round.advertise(0..<4)
        let parties = try #require(try round.roster(now: Self.began))
        #expect(round.gathering.heldBy.isEmpty && round.gathering.needed == 4)
        try round.deal(0..<3, parties)
        #expect(try round.isWaiting(now: Self.half))
        #expect(try round.shortfall(now: Self.deadline) == ["west"])
    }

    @Test("One of those who helped is missing: it is waited for until the deadline, and named with the reason")
    func helperMissing() throws {
        let all = ["east", "north", "south", "west"]
        var round = try Round(helped: Dictionary(uniqueKeysWithValues: all.map { ($0, all) }))
        try round.advertise(0..<3)
        #expect(try round.isWaiting(now: Self.quarter))
        #expect(try round.isWaiting(now: Self.deadline - 1))
        guard case .shortfall(let missing, let reason) = try round.gathering.step(now: Self.deadline) else {
            Issue.record("it goes on")
            return
        }
        #expect(missing.map(\.description) == ["west"])
        #expect(reason.contains("have helped to open a sum over east, north, south and west in round 4"))
        // A word about a round that it cannot have been is not taken.
        for (number, clouds) in [(5, all), (2, all), (4, ["north", "south", "west"])] as [(UInt32, [String])] {
            let terms = round.gathering.terms
            let word = HelpedSum(round: RoundNumber(number), clouds: try clouds.map { try CloudName($0) })
            let keys = try MaskingKeys(of: terms.clouds[0], terms: terms, helped: word)
            #expect(throws: MaskingError.self, "\(number) \(clouds)") {
                try round.gathering.take(round.signed(keys.advertisement, by: keys.stage))
            }
        }
    }

    @Test("Contributions are taken once masks are agreed on, of those who agreed, under that agreement")
    func contributions() throws {
        let round = try Round()
        let agreement = Digest(of: [1])
        var gathering = Gathering(round.opening)
        func answer(_ cloud: String, _ masks: Digest) throws -> Gathering.Answer {
            let stage = StageName(cloud: try CloudName(cloud), kind: .encrypt)
            let about = ContributionAbout(answering: round.opening, masks: MaskAgreement.name(masks), weight: 1)
            let offer = Offer(
                name: TransferName(
                    run: try RunName("run"), kind: .contribution, round: RoundNumber(5), cloud: stage.cloud),
                maker: stage, byteCount: 10, digest: Digest(of: [1]), about: about.value)
            return gathering.answer(to: offer, from: stage)
        }
        #expect(try answer("north", agreement) == .later)
        let clouds = try ["east", "north", "south"].map { try CloudName($0) }
        gathering.expect(.init(clouds: Set(clouds), agreement: agreement, needed: 3))
        #expect(try answer("north", agreement) == .take)
        #expect(try answer("west", agreement) == .refuse("west has no part in the masks of round 5"))
        #expect(
            try answer("north", Digest(of: [2]))
                == .refuse("it is masked for another agreement than that of round 5"))

        func count(_ cloud: CloudName) {
            let part = SumAbout.Part(cloud: cloud, weight: 1, digest: Digest(of: Array(cloud.description.utf8)))
            _ = gathering.count(part, signed: .init(offer: [1], signature: [UInt8](repeating: 1, count: 64)))
        }
        for cloud in clouds.dropLast() { count(cloud) }
        #expect(gathering.decision(now: Self.began) == .wait)
        var short = gathering
        // One of them is lost: with its contribution or without, there are too few.
        for lost in [clouds[0], clouds[2]] {
            short.expect(.init(clouds: Set(clouds).subtracting([lost]), agreement: agreement, needed: 3))
            guard case .abandon(let missing, _) = short.decision(now: Self.began) else {
                Issue.record("it goes on without \(lost)")
                return
            }
            #expect(missing.contains(lost))
        }
        count(clouds[2])
        #expect(gathering.decision(now: Self.began) == .close)
    }

    @Test("What the largest federation's clouds deal to each other is one document of the wire")
    func largestDealing() throws {
        let head = MaskHead(run: try RunName("run"), round: RoundNumber(.max), opening: Digest(of: []))
        let key = try SigningKey(seed: .random(count: 32))
        let stages = try (0..<MaskDealing.maximumClouds).map {
            StageName(cloud: try CloudName("a-cloud-with-a-name-as-long-" + "\(1000 + $0)"), kind: .encrypt)
        }
        let digest = Digest(of: [1])
        let shares = stages.map { stage in
            Signed(
                MaskShares(
                    head: head, roster: digest, stage: stage, seed: digest,
                    portions: stages.map {
                        .init(
                            receiver: $0,
                            sealed: $0 == stage ? [] : [UInt8](repeating: 1, count: MaskShares.sealedByteCount),
                            maskShare: digest, seedShare: digest)
                    }), by: key)
        }
        let agreement = MaskAgreement(
            head: head, roster: digest,
            members: shares.map { MaskPart(stage: $0.content.stage, digest: $0.digest) })
        let payload = MaskDealing(agreement: agreement, shares: shares).payload
        #expect(payload.count <= MaskDealing.maximumByteCount)
        let found = try MaskDealing(payload: payload) { _ in key.verifyingKey }
        #expect(found.agreement == agreement)
        #expect(found.shares.count == MaskDealing.maximumClouds)
        // Another's signature is not taken, and neither is a key that nobody knows.
        let other = try SigningKey(seed: .random(count: 32)).verifyingKey
        #expect(throws: FederationError.self) { try MaskDealing(payload: payload) { _ in other } }
    }
}
