import Federation
import Foundation
import Testing

/// Nothing but the end of what is wrong ends a wait, and then it ends by itself (docs/operating.md, "Failure").
@Suite("Long outages and clocks that are wrong, simulated", .serialized)
struct OutageTests {
    @Test(
        "A cloud that is away for hours or days is waited for, and the run goes on when it comes, whatever restarts there were",
        arguments: [Suite.clear, .secagg])
    func weekend(suite: Suite) async throws {
        let hours = ProcessInfo.processInfo.environment["TRIBUTARY_SIMULATED_HOURS"].flatMap { Int($0) } ?? 6
        let schedule = try Schedule(ofOutageFor: hours, in: suite, seed: 1)
        let result = try await Simulator().run(schedule)
        #expect(result.violations.isEmpty, "\(result.report)")
        #expect(result.runFailure == nil)
        let late = result.seconds - schedule.healedBy / 1000
        print(
            "\(suite): \(result.abandoned) rounds given up in \(hours) h; the run ended \(late) s after the cloud was back"
        )
        // A round takes up to 10 min, and the pause after it as long: neither one attempt nor thousands.
        #expect(result.abandoned > 2 * hours && result.abandoned < 8 * hours)
        // Nobody waits for the end of a pause once the cloud is heard; under masks a round that is open then has its time.
        #expect(late < (suite == .secagg ? 700 : 60))
    }

    @Test(
        "Clocks that are an hour or a day off cost no round, neither ahead nor behind",
        arguments: [Suite.clear, .secagg], [3_600_000, -3_600_000, 86_400_000, -86_400_000])
    func clocksOff(suite: Suite, milliseconds: Int) async throws {
        let result = try await Simulator().run(try Schedule(ofClocksOff: milliseconds, in: suite, seed: 5))
        #expect(result.violations.isEmpty, "\(result.report)")
        #expect(result.abandoned == 0)
        #expect(result.runFailure == nil)
    }

    @Test("With `attempts` a run ends after as many, and not before")
    func limited() async throws {
        var schedule = try Schedule(ofOutageFor: 24, in: .clear, seed: 3)
        schedule.plan.attempts = 4
        let result = try await Simulator().run(schedule)
        #expect(
            result.runFailure?.contains("was abandoned 4 times") == true, "\(result.runFailure ?? "it did not end")")
        #expect(result.abandoned == 4)
        #expect(result.violations.isEmpty, "\(result.violations)")
    }
}
