import Aggregation
import Federation
import MessagePack
import Sodium
import Testing

@Suite("A round as aggregate sees it")
struct GatheringTests {
    private static let deadline: UInt64 = 10_000

    private func cloud(_ name: String) throws -> CloudName { try CloudName(name) }

    private func opening(quorum: Int = 2, suite: Suite = .paillier, purpose: Purpose = .update) throws -> Signed<
        Opening
    > {
        let digest = Digest(of: Array("base".utf8))
        let content = Opening(
            run: try RunName("run"), round: RoundNumber(5), purpose: purpose,
            seat: Seat(try StageName("office/aggregate")),
            layout: try VectorLayout([.init(name: "values", shape: [8], range: 1)]), bits: 12, suite: suite,
            keyID: [UInt8](repeating: 3, count: 16), profile: "conservative", clipNorm: 1,
            cohort: [
                Member(cloud: try cloud("north"), weight: 4), Member(cloud: try cloud("west"), weight: 2),
                Member(cloud: try cloud("east"), weight: 1),
            ], quorum: quorum, minimumCohort: 2, deadline: Self.deadline, startsFrom: RoundNumber(0),
            adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "", tokenizerDigest: ""
            ),
            training: purpose == .update
                ? TrainingPlan(steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1) : nil,
            split: purpose == .evaluation ? .test : nil)
        return Signed(content, by: try SigningKey(seed: .random(count: 32)))
    }

    private struct Claim {
        var kind = TransferKind.contribution
        var round: UInt32 = 5
        var cloud = "north"
        var part: UInt32 = 0
        var sender = "north/encrypt"
        var weight: UInt32 = 4
        var suite = Suite.paillier
        var profile = "conservative"
        var key = [UInt8](repeating: 3, count: 16)
        var degree = 1
        var bits = 12
        var room = 3
        var opening: Digest?
        var helped: HelpedSum?
    }

    private func answer(_ claim: Claim, _ round: Signed<Opening>, closed: Bool = false) throws -> Gathering.Answer {
        var gathering = Gathering(round)
        if closed { gathering.close() }
        let sender = try StageName(claim.sender)
        let offer = Offer(
            name: TransferName(
                run: try RunName("run"), kind: claim.kind, round: RoundNumber(claim.round),
                cloud: try cloud(claim.cloud),
                part: claim.part), maker: sender, byteCount: 10, digest: Digest(of: [1]),
            about: ContributionAbout(
                opening: claim.opening ?? round.digest, suite: claim.suite, profile: claim.profile, keyID: claim.key,
                degree: claim.degree, bits: claim.bits, room: claim.room, weight: claim.weight, helped: claim.helped
            ).value)
        return gathering.answer(to: offer, from: sender)
    }

    @Test("What answers the opening is taken")
    func taken() throws {
        #expect(try answer(Claim(), opening()) == .take)
        #expect(try answer(Claim(cloud: "east", sender: "east/encrypt", weight: 1), opening()) == .take)
        // Weights of statistics are declared there, and bucketed by their cloud.
        #expect(try answer(Claim(weight: 96), opening(purpose: .statistics)) == .take)
    }

    @Test("A round that may still come is waited for")
    func later() throws { #expect(try answer(Claim(round: 6), opening()) == .later) }

    @Test("What does not answer the opening is refused with the reason")
    func refused() throws {
        let round = try opening()
        #expect(try answer(Claim(), round) == .take)
        let cases: [(Claim, String)] = [
            (Claim(kind: .vector), "may not send vectors"),
            (Claim(sender: "north/local-train"), "may not send contributions"),
            (Claim(cloud: "west"), "contributes for north alone, not for west"),
            (Claim(part: 1), "contributes for north alone"),
            (Claim(round: 4), "round 4 is over, round 5 is open"),
            (Claim(cloud: "south", sender: "south/encrypt"), "south is not in the cohort"),
            (Claim(opening: Digest(of: [9])), "another opening of round 5"), (Claim(suite: .clear), "another suite"),
            (Claim(key: [UInt8](repeating: 4, count: 16)), "key, profile or s"),
            (Claim(degree: 2), "key, profile or s"), (Claim(profile: "fast"), "key, profile or s"),
            (Claim(bits: 8), "its slots are for 3 values of 8 bits, those of round 5 for 3 of 12"),
            (Claim(room: 2), "its slots are for 2 values"), (Claim(room: 8), "its slots are for 8 values"),
            (Claim(weight: 8), "claims weight 8, the opening gives north 4"),
        ]
        for (claim, reason) in cases {
            guard case .refuse(let found) = try answer(claim, round) else {
                Issue.record("\(claim) was not refused")
                continue
            }
            #expect(found.contains(reason), "\(found)")
        }
        guard case .refuse(let reason) = try answer(Claim(), round, closed: true) else {
            Issue.record("a closed round took a contribution")
            return
        }
        #expect(reason == "round 5 has been closed")
        let nonsense = Offer(
            name: TransferName(
                run: try RunName("run"), kind: .contribution, round: RoundNumber(5), cloud: try cloud("north")),
            maker: try StageName("north/encrypt"), byteCount: 10, digest: Digest(of: [1]), about: .none)
        guard case .refuse = Gathering(round).answer(to: nonsense, from: try StageName("north/encrypt")) else {
            Issue.record("an offer about nothing was taken")
            return
        }
    }

    private final class Round {
        private var gathering: Gathering
        init(_ gathering: Gathering) { self.gathering = gathering }
        var missing: [CloudName] { gathering.missing }
        var sum: SumAbout { gathering.closing(sum: Digest(of: [7])).about }
        var record: RoundRecord { gathering.closing(sum: Digest(of: [7])).record }
        var count: Int { gathering.parts.count }
        func count(_ part: SumAbout.Part) -> Bool {
            let offer = Array("offer of \(part.cloud)".utf8)
            return gathering.count(part, signed: .init(offer: offer, signature: [UInt8](repeating: 1, count: 64)))
        }
        func count(_ part: SumAbout.Part, helped: HelpedSum?) -> Bool {
            gathering.count(
                part, signed: .init(offer: [1], signature: [UInt8](repeating: 1, count: 64)), helped: helped)
        }
        func hold(to selection: CloudSelection) { gathering.hold(to: selection) }
        func drop(_ clouds: Set<CloudName>) { gathering.drop(clouds) }
        func decision(now: UInt64?) -> Gathering.Decision { gathering.decision(now: now) }
        func close() { gathering.close() }
    }

    private func part(_ name: String) throws -> SumAbout.Part {
        SumAbout.Part(cloud: try cloud(name), weight: 1, digest: Digest(of: Array(name.utf8)))
    }

    @Test("A round closes when everyone is in, whatever the time, and once")
    func everyone() throws {
        let gathering = Round(Gathering(try opening()))
        let before = Self.deadline - 1
        #expect(gathering.decision(now: 0) == .wait)
        for name in ["west", "north"] { #expect(gathering.count(try part(name))) }
        #expect(gathering.decision(now: before) == .wait)
        #expect(gathering.missing.map(\.description) == ["east"])
        #expect(gathering.count(try part("east")))
        #expect(gathering.decision(now: before) == .close)
        gathering.close()
        #expect(gathering.decision(now: .max) == .wait)
        #expect(!gathering.count(try part("east")))
        // Whoever came first, the sum names its parts in one order.
        #expect(gathering.sum.parts.map(\.cloud.description) == ["east", "north", "west"])
        let record = gathering.record
        #expect(record.parts.map { String(decoding: $0.offer, as: UTF8.self).suffix(4) } == ["east", "orth", "west"])
        #expect(record.sum == Digest(of: [7]))
        #expect(gathering.sum.root == record.root)
        try record.check(gathering.sum, digest: Digest(of: [7]))
        #expect(throws: RecordFault.wrongSum) { try record.check(gathering.sum, digest: Digest(of: [8])) }
        for (root, parts) in [
            (Digest(of: [8]), gathering.sum.parts), (record.root, Array(gathering.sum.parts.dropLast())),
        ] {
            let other = SumAbout(opening: gathering.sum.opening, root: root, parts: parts)
            #expect(throws: RecordFault.wrongSum) { try record.check(other, digest: Digest(of: [7])) }
        }
    }

    @Test("At the deadline a quorum closes the round, less than one abandons it and names who is missing")
    func deadline() throws {
        let gathering = Round(Gathering(try opening(quorum: 2)))
        #expect(gathering.count(try part("north")))
        // Before anybody knows what time it is at publish nothing is due.
        #expect(gathering.decision(now: nil) == .wait)
        #expect(gathering.decision(now: Self.deadline - 1) == .wait)
        #expect(gathering.decision(now: Self.deadline) == .abandon(missing: [try cloud("east"), try cloud("west")]))
        #expect(gathering.count(try part("west")))
        #expect(gathering.decision(now: Self.deadline) == .close)
        #expect(gathering.decision(now: Self.deadline - 1) == .wait)
    }

    @Test("Without a contribution that is not sound a round closes over the others, if they are a quorum")
    func dropped() throws {
        let gathering = Round(Gathering(try opening(quorum: 2)))
        for name in ["north", "west"] { #expect(gathering.count(try part(name))) }
        gathering.drop([try cloud("west")])
        // East may still come; west has had its turn.
        #expect(gathering.decision(now: 0) == .wait)
        #expect(gathering.missing == [try cloud("east")])
        #expect(!gathering.count(try part("west")))
        #expect(gathering.count(try part("east")))
        #expect(gathering.decision(now: 0) == .close)
        #expect(gathering.sum.parts.map(\.cloud.description) == ["east", "north"])
        let whole = Round(Gathering(try opening(quorum: 3)))
        for name in ["north", "west", "east"] { #expect(whole.count(try part(name))) }
        #expect(whole.decision(now: 0) == .close)
        whole.drop([try cloud("west")])
        #expect(
            whole.decision(now: 0)
                == .abandon(
                    missing: [try cloud("west")],
                    reason: "what was sent is not sound: west; without that too few clouds are left"))
    }

    @Test("A round that is held to clouds ends when what one of them sent is not sound")
    func droppedOfSelection() throws {
        let gathering = Round(Gathering(try opening(quorum: 2), helpers: 2))
        let word = try helped(round: 4, ["east", "north"])
        for (name, helped) in [("west", nil), ("east", word), ("north", word)] {
            #expect(gathering.count(try part(name), helped: helped))
        }
        guard case .hold(let selection) = gathering.decision(now: 0) else {
            Issue.record("the sum is over all three")
            return
        }
        gathering.hold(to: selection)
        #expect(gathering.decision(now: 0) == .close)
        gathering.drop([try cloud("east")])
        guard case .abandon = gathering.decision(now: 0) else {
            Issue.record("it goes on")
            return
        }
    }

    private func helped(round: UInt32, _ names: [String]) throws -> HelpedSum {
        HelpedSum(round: RoundNumber(round), clouds: try names.map { try cloud($0) })
    }

    @Test(
        "A round of clouds that have helped with a sum over two of three closes over these two, and takes nobody more")
    func held() throws {
        let gathering = Round(Gathering(try opening(quorum: 2), helpers: 2))
        let word = try helped(round: 4, ["east", "north"])
        #expect(gathering.count(try part("west"), helped: nil))
        #expect(gathering.count(try part("east"), helped: word))
        #expect(gathering.decision(now: Self.deadline - 1) == .wait)
        #expect(gathering.count(try part("north"), helped: word))
        guard case .hold(let selection) = gathering.decision(now: Self.deadline - 1) else {
            Issue.record("the sum is over all three")
            return
        }
        #expect(selection.leftOut == [try cloud("west")])
        #expect(selection.heldBy == [try cloud("east"), try cloud("north")])
        gathering.hold(to: selection)
        #expect(gathering.decision(now: 0) == .close)
        #expect(!gathering.count(try part("west"), helped: nil))
        #expect(gathering.sum.parts.map(\.cloud.description) == ["east", "north"])
    }

    @Test("Without one of those who helped it waits to the deadline, and names it with the reason")
    func helperMissing() throws {
        let gathering = Round(Gathering(try opening(quorum: 2), helpers: 2))
        let word = try helped(round: 4, ["east", "north"])
        #expect(gathering.count(try part("west"), helped: nil))
        #expect(gathering.count(try part("east"), helped: word))
        #expect(gathering.decision(now: Self.deadline - 1) == .wait)
        guard case .abandon(let missing, let reason) = gathering.decision(now: Self.deadline) else {
            Issue.record("it goes on")
            return
        }
        #expect(missing == [try cloud("north")])
        #expect(reason?.contains("north must come back") == true)
    }

    @Test("A word that no cloud can have given on this round is refused with its contribution")
    func words() throws {
        let round = try opening()
        #expect(try answer(Claim(helped: helped(round: 4, ["east", "north"])), round) == .take)
        for (claim, reason) in [
            (Claim(helped: try helped(round: 4, ["east", "west"])), "not of its own"),
            (
                Claim(helped: try helped(round: 5, ["east", "north"])),
                "cannot have started from the adapter of round 0"
            ),
            (Claim(helped: try helped(round: 0, ["east", "north"])), "cannot have started"),
        ] {
            guard case .refuse(let found) = try answer(claim, round) else {
                Issue.record("\(claim) was not refused")
                continue
            }
            #expect(found.contains(reason), "\(found)")
        }
        guard
            case .refuse(let reason) = try answer(
                Claim(helped: helped(round: 4, ["east", "north"])), opening(purpose: .statistics))
        else {
            Issue.record("statistics took a word")
            return
        }
        #expect(reason.contains("belongs to updates alone"))
    }

    @Test("A cloud counts once")
    func twice() throws {
        let gathering = Round(Gathering(try opening()))
        #expect(gathering.count(try part("north")))
        #expect(!gathering.count(try part("north")))
        #expect(gathering.count == 1)
    }
}
