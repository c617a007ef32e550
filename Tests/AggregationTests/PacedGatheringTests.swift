import Aggregation
import Federation
import MessagePack
import Sodium
import Testing

@Suite("A round that does not wait for the slowest")
struct PacedGatheringTests {
    private static let clouds = ["east", "north", "west"]

    private func gathering(_ pace: Pace?) throws -> (Gathering, Signed<Opening>) {
        let opening = Opening(
            run: try RunName("run"), round: RoundNumber(5), purpose: .update,
            seat: Seat(try StageName("office/aggregate")),
            layout: try VectorLayout([.init(name: "values", shape: [8], range: 1)]), bits: 12, suite: .clear,
            keyID: [], profile: "", clipNorm: 1,
            cohort: try Self.clouds.map { Member(cloud: try CloudName($0), weight: 1) }, quorum: 2, minimumCohort: 2,
            deadline: 100_000, startsFrom: RoundNumber(0), adapterDigest: Digest(of: [1]),
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                tokenizerDigest: ""),
            training: TrainingPlan(steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1),
            split: nil, pace: pace)
        let signed = Signed(opening, by: try SigningKey(seed: .random(count: 32)))
        return (Gathering(signed), signed)
    }

    private func pace(_ mode: Pace.Mode, _ window: Int = 0) -> Pace {
        Pace(mode: mode, window: window, oldest: 4, discount: 0.5, recent: RecentUpdates())
    }

    private func count(_ name: String, _ gathering: inout Gathering, helped: HelpedSum? = nil) throws {
        let part = SumAbout.Part(cloud: try CloudName(name), weight: 1, digest: Digest(of: Array(name.utf8)))
        _ = gathering.count(
            part, signed: .init(offer: [1], signature: [UInt8](repeating: 1, count: 64)), helped: helped)
    }

    private func decision(_ gathering: inout Gathering, at now: UInt64) -> Gathering.Decision {
        gathering.look(now: now)
        return gathering.decision(now: now)
    }

    @Test("A buffered round closes with its quorum of distinct clouds; one with a window so long after it")
    func closing() throws {
        for (pace, close) in [
            (pace(.buffered), 2_000), (pace(.grace, 500), 2_500), (pace(.grace, 30_000), 32_000), (nil, 100_000),
        ] as [(Pace?, UInt64)] {
            var (gathering, _) = try gathering(pace)
            try count("east", &gathering)
            // The same cloud again is no other.
            try count("east", &gathering)
            #expect(decision(&gathering, at: 1_000) == .wait)
            try count("west", &gathering)
            #expect(decision(&gathering, at: 2_000) == (close == 2_000 ? .close : .wait))
            #expect(decision(&gathering, at: close - 1) == .wait || close == 2_000)
            #expect(decision(&gathering, at: close) == .close)
        }
    }

    @Test("All are there, or the deadline has passed: then no window is waited for; without a quorum it is given up")
    func ends() throws {
        var (all, _) = try gathering(pace(.grace, 90_000))
        for name in Self.clouds { try count(name, &all) }
        #expect(decision(&all, at: 1_000) == .close)
        var (late, _) = try gathering(pace(.grace, 90_000))
        for name in Self.clouds.prefix(2) { try count(name, &late) }
        #expect(decision(&late, at: 50_000) == .wait && decision(&late, at: 100_000) == .close)
        var (few, _) = try gathering(pace(.buffered))
        try count("east", &few)
        #expect(decision(&few, at: 99_999) == .wait)
        #expect(decision(&few, at: 100_000) == .abandon(missing: [try CloudName("north"), try CloudName("west")]))
    }

    @Test("Where some are bound to clouds that are not there yet, the round waits for them until its deadline")
    func bound() throws {
        var (gathering, _) = try gathering(pace(.buffered))
        let helped = HelpedSum(round: RoundNumber(4), clouds: try ["east", "north"].map { try CloudName($0) })
        try count("east", &gathering, helped: helped)
        try count("west", &gathering)
        #expect(decision(&gathering, at: 2_000) == .wait)
        var waited = gathering
        guard case .abandon = decision(&waited, at: 100_000) else {
            Issue.record("a sum that east cannot help with was made")
            return
        }
        try count("north", &gathering, helped: helped)
        guard case .hold(let selection) = decision(&gathering, at: 3_000) else {
            Issue.record("it was not held to those who can be summed")
            return
        }
        #expect(selection.clouds.map(\.description).sorted() == ["east", "north"])
    }

    @Test("What comes after the close, or for a round before, is over, and nobody is to blame")
    func late() throws {
        for (pace, isOver) in [(pace(.buffered), true), (nil, false)] as [(Pace?, Bool)] {
            var (gathering, opening) = try gathering(pace)
            func answer(_ round: UInt32) throws -> Gathering.Answer {
                let sender = try StageName("north/encrypt")
                return gathering.answer(
                    to: Offer(
                        name: TransferName(
                            run: try RunName("run"), kind: .contribution, round: RoundNumber(round),
                            cloud: sender.cloud),
                        maker: sender, byteCount: 10, digest: Digest(of: [1]),
                        about: ContributionAbout(answering: opening, weight: 1).value), from: sender)
            }
            #expect(try answer(5) == .take)
            gathering.close()
            for round in [4, 5] as [UInt32] {
                let said = try answer(round)
                #expect((said == .over(Receipt.roundOver)) == isOver)
                if !isOver, case .refuse = said {} else if !isOver { Issue.record("\(said)") }
            }
        }
    }
}
