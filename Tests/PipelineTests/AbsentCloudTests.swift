import Federation
import Foundation
import Glibc
import Monitoring
import Testing
import Topology

extension PipelineSuite {
    /// A cloud that is away past a deadline, and comes back (under masks: "Masked runs").
    @Suite("A cloud that is away")
    struct AbsentCloudTests {
        @Test(
            "is named by each round that is given up for want of it; the next is opened when it comes, and the run is finished",
            arguments: [Suite.clear, .paillier])
        func comesBack(suite: Suite) async throws {
            var plan = FederationRun.Plan(suite: suite)
            (plan.trainer, plan.stays) = ("none", 12)
            if suite == .paillier { plan.keys = .publisher }
            plan.configs[.publish] =
                "values: 64\nrounds: 2\nminimum-cohort: 3\nvalidate-every: 0\ntest: false\ndeadline: 5s\nthreads: 1\n"
            let run = try FederationRun(plan)
            let publish = run.topology.publish
            let away = run.stages.filter { $0.cloud.description == "east" }
            run.pause(run.stage(.encrypt, "east"), at: "round_joined", round: 2)
            // Nobody is to be late for the first round.
            for stage in run.stages where stage != publish {
                try run.start(stage)
                _ = try await run.event("stage_ready", of: stage)
            }
            try run.start(publish)
            _ = try await run.event("round_joined", of: run.stage(.encrypt, "east"), round: 2)
            for stage in away {
                let pid = run.pid(of: stage)
                run.signal(SIGKILL, to: stage)
                _ = try await run.event("killed", of: stage) { $0.fields["pid"] == "\(pid)" }
            }
            // The first again at once, the second after 5 s, the third after 10 s, unless the cloud is heard before.
            var last: StageEvent?
            for (round, pause) in [(2, 0.0), (3, 5), (4, 10)] {
                let event = try await run.event("round_abandoned", of: publish, round: round)
                let missing = try #require(event.fields["missing"])
                #expect(
                    missing.contains("east") && !missing.contains("north") && !missing.contains("west"), "\(event.line)"
                )
                #expect(event.fields["reason"] == "the deadline passed without a quorum", "\(event.line)")
                #expect(event.fields["pause_seconds"].flatMap(Double.init) == pause, "\(event.line)")
                #expect(event.fields["attempts"] == nil, "\(event.line)")
                last = event
            }
            for stage in away { try run.start(stage) }
            let opened = try await run.event("round_opened", of: publish, round: 5)
            func seconds(_ event: StageEvent?) throws -> Double {
                let time = try #require(event?.fields["time"].flatMap { Timestamp.parse($0) })
                return Double(time) / 1e9
            }
            #expect(try seconds(opened) - seconds(last) < 9, "opened by the end of the pause, not by the cloud")
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            let released = run.book.all.filter { $0.stage == publish && $0.name == "round_released" }
            #expect(released.compactMap(\.round) == [1, 5])
            for event in released {
                for cloud in plan.clouds { #expect(event.fields["cohort"]?.contains(cloud) == true, "\(event.line)") }
            }
        }
    }
}
