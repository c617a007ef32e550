import Federation
import Foundation
import Glibc
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// Aggregate goes to another cloud in the middle of a round.
    @Suite("Moves")
    struct MoveTests {
        static let round = 3

        enum Former: String, CaseIterable, Sendable {
            /// It goes on all the while.
            case alive
            /// It was killed before, with what it held.
            case killed
            /// It cannot be heard until the run is over, as though its link were cut.
            case silent
        }

        /// Two of three contributions are counted at office/aggregate, the third cloud is held.
        private func halfway(_ plan: FederationRun.Plan, keys: FederationRun?) async throws -> FederationRun {
            let run = try FederationRun(plan, keys: keys)
            run.pause(run.stage(.encrypt, "east"), at: "contribution_receipted", round: Self.round - 1)
            try run.startAll()
            for cloud in ["north", "west"] {
                _ = try await run.event("contribution_receipted", of: run.stage(.encrypt, cloud), round: Self.round)
            }
            return run
        }

        /// All stages of the run and the new aggregate have ended, each with 0.
        private func finish(_ run: FederationRun, besides former: StageName?, and moved: StageName) async throws {
            for stage in run.stages + [moved] where stage != former {
                let pid = run.pid(of: stage)
                let end = try await run.event("exited", of: stage) { $0.fields["pid"] == "\(pid)" }
                #expect(end.fields["status"] == "0", "\(end.line)")
            }
        }

        @Test(
            "Contributions that one aggregate has receipted reach another as the same bytes, and nobody trains again",
            arguments: Former.allCases)
        func moved(_ former: Former) async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try await halfway(SharedRuns.plan, keys: undisturbed.run)
            let (before, publish) = (run.topology.aggregate, run.topology.publish)
            let after = StageName(cloud: try CloudName("north"), kind: .aggregate)
            switch former {
            case .alive: break
            case .killed: run.signal(SIGKILL, to: before)
            case .silent: run.pause(before)
            }
            let file = try run.topology(withAggregateIn: "north", file: "moved.yaml")
            try run.start(after, topology: file)
            _ = try await run.event("stage_ready", of: after)
            try await run.apply(file, to: [publish, run.stage(.encrypt, "north"), run.stage(.encrypt, "west")])
            // East hears of the move while it can still only reach the one before: it sends nothing there.
            run.resume(run.stage(.encrypt, "east"))
            _ = try await run.event("round_moved", of: run.stage(.encrypt, "east"), round: Self.round)
            try await run.apply(file, to: [run.stage(.encrypt, "east")])
            _ = try await run.event("round_released", of: publish, round: Self.round)
            // Who was cut off comes back: the round is another's, and it lets go of what it held.
            if former == .silent { run.resume(before) }
            if former != .killed { _ = try await run.event("round_elsewhere", of: before) }
            try await finish(run, besides: former == .killed ? before : nil, and: after)
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(!run.book.all.contains { $0.name == "round_abandoned" })
            for cloud in run.plan.clouds {
                let trained = run.book.all.filter {
                    $0.stage == run.stage(.localTrain, cloud) && $0.name == "round_trained"
                }
                #expect(trained.map(\.round) == [2, 3], "\(cloud): \(trained.map(\.line))")
                #expect(run.count("contribution_sealed", of: run.stage(.encrypt, cloud), round: Self.round) == 1)
                #expect(run.count("contribution_counted", of: after, round: Self.round) == 3)
            }
            // East may have offered its own before it heard of the move; who stood still meanwhile then closes for nobody.
            if former != .silent { #expect(run.count("round_closed", of: before, round: Self.round) == 0) }
            for encrypt in run.encrypts { #expect(try run.spool(of: encrypt).isEmpty) }
            if former != .killed { #expect(try run.spool(of: before).isEmpty) }
        }

        @Test("A round that is moved there and back is made by the first aggregate in its second term")
        func thereAndBack() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 2)
            plan.trainer = "none"
            plan.evaluates = false
            let quiet = try FederationRun(plan)
            try await quiet.run()
            let run = try await halfway(plan, keys: quiet)
            let (before, publish) = (run.topology.aggregate, run.topology.publish)
            let after = StageName(cloud: try CloudName("north"), kind: .aggregate)
            let file = try run.topology(withAggregateIn: "north", file: "moved.yaml")
            try run.start(after, topology: file)
            let two = [run.stage(.encrypt, "north"), run.stage(.encrypt, "west")]
            try await run.apply(file, to: [publish] + two)
            for encrypt in two {
                _ = try await run.event("contribution_counted", of: after) { $0.fields["from"] == "\(encrypt.cloud)" }
            }
            try await run.apply("\(run.root)/topology.yaml", to: [publish] + two)
            run.resume(run.stage(.encrypt, "east"))
            let closed = try await run.event("round_closed", of: before, round: Self.round)
            #expect(closed.fields["cohort"]?.contains("west") == true)
            // The other hears of it and goes on until the end of the run.
            try await finish(run, besides: nil, and: after)
            #expect(try run.adapter() == quiet.adapter())
            #expect(
                run.book.all.filter { $0.stage == publish && $0.name == "round_moved" }.map { $0.fields["term"] } == [
                    "1", "2",
                ])
        }

        @Test("A masked round is not moved: it is given up with that reason, and the next is made by the new aggregate")
        func masked() async throws {
            var plan = FederationRun.Plan(suite: .secagg, updates: 2)
            plan.trainer = "none"
            plan.evaluates = false
            let run = try await {
                let run = try FederationRun(plan)
                run.pause(run.stage(.localTrain, "east"), at: "training_started", round: Self.round)
                try run.startAll()
                _ = try await run.event("masks_agreed", of: run.topology.aggregate, round: Self.round)
                return run
            }()
            let publish = run.topology.publish
            let after = StageName(cloud: try CloudName("north"), kind: .aggregate)
            let file = try run.topology(withAggregateIn: "north", file: "moved.yaml")
            try run.start(after, topology: file)
            // It would not let go of a masked round before its end, which does not come.
            try await run.replace(publish, topology: file, by: SIGTERM)
            let end = try await run.event("round_abandoned", of: publish, round: Self.round)
            #expect(end.fields["reason"]?.contains("a masked round cannot be") == true, "\(end.line)")
            run.resume(run.stage(.localTrain, "east"))
            try await run.apply(file, to: run.encrypts)
            try await finish(run, besides: nil, and: after)
            let released = run.book.all.filter { $0.name == "round_released" }.compactMap(\.round)
            #expect(released == [1, 2, 4])
            #expect(run.count("round_closed", of: after, round: 4) == 1)
        }
    }
}
