import Federation
import Keys
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// kill -9 of one stage in the middle of an update round, and a start as the launcher would make it.
    @Suite("Kills")
    struct CrashTests {
        static let kills = [
            Disturbance(stage: .ingest, cloud: "west", event: "round_joined", of: .aggregate, ofCloud: "office"),
            Disturbance(stage: .localTrain, cloud: "north", event: "round_joined", of: .encrypt, ofCloud: "north"),
            Disturbance(stage: .localTrain, cloud: "west", event: "round_trained", of: .localTrain, ofCloud: "west"),
            Disturbance(
                stage: .encrypt, cloud: "east", event: "round_trained", of: .localTrain, ofCloud: "east", held: "north"),
            Disturbance(stage: .encrypt, cloud: "north", event: "contribution_sealed", of: .encrypt, ofCloud: "north"),
            Disturbance(
                stage: .aggregate, cloud: "office", event: "contribution_counted", of: .aggregate, ofCloud: "office",
                held: "west"),
            Disturbance(
                stage: .publish, cloud: "office", event: "contribution_counted", of: .aggregate, ofCloud: "office",
                held: "north"),
            Disturbance(
                stage: .publish, cloud: "office", event: "round_closed", of: .aggregate, ofCloud: "office",
                held: "north"),
            Disturbance(
                stage: .encrypt, cloud: "east", event: "round_closed", of: .aggregate, ofCloud: "office", held: "north"),
            Disturbance(
                stage: .encrypt, cloud: "west", event: "share_made", of: .encrypt, ofCloud: "west", held: "north"),
            Disturbance(
                stage: .publish, cloud: "office", event: "share_made", of: .encrypt, ofCloud: "west", held: "north"),
            Disturbance(
                stage: .aggregate, cloud: "office", event: "share_made", of: .encrypt, ofCloud: "west", held: "north"),
        ]
        static let round = Disturbance.round

        @Test("A run ends with the same adapter whoever is killed during an update round", arguments: kills)
        func kill(_ kill: Disturbance) async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            let (held, victim) = (run.stage(.encrypt, kill.held), run.stage(kill.stage, kill.cloud))
            run.pause(held, at: "contribution_receipted", round: Self.round - 1)
            try run.startAll()
            _ = try await run.event("contribution_receipted", of: held, round: Self.round - 1)
            if kill.event == "share_made" || (kill.event == "round_closed" && kill.stage == .encrypt) {
                run.resume(held)
            } else if kill.event == "round_closed" {
                // The sum is to be there while publish cannot take it; everyone has its opening when all have trained.
                for cloud in SharedRuns.plan.clouds {
                    _ = try await run.event("round_trained", of: run.stage(.localTrain, cloud), round: Self.round)
                }
                run.pause(victim)
                run.resume(held)
            }
            _ = try await run.event(kill.event, of: run.stage(kill.of, kill.ofCloud), round: Self.round)
            try await run.killAndRestart(victim)
            run.resume(held)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            // The stage did start again, with its own state.
            let starts = run.book.all.filter { $0.stage == victim && $0.name == "stage_started" }
            #expect(starts.map { $0.fields["epoch"] } == ["1", "2"])
        }
    }
}

extension PipelineSuite.CrashTests {
    /// What has happened when everything goes: a contribution is made and not yet sent, or two of three are counted.
    @Test(
        "A run ends with the same adapter when all of it is killed at once in the middle of an update round and started again",
        arguments: ["contribution_sealed", "contribution_counted"])
    func everything(_ event: String) async throws {
        let undisturbed = try await SharedRuns.paillier()
        let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
        let (held, aggregate) = (run.stage(.encrypt, "north"), run.topology.aggregate)
        run.pause(held, at: "contribution_receipted", round: Self.round - 1)
        if event == "contribution_sealed" { run.pause(aggregate, at: "round_joined", round: Self.round) }
        try run.startAll()
        let west = run.stage(.encrypt, "west")
        _ = try await run.event(event, of: event == "contribution_sealed" ? west : aggregate, round: Self.round)
        try await run.killAll()
        #expect(run.count("round_released", of: run.topology.publish, round: Self.round) == 0)
        try run.startAll()
        let statuses = try await run.finish()
        #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
        #expect(try run.adapter() == undisturbed.run.adapter())
        #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        for stage in run.stages {
            let starts = run.book.all.filter { $0.stage == stage && $0.name == "stage_started" }
            #expect(starts.map { $0.fields["epoch"] } == ["1", "2"], "\(stage)")
        }
    }

    @Test("A stage that was killed between the last release and its own end ends when it is started again")
    func afterTheEnd() async throws {
        let run = try FederationRun(.init(clouds: ["north"], suite: .clear, updates: 1, evaluates: false))
        try await run.run()
        for kind in [StageKind.ingest, .localTrain, .encrypt, .aggregate, .publish] {
            let stage = run.stage(kind, "north")
            try run.start(stage)
            let pid = run.pid(of: stage)
            let end = try await run.event("exited", of: stage, within: 30) { $0.fields["pid"] == "\(pid)" }
            #expect(end.fields["status"] == "0")
        }
    }

    @Test("A stage that comes after the opening hears of it", arguments: [StageKind.encrypt, .localTrain, .aggregate])
    func late(kind: StageKind) async throws {
        let run = try FederationRun(.init(clouds: ["north"], suite: .clear, updates: 1))
        let late = run.stage(kind, "north")
        for stage in run.stages where stage != late { try run.start(stage) }
        _ = try await run.event("round_opened", round: 1)
        try run.start(late)
        #expect(try await run.finish().values.allSatisfy { $0 == 0 })
    }
}
