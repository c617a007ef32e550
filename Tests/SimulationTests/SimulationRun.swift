import Federation
import Foundation
import StageKit

/// What came of one schedule.
struct SimulationResult: Sendable {
    let digest: UInt64
    let events: Int
    let violations: [String]
    let deaths: [String: Int]
    let errors: [String: Int]
    let edges: [StageName: Int]
    let seconds: Int
    /// Rounds that were released over fewer clouds by some clouds' word, and rounds that were given up.
    var held = 0
    var abandoned = 0
    var released = 0
    /// What stages had kept, where that was looked at.
    var looks: [StageName: [KeptState]] = [:]
    /// Late updates that counted, and by how many releases the latest of them was late.
    var late = 0
    var stalest = 0
    /// How the first cloud's records were shared out, one partition after the other, and what its workers took in each round.
    var placements: [WorkerPartition] = []
    var took: [RoundNumber: [StageName: Int]] = [:]
    /// Why publish gave the run up, if it did.
    var runFailure: String?
    /// It went wrong, and did not when it was run again.
    var isNotAgain = false
    /// All that happened, if it was traced.
    var trace: [String] = []
    /// Text for whoever has to find out why.
    var report = ""
}

/// Runs schedules one after the other.
///
/// `@unchecked Sendable`: used on `StageActor` alone.
final class Simulator: @unchecked Sendable {
    private let laboratory: Laboratory
    private let replay: Replay

    init() throws {
        laboratory = try Laboratory()
        replay = Replay(keys: laboratory.keys)
    }

    /// Runs a schedule; one that fails is run again for its trace.
    @StageActor
    func run(_ schedule: Schedule, isTraced: Bool = false) async throws -> SimulationResult {
        let federation = try SimulatedFederation(schedule, in: laboratory, isTraced: isTraced)
        try await federation.run()
        let ledger = federation.ledger
        do {
            try federation.spoilWhatIsLeft()
            try Judgement(federation: federation, replay: replay).judge()
        } catch {
            ledger.violate("what is left cannot be read: \(error)")
        }
        var result = SimulationResult(
            digest: ledger.digest, events: federation.events, violations: ledger.violations, deaths: ledger.deaths,
            errors: ledger.errors,
            edges: Dictionary(uniqueKeysWithValues: federation.processes.map { ($0.stage, $0.edges) }),
            seconds: federation.now / 1_000_000)
        result.runFailure = federation.runFailure
        result.held = ledger.published.releases.count { !$0.content.heldBy.isEmpty }
        result.abandoned = ledger.published.abandonments.count
        result.released = ledger.published.releases.count
        result.looks = federation.looks
        let published = ledger.published
        for (round, parts) in published.parts {
            for base in parts.compactMap(\.base) {
                result.late += 1
                let opening = published.openings.first { $0.content.round == round }?.content
                result.stalest = max(result.stalest, opening?.staleness(of: base) ?? 0)
            }
        }
        result.placements = try ledger.placements[Schedule.workedCloud] ?? []
        result.took = ledger.took
        if isTraced {
            result.trace = ledger.trace.filter { !$0.contains(" logs ") }
            result.report = ledger.trace.suffix(Simulator.shown).joined(separator: "\n")
        } else if !ledger.violations.isEmpty {
            let again = try await run(schedule, isTraced: true)
            guard !again.violations.isEmpty else {
                // The runtime has resumed something by another thread, too late: said and counted (`Tally.mostNotAgain`), and not held
                // against the stages.
                return SimulationResult(
                    digest: result.digest, events: result.events, violations: [], deaths: result.deaths,
                    errors: ["not again: seed \(schedule.seed), \(ledger.violations.joined(separator: "; "))": 1],
                    edges: result.edges, seconds: result.seconds, isNotAgain: true)
            }
            result.report = """
                schedule \(schedule.seed) (TRIBUTARY_SEED=\(schedule.seed) TRIBUTARY_SUITE=\(schedule.plan.suite)): \(ledger.violations.joined(separator: "; "))
                \(schedule)
                \(again.report)
                """
        }
        return result
    }

    /// Events of a failing schedule that are shown; TRIBUTARY_TRACE asks for more.
    static let shown = ProcessInfo.processInfo.environment["TRIBUTARY_TRACE"].flatMap { Int($0) } ?? 60
}
