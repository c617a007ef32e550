import Federation
import Foundation
import Testing
import Topology

private let megabytesWanted = ProcessInfo.processInfo.environment["TRIBUTARY_MOVE_MEGABYTES"].flatMap { Int($0) }

extension PipelineSuite {
    /// Aggregate is moved in the middle of a round of as many megabytes of contributions as TRIBUTARY_MOVE_MEGABYTES says. Part
    /// of `make long`.
    @Suite(
        "Moves of many bytes",
        .enabled(if: megabytesWanted != nil, "set TRIBUTARY_MOVE_MEGABYTES to how many, such as 100 (`make long` does)")
    )
    struct LargeMoveTests {
        /// Runs of values without a meaning publish no release: the newest adapter is in publish's state.
        private func adapter(of run: FederationRun) throws -> Data {
            let folder = run.topology.stateFolder(of: run.topology.publish)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("adapter-") }
            #expect(names.count == 1, "\(names)")
            return try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(try #require(names.first))"))
        }

        @Test("What was receipted is sent again and made again by nobody")
        func large() async throws {
            let megabytes = try #require(megabytesWanted)
            var plan = FederationRun.Plan(suite: .clear)
            plan.trainer = "none"
            // Two bytes a value, three clouds.
            let values = megabytes * 1_000_000 / 6
            plan.configs[.publish] =
                "values: \(values)\nrounds: 1\nminimum-cohort: 3\nvalidate-every: 0\ntest: false\ndeadline: 30m\nthreads: 1\n"
            let undisturbed = try FederationRun(plan)
            try undisturbed.startAll()
            for stage in undisturbed.stages {
                let end = try await undisturbed.event("exited", of: stage, within: 1200)
                #expect(end.fields["status"] == "0", "\(end.line)")
            }
            let expected = try adapter(of: undisturbed)
            #expect(expected.count == values * 4)
            let run = try FederationRun(plan, keys: undisturbed)
            let east = run.stage(.encrypt, "east")
            run.pause(east, at: "contribution_sealed", round: 1)
            try run.startAll()
            for cloud in ["north", "west"] {
                _ = try await run.event("contribution_receipted", of: run.stage(.encrypt, cloud), within: 600)
            }
            _ = try await run.event("contribution_sealed", of: east, within: 600)
            let (before, publish) = (run.topology.aggregate, run.topology.publish)
            let after = StageName(cloud: try CloudName("north"), kind: .aggregate)
            let file = try run.topology(withAggregateIn: "north", file: "moved.yaml")
            let began = ContinuousClock.now
            try run.start(after, topology: file)
            run.resume(east)
            try await run.apply(file, to: [publish] + run.encrypts)
            _ = try await run.event("round_closed", of: after, within: 600)
            let closed = ContinuousClock.now - began
            _ = try await run.event("round_released", of: publish, within: 600)
            let released = ContinuousClock.now - began
            for stage in run.stages + [after] {
                let pid = run.pid(of: stage)
                let end = try await run.event("exited", of: stage, within: 600) { $0.fields["pid"] == "\(pid)" }
                #expect(end.fields["status"] == "0", "\(end.line)")
            }
            func number(_ name: String, _ events: [StageEvent]) -> Int {
                events.compactMap { $0.fields[name].flatMap { Int($0) } }.reduce(0, +)
            }
            let offered = run.book.all.filter { $0.name == "contribution_offered" }
            let counted = run.book.all.filter { $0.stage == after && $0.name == "contribution_counted" }
            let receipts = run.book.all.filter { $0.name == "contribution_receipted" }
            let trained = run.book.all.filter { $0.name == "round_trained" }
            let sealed = run.book.all.filter { $0.name == "contribution_sealed" }
            #expect(counted.count == 3 && offered.count == 3)
            #expect(trained.count == 3 && sealed.count == 3)
            #expect(run.count("round_closed", of: before, round: 1) == 0)
            #expect(try adapter(of: run) == expected, "not the adapter of the run without a move")
            print(
                """
                aggregate moved in a round of \(plan.clouds.count) contributions, \(number("bytes", sealed)) bytes, \
                \(values) values
                  trained \(trained.count) times, sealed \(sealed.count) times; to the new aggregate \(number("bytes", offered)) bytes \
                of contributions, \(number("wire_bytes", receipts)) bytes on the wire to both
                  from the start of the new aggregate to its sum \(closed), to the release \(released)
                """)
        }
    }
}
