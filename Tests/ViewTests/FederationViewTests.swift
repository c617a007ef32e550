import Federation
import Launching
import Monitoring
import Sodium
import Testing
import View

@Suite("A federation as its events tell it")
struct FederationViewTests {
    @Test("stages go from unknown over starting and ready to done, each with the time since when")
    func stages() throws {
        var story = try Story()
        #expect(story.view().stages.allSatisfy { $0.state == .unknown && $0.since == nil })
        try story.tell(.stageStarted, "north/encrypt", at: 1)
        #expect(try story.view().stage(StageName("north/encrypt"))?.state == .starting)
        try story.tell(.stageReady, "north/encrypt", at: 2)
        var stage = try #require(try story.view().stage(StageName("north/encrypt")))
        #expect(stage.state == .ready)
        #expect(stage.since == Story.at(2))
        try story.tell(
            .stillWaiting, "north/encrypt", at: 63,
            [.seconds: .real(60), .reason: .text("waiting for release/publish, west/encrypt: a round")])
        stage = try #require(try story.view().stage(StageName("north/encrypt")))
        #expect(stage.state == .waiting(for: ["release/publish", "west/encrypt"], "a round"))
        #expect(stage.since == Story.at(3))
        try story.tell(.stageStopped, "north/encrypt", at: 70)
        #expect(try story.view().stage(StageName("north/encrypt"))?.state == .stopped)
        try story.tell(.stageReady, "north/encrypt", at: 80)
        try story.tell(.endHeard, "north/encrypt", at: 81)
        try story.tell(.stageStopped, "north/encrypt", at: 82)
        #expect(try story.view().stage(StageName("north/encrypt"))?.state == .done)
    }

    @Test("the launcher's word about a process goes before what its events said last")
    func processes() throws {
        var story = try Story()
        try story.start()
        var view = story.view()
        let name = try StageName("west/encrypt")
        func state(_ report: ProcessReport?) -> StageState? {
            view.take(report, of: name)
            return view.stage(name)?.state
        }
        func report(_ phase: ProcessReport.Phase, _ status: String? = nil, end: String? = nil, launched: Bool = true)
            -> ProcessReport
        {
            ProcessReport(
                phase: phase, process: 7, restarts: 0, status: status, statusSince: Story.at(5), lastEnd: end,
                isLaunched: launched)
        }
        #expect(state(nil) == .ready)
        #expect(state(report(.ready, "round 3 (update): sealing")) == .working("round 3 (update): sealing"))
        #expect(view.stage(name)?.since == Story.at(5))
        #expect(
            state(report(.ready, "waiting for release/publish: a round"))
                == .waiting(for: ["release/publish"], "a round"))
        #expect(state(report(.backingOff, end: "signal 9")) == .restarting("signal 9"))
        #expect(state(report(.ended, end: "exit status 78")) == .failed("exit status 78"))
        #expect(state(report(.ended, end: "exit status 0")) == .done)
        #expect(state(report(.ready, "at work", launched: false)) == .gone)
    }

    @Test("what hinders a stage is told while its launcher is there; a kill from which it is back, for an hour")
    func troubles() throws {
        var view = try Story().view()
        let name = try StageName("west/encrypt")
        func trouble(_ kind: StageTrouble.Kind, since seconds: Double = 5) -> StageTrouble {
            StageTrouble(
                kind: kind, about: "release/publish", text: "it\u{1B}[2J is off", remedy: "mend it",
                since: Double(Story.at(seconds)) * 1e-9)
        }
        func take(_ troubles: [StageTrouble], _ phase: ProcessReport.Phase = .ready, launched: Bool = true) {
            view.take(
                ProcessReport(
                    phase: phase, process: 7, restarts: 0, status: "idle", statusSince: nil, lastEnd: nil,
                    troubles: troubles, isLaunched: launched), of: name)
        }
        func kinds(at seconds: Double = 10) -> [StageTrouble.Kind] {
            view.stage(name)?.troubles(at: Story.at(seconds)).map(\.kind) ?? []
        }
        take([])
        #expect(kinds() == [])
        let quiet = view.headline
        take([trouble(.clock), trouble(.version)])
        #expect(kinds() == [.clock, .version])
        #expect(view.stage(name)?.troubles(at: 0).first?.text == "it\u{FFFD}[2J is off")
        #expect(
            view.headline == quiet + " west/encrypt is hindered by a clock that is off and a peer of another version.")
        take([trouble(.clock)], launched: false)
        #expect(kinds() == [] && !view.headline.contains("hindered"))
        take([trouble(.killed)])
        #expect(kinds(at: 3600) == [.killed] && kinds(at: 3606) == [] && view.headline == quiet)
        take([trouble(.disk), trouble(.killed)], .backingOff)
        #expect(kinds(at: 90_000) == [.disk, .killed])
        #expect(view.headline.hasSuffix(" west/encrypt is restarting. west/encrypt is hindered by a full disk."))
        take([trouble(.still)])
        #expect(kinds(at: 90_000) == [.still])
        #expect(view.headline == quiet + " west/encrypt is hindered by a process that stands still.")
        // However many and however odd: a launcher's record is a file.
        let odd = StageTrouble(kind: .clock, about: "", text: "", remedy: "", since: -1e300)
        take([StageTrouble](repeating: odd, count: 1000))
        #expect(kinds().count == 16)
        take([StageTrouble(kind: .clock, about: "", text: "", remedy: "", since: .nan)])
        #expect(view.stage(name)?.troubles(at: 0).first?.sinceNanoseconds == 0)
    }

    @Test("a round has its phases with times, without gaps")
    func phases() throws {
        var story = try Story()
        try story.start()
        try story.update(1, at: 10)
        let round = try #require(story.view().round(1))
        #expect(round.outcome == .released)
        #expect(round.duration(at: Story.at(99)) == 10_000_000_000)
        let segments = round.segments(at: Story.at(99)).map {
            "\($0.name) \(($0.start - Story.start) / 1_000_000) \(($0.end - Story.start) / 1_000_000)"
        }
        #expect(
            segments == [
                "compute 10000 16000", "seal 16000 17000", "gather 17000 18000", "share 18000 19500",
                "open 19500 20000",
            ])
        // quantise ended where seal began, and seal when the event was told
        let spans = round.spans.filter { $0.stage.description == "north/encrypt" }
        #expect(spans.map(\.phase) == [.quantise, .seal, .check, .share])
        #expect(spans[0].start == Story.at(14.25) && spans[0].end == Story.at(14.5) && spans[1].end == Story.at(15))
        #expect(round.counted == 3)
        #expect(round.bytes == 63_000)
        #expect(round.trace.count == 32)
    }

    @Test("an open round tells who is missing, and how far every cloud has come")
    func missing() throws {
        var story = try Story()
        try story.start()
        try story.update(1, at: 10, without: ["west"], isReleased: false)
        try story.tell(.trainingStarted, "west/local-train", at: 12, round: 1)
        let view = story.view()
        #expect(view.missing == ["west"])
        #expect(view.openRound?.steps == ["north": .counted, "east": .counted, "west": .training])
        #expect(
            try view.stage(StageName("coordinator/aggregate"))?.state
                == .waiting(for: ["west"], "round 1: contributions"))
        #expect(view.waits.first?.who.description == "coordinator/aggregate")
        #expect(view.openRound?.segments(at: Story.at(40)).map(\.name) == [.compute])
    }

    @Test("an abandoned round says why, and is no step")
    func abandoned() throws {
        var story = try Story()
        try story.update(1, at: 0, without: ["west"], isReleased: false)
        #expect(story.view().openRound?.number == 1)
        try story.tell(
            .roundAbandoned, "release/publish", at: 60, round: 1,
            [.missing: .list([.text("west")]), .reason: .text("2 of 3 came")])
        let view = story.view()
        #expect(view.openRound == nil)
        #expect(view.round(1)?.outcome == .abandoned("2 of 3 came"))
        #expect(view.round(1)?.missing == ["west"])
        #expect(view.abandoned == 1 && view.released == 0 && view.stepsDone == 0)
        #expect(view.warnings.last?.name == "round_abandoned")
    }

    @Test("scores and losses come round by round")
    func learning() throws {
        var story = try Story()
        try story.evaluation(1, at: 0, auroc: 0.5)
        try story.update(2, at: 10)
        try story.evaluation(3, at: 30, auroc: 0.75)
        let view = story.view()
        #expect(view.scores.elements.map(\.auroc) == [0.5, 0.75])
        #expect(view.scores.elements.map(\.updates) == [0, 1])
        #expect(view.scores.elements.map(\.split) == ["validation", "validation"])
        let mean = try #require(view.losses.last?.mean)
        #expect(abs(mean - 0.41) < 1e-9)
        #expect(view.stepsDone == 3 && view.planSteps == 4)
    }

    @Test("rates are over the last ten whole seconds, and fall to nothing")
    func rates() throws {
        var story = try Story()
        try story.update(1, at: 0, isReleased: false)
        let view = story.view()
        #expect(view.rates(at: Story.at(10)).bytes == 6_300)
        #expect(view.rates(at: Story.at(10)).values == 300)
        #expect(view.rates(at: Story.at(30)).bytes == 0)
        let pair = FederationView.Pair(
            from: try StageName("east/encrypt"), to: try StageName("coordinator/aggregate"))
        #expect(view.traffic[pair]?.bytes == 21_000)
    }

    @Test("a gap in a stage's sequence is told as lost, a new epoch is none")
    func gaps() throws {
        var story = try Story()
        try story.tell(.stageReady, "north/ingest", at: 1, sequence: 1)
        try story.tell(.stageReady, "north/ingest", at: 2, sequence: 2)
        let name = try StageName("north/ingest")
        #expect(story.view().stage(name)?.lostEvents == 0)
        try story.tell(.stageReady, "north/ingest", at: 3, sequence: 6)
        #expect(story.view().stage(name)?.lostEvents == 3)
        try story.tell(.stageReady, "north/ingest", at: 4, epoch: 2, sequence: 1)
        #expect(story.view().stage(name)?.lostEvents == 3)
    }

    @Test("another run's events and those of strangers are left out")
    func strangers() throws {
        var story = try Story()
        try story.tell(.stageReady, "north/ingest", at: 1)
        let own = try #require(story.events.first)
        var view = FederationView(story.plan)
        view.take(own)
        #expect(view.eventCount == 1)
        for (run, stage) in [("other", "north/ingest"), ("demo", "south/ingest")] {
            view.take(
                Event(
                    time: own.time, level: .info, name: own.name, run: try RunName(run), stage: try StageName(stage),
                    epoch: 1, sequence: 2, round: RoundNumber(0), trace: own.trace, fields: [:]))
        }
        #expect(view.eventCount == 1)
    }

    @Test("what is kept is bounded, and the newest stays")
    func bounds() throws {
        var limits = FederationView.Limits()
        (limits.rounds, limits.events, limits.tail, limits.spansOfRound, limits.warnings) = (5, 20, 10, 3, 2)
        var story = try Story()
        for round in 1...40 as ClosedRange<UInt32> { try story.update(round, at: Double(round) * 20) }
        let view = story.view(limits: limits)
        #expect(view.rounds.map(\.number) == [36, 37, 38, 39, 40])
        #expect(view.released == 40)
        #expect(view.events.count == 20)
        #expect(view.stages.allSatisfy { $0.tail.count <= 10 })
        #expect(view.rounds.allSatisfy { $0.spans.count <= 3 && $0.omittedSpans > 0 })
    }

    @Test("events with nonsense in their fields change no figure and stop nothing")
    func nonsense() throws {
        var story = try Story()
        try story.update(1, at: 0, isReleased: false)
        let before = story.view()
        for amount in [-1e300, .nan, .infinity] {
            try story.tell(
                .roundTrained, "north/local-train", at: 5, round: 1, [.seconds: .real(amount), .lastLoss: .real(.nan)])
            try story.tell(
                .receipted(.contribution), "north/encrypt", at: 5, round: 1,
                [.to: .text("nobody"), .wireBytes: .real(.nan)])
        }
        let after = story.view()
        #expect(after.openRound?.bytes == before.openRound?.bytes)
        #expect(after.openRound?.losses == before.openRound?.losses)
        #expect(after.traffic.values.map(\.bytes).reduce(0, +) == before.traffic.values.map(\.bytes).reduce(0, +))
    }

    @Test("a note holds no control character, however it was smuggled in, and no more than it may")
    func notes() throws {
        var story = try Story()
        try story.tell(
            .stageFailed, "north/ingest", at: 1,
            [.reason: .text("\u{1B}[2Jcolour \u{9B}31m \u{202E}turned\u{7F}" + String(repeating: "x", count: 5000))])
        let note = try #require(story.view().events.last)
        #expect(note.text.hasPrefix("\u{FFFD}[2Jcolour \u{FFFD}31m \u{FFFD}turned\u{FFFD}xxx"))
        #expect(note.text.unicodeScalars.count == EventNote.maximumText + 1)
    }

    @Test("a digest comes last in a note, and short; what only looks like one a little is shown whole")
    func digests() throws {
        var story = try Story()
        let digest = String(repeating: "0af9", count: 16)
        try story.tell(
            .contributionSealed, "north/encrypt", at: 1, round: 1,
            [.digest: .text(digest), .purpose: .text(String(digest.dropLast()) + "x"), .bytes: .number(7)])
        let note = try #require(story.view().events.last)
        #expect(note.text.contains("purpose=\(digest.dropLast())x"))
        #expect(note.text.contains("bytes=7"))
        #expect(note.text.hasSuffix("  digest=0af90af9…"))
    }

    @Test("the same events give the same view")
    func deterministic() throws {
        var story = try Story()
        try story.start()
        try story.update(1, at: 10)
        #expect(story.view() == story.view())
    }

    @Test("a cloud with several local-train has trained when all of them have; its loss is their mean")
    func workers() throws {
        let data = try [.init(.ingest), .init(.localTrain), StageRole(worker: 2), .init(.encrypt)]
        var story = try Story(north: data)
        try story.start()
        func step() throws -> RoundView.Step? { story.view().round(1)?.steps["north"] }
        try story.tell(.roundJoined, "north/encrypt", at: 9, round: 1, [.purpose: .text("update")])
        try story.tell(.trainingStarted, "north/local-train", at: 10, round: 1)
        try story.tell(.trainingStarted, "north/local-train-2", at: 10.1, round: 1)
        try story.tell(.roundTrained, "north/local-train-2", at: 11, round: 1, [.lastLoss: .real(0.5)])
        #expect(try step() == .training)
        try story.tell(.roundTrained, "north/local-train", at: 14, round: 1, [.lastLoss: .real(0.7)])
        #expect(try step() == .trained)
        try story.tell(.roundTrained, "west/local-train", at: 15, round: 1, [.lastLoss: .real(0.2)])
        let mean = try #require(story.view().round(1)?.meanLoss)
        #expect(abs(mean - 0.4) < 1e-12)
        let names = story.view().stages.map { "\($0.name)" }
        #expect(names.prefix(4) == ["north/ingest", "north/local-train", "north/local-train-2", "north/encrypt"])
        // Each is a line of its own where rounds are drawn.
        let trace = try RoundTrace(1, of: story.plan, events: story.events)
        let text = "\(trace.chrome)"
        #expect(text.contains("local-train-2"))
    }
}
