import Federation
import Foundation
import Testing
import Topology

private let swapsWanted = ProcessInfo.processInfo.environment["TRIBUTARY_SWAPS"].flatMap { Int($0) }

extension PipelineSuite {
    /// As many swaps as TRIBUTARY_SWAPS says, of every kind of stage in turn, while rounds follow on one another without a
    /// pause. Part of `make long`.
    @Suite(
        "Many swaps",
        .enabled(if: swapsWanted != nil, "set TRIBUTARY_SWAPS to how many, such as 1000 (`make long` does)"))
    struct ManySwapsTests {
        @Test("No swap loses a round, and the adapter is that of the run without swaps")
        func swaps() async throws {
            let count = try #require(swapsWanted)
            var plan = FederationRun.Plan(updates: count * 5, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = .publisher
            let quiet = try FederationRun(plan)
            try await quiet.launch()
            _ = try await quiet.event("exited", of: try quiet.launcher, within: 7200)
            let run = try FederationRun(plan, keys: quiet)
            try await run.launch()
            var (done, others): ([SwapAnswer], [SwapAnswer]) = ([], [])
            swapping: while done.count < count {
                for stage in run.stages where done.count < count {
                    guard let answer = try await run.swap(stage) else { break swapping }
                    if answer.result.event == "done" { done.append(answer) } else { others.append(answer) }
                }
            }
            _ = try await run.event("exited", of: try run.launcher, within: 7200)
            #expect(done.count == count)
            #expect(others.isEmpty, "\(others)")
            #expect(try run.adapter() == quiet.adapter())
            let (before, during) = (try RoundTimes(of: quiet), try RoundTimes(of: run))
            #expect(before.abandoned == 0 && during.abandoned == 0)
            #expect(during.rounds == before.rounds)
            let gaps = done.compactMap(\.result.seconds).sorted()
            print(
                """
                \(count) swaps, \(during.rounds) rounds of \(plan.clouds.count) clouds, \(plan.suite) with keys of publish
                  without the stage: median \(gaps.middle) s, longest \(gaps.last ?? 0) s
                  seconds a round: median \(before.seconds.middle) without swaps, \(during.seconds.middle) with, \
                \(during.seconds.middle - before.seconds.middle) more; \
                longest \(before.seconds.last ?? 0) and \(during.seconds.last ?? 0)
                """)
            // What users are promised, of all and of every kind.
            #expect(gaps.count == count && gaps.middle < 1, "median \(gaps.middle) s without the stage")
            #expect(during.seconds.middle - before.seconds.middle < 1, "the median round takes that much longer")
            for kind in StageKind.allCases {
                let gaps = done.filter { $0.stage.hasSuffix("/\(kind)") }.compactMap(\.result.seconds).sorted()
                print("  \(kind): \(gaps.count) swaps, median \(gaps.middle) s, longest \(gaps.last ?? 0) s")
                #expect(!gaps.isEmpty && gaps.middle < 1, "median \(gaps.middle) s without \(kind)")
            }
        }
    }

    /// How long the rounds of a launched run took, from release to release, out of publish's log.
    struct RoundTimes {
        let rounds: Int
        let abandoned: Int
        /// Sorted.
        let seconds: [Double]

        init(of run: FederationRun) throws {
            var (times, abandoned): ([Date], Int) = ([], 0)
            let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            let path = run.topology.logPath(of: run.topology.publish)
            for file in [3, 2, 1].map({ "\(path).\($0)" }) + [path] where FileManager.default.fileExists(atPath: file) {
                for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
                    let event = StageEvent(run.topology.publish, line: String(line))
                    if event.name == "round_abandoned" { abandoned += 1 }
                    guard event.name == "round_released", let time = event.fields["time"] else { continue }
                    times.append(try format.parse(time))
                }
            }
            rounds = times.count
            self.abandoned = abandoned
            seconds = zip(times.dropFirst(), times).map { $0.timeIntervalSince($1) }.sorted()
        }
    }
}

extension [Double] {
    /// The median of sorted values.
    var middle: Double { isEmpty ? 0 : self[count / 2] }
}
