import Federation
import Foundation
import Testing

/// Virtual hours and days (`TRIBUTARY_SIMULATED_HOURS`, `TRIBUTARY_SUITE`; docs/long-runs.md).
@Suite("Days of rounds under simulated faults", .serialized)
struct DaysTests {
    private static func variable(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    @Test("What stages keep stays as it was, whatever happened in so many hours, and what is published is right")
    func keeps() async throws {
        let hours = Self.variable("TRIBUTARY_SIMULATED_HOURS").flatMap { Int($0) } ?? 6
        let suite = Self.variable("TRIBUTARY_SUITE").flatMap { Suite(rawValue: $0) } ?? .clear
        let schedule = try Schedule(ofHours: hours, in: suite, seed: 72)
        let began = ContinuousClock.now
        let descriptors = try Self.descriptors()
        let result = try await Simulator().run(schedule)
        #expect(result.violations.isEmpty, "\(result.report)")
        for (stage, looks) in result.looks.sorted(by: { $0.key < $1.key }) {
            if let growth = KeptState.growth(of: looks) { Issue.record("\(stage): \(growth)") }
            let (journal, spool) = (looks.map(\.journalBytes).max() ?? 0, looks.map(\.spoolBytes).max() ?? 0)
            print("\(stage): journal at most \(journal >> 10) KiB, spool \(spool >> 10) KiB, \(looks.count) looks")
        }
        #expect(try Self.descriptors() <= descriptors + 4)
        print(
            """
            \(suite): \(Double(result.seconds) / 3600) h simulated in \((ContinuousClock.now - began).components.seconds) s, \
            \(result.released) rounds released, \(result.abandoned) given up, \(schedule.faults.count) faults, \
            \(result.deaths.values.reduce(0, +)) deaths at \(result.deaths.count) kinds of edges, \(result.events) events
            """)
        #expect(result.seconds >= hours * 3_600 * 3 / 4)
    }

    @Test("State that grows by a fiftieth an hour is noticed, state that goes up and down is not")
    func notices() {
        func looks(_ bytes: (Int) -> Int) -> [KeptState] {
            (0..<72).map { KeptState(at: $0, journalBytes: bytes($0), spoolBytes: 0) }
        }
        #expect(KeptState.growth(of: looks { 200_000 + 4_000 * $0 }) != nil)
        #expect(KeptState.growth(of: looks { 200_000 + 30_000 * ($0 % 5) }) == nil)
        #expect(KeptState.growth(of: looks { _ in 0 }) == nil)
        #expect(KeptState.growth(of: []) != nil)
    }

    private static func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
}
