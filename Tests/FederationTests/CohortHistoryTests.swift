import Federation
import Testing

@Suite("Who is summed with whom, as a cloud sees it")
struct CohortHistoryTests {
    private let clouds: [CloudName]
    /// By records, as they are declared.
    private static let plain = TrainingPlan(
        steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: 1, seed: 1)

    init() throws { clouds = try ["east", "north", "west"].map { try CloudName($0) } }

    private func members(_ weights: [UInt32] = [4, 2, 1]) -> [Member] {
        zip(clouds, weights).map { Member(cloud: $0, weight: $1) }
    }

    private func opening(
        _ purpose: Purpose, round: UInt32, cohort: [Member]? = nil, quorum: Int? = nil, startsFrom: UInt32 = 0,
        training: TrainingPlan = plain
    ) -> Opening {
        let cohort = cohort ?? members()
        return Opening(
            run: Samples.run, round: RoundNumber(round), purpose: purpose, seat: Samples.seat, layout: Samples.layout,
            bits: 12,
            suite: .clear, keyID: [], profile: "", clipNorm: 1, cohort: cohort, quorum: quorum ?? cohort.count,
            minimumCohort: 2, deadline: 1, startsFrom: RoundNumber(startsFrom), adapterDigest: Samples.digest,
            adapter: Samples.plan, training: purpose == .update ? training : nil,
            split: purpose == .evaluation ? .test : nil)
    }

    private func release(_ purpose: Purpose, round: UInt32, cohort: [Member]? = nil) -> Release {
        Release(
            run: Samples.run, round: RoundNumber(round), purpose: purpose, opening: Samples.digest,
            cohort: cohort ?? members(), sums: [], metrics: [:],
            adapterDigest: purpose == .update ? Samples.digest : nil, isFinal: false)
    }

    private func history(_ releases: [Release] = []) throws -> CohortHistory {
        var history = CohortHistory(clouds: clouds)
        for release in releases { try history.note(release) }
        return history
    }

    private func refuses(_ history: CohortHistory, _ opening: Opening, _ reason: String) {
        #expect { try history.check(opening) } throws: { "\($0)".contains(reason) }
    }

    @Test("The rounds of an ordinary run are answered, abandoned and repeated ones among them")
    func ordinary() throws {
        var history = try history()
        try history.check(opening(.statistics, round: 1, cohort: members([1, 1, 1])))
        // Abandoned, and opened again.
        try history.check(opening(.statistics, round: 2, cohort: members([1, 1, 1])))
        try history.note(release(.statistics, round: 2))
        try history.check(opening(.evaluation, round: 3))
        try history.note(release(.evaluation, round: 3))
        try history.check(opening(.update, round: 4, quorum: 2))
        // One cloud was late: update rounds take a quorum.
        try history.note(release(.update, round: 4, cohort: Array(members().dropLast())))
        try history.check(opening(.update, round: 5, startsFrom: 4))
        try history.check(opening(.evaluation, round: 6, startsFrom: 4))
        // A stage that missed a release knows no better than publish.
        try history.check(opening(.update, round: 9, startsFrom: 8))
    }

    @Test("An opening for other clouds than the federation's is refused", arguments: Purpose.allCases)
    func otherClouds(purpose: Purpose) throws {
        let history = try history()
        try history.check(opening(purpose, round: 1))
        refuses(history, opening(purpose, round: 1, cohort: Array(members().dropLast())), "its cohort is east, north")
        let more = members() + [Member(cloud: try CloudName("south"), weight: 1)]
        refuses(history, opening(purpose, round: 1, cohort: more), "its cohort is east, north, south, west")
    }

    @Test("Statistics and evaluations that would do without a cloud are refused", arguments: Purpose.allCases)
    func quorum(purpose: Purpose) throws {
        let history = try history()
        let lenient = opening(purpose, round: 1, quorum: 2)
        if purpose == .update {
            try history.check(lenient)
        } else {
            refuses(history, lenient, "wants the whole cohort, this one is content with 2 of 3")
        }
    }

    @Test(
        "After an evaluation or statistics over other clouds nothing more is answered",
        arguments: [Purpose.statistics, .evaluation])
    func releasedOverOthers(purpose: Purpose) throws {
        var history = try history()
        try history.check(opening(.update, round: 2))
        let partial = release(purpose, round: 1, cohort: Array(members().dropFirst()))
        #expect(throws: CohortHistory.Fault.self) { try history.note(partial) }
        refuses(history, opening(.update, round: 2), "was released over north, west")
        try? history.note(release(.update, round: 2))
        refuses(history, opening(.evaluation, round: 3, startsFrom: 2), "was released over north, west")
    }

    @Test("Weights other than those of the released statistics are refused, and a second statistics round is")
    func weights() throws {
        let history = try history([release(.statistics, round: 1)])
        try history.check(opening(.update, round: 2))
        refuses(history, opening(.update, round: 2, cohort: members([4, 2, 2])), "gives west weight 2")
        refuses(history, opening(.evaluation, round: 2, cohort: members([1, 1, 1])), "gives east weight 1")
        refuses(history, opening(.statistics, round: 2), "have been released already")
    }

    @Test("A second sum from an adapter that has been moved on from is refused, and so is a round that is over")
    func again() throws {
        let history = try history([release(.update, round: 1), release(.update, round: 2)])
        try history.check(opening(.update, round: 3, startsFrom: 2))
        refuses(history, opening(.update, round: 3, startsFrom: 1), "starts from round 1 again")
        refuses(history, opening(.update, round: 2, startsFrom: 2), "comes after the release of round 2")
    }

    @Test("Sensitivities are summed once in a run, over the whole federation")
    func sensitivities() throws {
        var history = try history([release(.statistics, round: 1)])
        try history.check(opening(.sensitivity, round: 2))
        try history.check(opening(.sensitivity, round: 3))
        refuses(history, opening(.sensitivity, round: 3, quorum: 2), "wants the whole cohort")
        try history.note(release(.sensitivity, round: 3))
        refuses(history, opening(.sensitivity, round: 4), "have been summed already")
        try history.check(opening(.update, round: 4))
    }

    // MARK: Clouds that come and go

    private func south() throws -> CloudName { try CloudName("south") }
    private func four(_ last: UInt32 = 1) throws -> [Member] { members() + [Member(cloud: try south(), weight: last)] }

    @Test(
        "A cloud that has gone by both topologies answers for the new clouds, with the smallest weight for the latecomer"
    )
    func grown() throws {
        var history = CohortHistory(clouds: clouds + [try south()], former: [Set(clouds)])
        try history.note(release(.statistics, round: 1))
        try history.note(release(.update, round: 2))
        try history.check(opening(.update, round: 3, cohort: four(), startsFrom: 2))
        refuses(history, opening(.update, round: 3, cohort: try four(2), startsFrom: 2), "gives south weight 2")
        refuses(history, opening(.update, round: 3, startsFrom: 2), "its cohort is east, north, west")
        refuses(history, opening(.statistics, round: 3, cohort: try four()), "have been released already")
        // Without the former topology the statistics would be over clouds that are nobody's.
        var strange = CohortHistory(clouds: clouds + [try south()])
        #expect(throws: CohortHistory.Fault.self) { try strange.note(release(.statistics, round: 1)) }
    }

    @Test("Scores over other clouds than before are given of an adapter that came since, and of no other")
    func scores() throws {
        var history = CohortHistory(clouds: clouds + [try south()], former: [Set(clouds)])
        func scores(_ round: UInt32, _ cohort: [Member], test: Bool) -> Release {
            Release(
                run: Samples.run, round: RoundNumber(round), purpose: .evaluation, opening: Samples.digest,
                cohort: cohort, sums: [], metrics: [test ? "test_auroc" : "auroc": 0.8], adapterDigest: nil,
                isFinal: false)
        }
        try history.note(scores(3, members(), test: true))
        refuses(
            history, opening(.evaluation, round: 4, cohort: try four(), startsFrom: 2),
            "sums over different clouds can be subtracted from each other; after another update")
        try history.check(opening(.evaluation, round: 5, cohort: four(), startsFrom: 4))
        // Of the other split nothing has been asked.
        var other = CohortHistory(clouds: clouds + [try south()], former: [Set(clouds)])
        try other.note(scores(3, members(), test: false))
        try other.check(opening(.evaluation, round: 4, cohort: four(), startsFrom: 2))
    }

    @Test("A latecomer does not judge sums from before it, and judges those from then on")
    func latecomer() throws {
        var history = CohortHistory(clouds: clouds + [try south()], own: try south(), since: nil)
        try history.note(release(.statistics, round: 1))
        try history.note(release(.evaluation, round: 2))
        try history.check(opening(.update, round: 4, cohort: four(), startsFrom: 3))
        history.tookPart(in: RoundNumber(4))
        #expect(throws: CohortHistory.Fault.self) { try history.note(release(.evaluation, round: 5)) }
        refuses(history, opening(.update, round: 6, cohort: try four(), startsFrom: 4), "was released over")
    }

    @Test("A latecomer that is started again judges as it did before, by the few releases that its journal has kept")
    func latecomerAgain() throws {
        let past = [release(.statistics, round: 1), release(.evaluation, round: 2), release(.update, round: 3)]
        var history = CohortHistory(clouds: clouds + [try south()], own: try south(), since: RoundNumber(4))
        for release in past { try history.note(release) }
        try history.check(opening(.update, round: 5, cohort: four(), startsFrom: 4))
        // One that had been there would have been asked to judge them.
        var other = CohortHistory(clouds: clouds + [try south()], own: try south(), since: RoundNumber(1))
        #expect(throws: CohortHistory.Fault.self) { try other.note(past[0]) }
    }

    @Test("However many releases there were, a few decide, and a history of those alone judges alike")
    func deciding() throws {
        var history = CohortHistory(clouds: clouds)
        var all: [Release] = [release(.statistics, round: 1), release(.sensitivity, round: 2)]
        for round in stride(from: 3 as UInt32, to: 300, by: 2) {
            all += [release(.update, round: round), release(.evaluation, round: round + 1)]
        }
        for release in all { try history.note(release) }
        #expect(history.deciding.count < 8)
        var again = CohortHistory(clouds: clouds)
        for release in all where history.deciding.contains(release.round) { try again.note(release) }
        #expect(again.deciding == history.deciding)
        for history in [history, again] {
            try history.check(opening(.update, round: 301, startsFrom: 299))
            refuses(history, opening(.update, round: 301, startsFrom: 297), "starts from round 297 again")
            refuses(history, opening(.statistics, round: 301), "have been released already")
            refuses(history, opening(.sensitivity, round: 301), "have been summed already")
            refuses(history, opening(.update, round: 300, startsFrom: 299), "comes after the release")
        }
        // A fault is remembered for good.
        let wrong = Release(
            run: Samples.run, round: RoundNumber(301), purpose: .evaluation, opening: Samples.digest,
            cohort: Array(members().dropLast()), sums: [], metrics: [:], adapterDigest: nil, isFinal: false)
        #expect(throws: CohortHistory.Fault.self) { try history.note(wrong) }
        try history.note(release(.evaluation, round: 303))
        #expect(history.deciding.contains(RoundNumber(301)))
    }

    /// An update round weighed by quality, with the losses and times given, and its own weights as the rule makes them.
    private func weighed(
        _ losses: [UInt32?], records: [UInt32] = [4, 2, 1], changed: (inout [UInt32]) -> Void = { _ in }
    ) -> Opening {
        let inputs = zip(clouds, zip(records, losses)).map {
            Weighting.Input(cloud: $0, records: $1.0, loss: $1.1, transfer: nil)
        }
        let rule = Weighting(.quality, beta: 1)
        var weights = rule.weights(inputs)
        changed(&weights)
        let training = TrainingPlan(
            steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: 1, seed: 1,
            weighting: WeightingPlan(rule: rule, inputs: inputs))
        return opening(.update, round: 4, cohort: members(weights), startsFrom: 2, training: training)
    }

    @Test("Weights by another rule are answered if they are what it makes of the declared records and told losses")
    func weighing() throws {
        var history = CohortHistory(clouds: clouds, own: clouds[0])
        try history.note(release(.statistics, round: 2))
        history.toldLoss = 512
        try history.check(weighed([512, 256, nil]))
        refuses(history, weighed([512, 256, nil]) { $0[1] /= 2 }, "it gives north weight")
        refuses(history, weighed([512, 256, nil], records: [4, 3, 1]), "it counts 3 records of north")
        refuses(history, weighed([256, 256, nil]), "another loss of this cloud")
        refuses(history, weighed([nil, 256, nil]), "another loss of this cloud")
        // Weights that differ by what rounding can make of a last bit are the same.
        try history.check(weighed([512, 256, nil]) { $0[2] += 1 })
        // Its own rule's weights, without the rule: then they are not the records.
        refuses(
            history, opening(.update, round: 4, cohort: members([65_536, 9, 9]), startsFrom: 2), "it gives east weight")
    }

    @Test("What a cloud told counts once the scores that it came with are released")
    func told() throws {
        var history = CohortHistory(clouds: clouds, own: clouds[0])
        #expect(history.newestValidation == nil)
        try history.note(release(.statistics, round: 1))
        try history.note(
            Release(
                run: Samples.run, round: RoundNumber(2), purpose: .evaluation, opening: Samples.digest,
                cohort: members(), sums: [], metrics: ["auroc": 0.7], adapterDigest: nil, isFinal: false))
        #expect(history.newestValidation == RoundNumber(2))
        try history.note(
            Release(
                run: Samples.run, round: RoundNumber(3), purpose: .evaluation, opening: Samples.digest,
                cohort: members(), sums: [], metrics: ["test_auroc": 0.7], adapterDigest: nil, isFinal: false))
        #expect(history.newestValidation == RoundNumber(2))
    }
}
