import Federation
import Foundation
import Glibc
import Synchronization
import Testing

/// How many schedules, for how many seconds at most, from which seed on, and which one alone (`TRIBUTARY_SCHEDULES`,
/// `TRIBUTARY_SCHEDULE_SECONDS`, `TRIBUTARY_FIRST_SEED`, `TRIBUTARY_SEED`; docs/architecture.md, "Simulated faults").
private enum Wanted {
    static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    static let one = number("TRIBUTARY_SEED")
    static let count = number("TRIBUTARY_SCHEDULES")
    static let seconds = number("TRIBUTARY_SCHEDULE_SECONDS")
    static let first = number("TRIBUTARY_FIRST_SEED") ?? 1
    static let suite = ProcessInfo.processInfo.environment["TRIBUTARY_SUITE"].flatMap { Suite(rawValue: $0) }
}

@Suite("A federation under simulated faults", .serialized)
struct SimulationTests {
    /// Runs schedules until too many have failed, and tells what came of them.
    private func run(_ schedules: [Schedule], stopsAfter most: Int = 5) async throws -> Tally {
        let simulator = try Simulator()
        var tally = Tally()
        for schedule in schedules where tally.failures < most {
            let result = try await simulator.run(schedule)
            tally.take(result)
            if !result.violations.isEmpty { Issue.record("\(result.report)") }
        }
        #expect(tally.notAgain <= tally.mostNotAgain, "\(tally.text(.zero))")
        return tally
    }

    /// Of 24 seeds that follow on one another 20 are in clear, 3 under masks and 1 under Paillier with a shared key, so that a
    /// run that is stopped early has had its part of each.
    private func suite(of seed: Int) -> Suite {
        if let suite = Wanted.suite { return suite }
        switch seed % 24 {
        case 0: return .paillier
        case 8, 16, 23: return .secagg
        default: return .clear
        }
    }

    @Test("Whatever is lost, late, doubled, cut or killed, what is published is right")
    func schedules() async throws {
        guard Wanted.one == nil else { return }
        let seeds = Wanted.first..<Wanted.first + (Wanted.count ?? 192)
        let simulator = try Simulator()
        var tallies: [Suite: (tally: Tally, time: Duration)] = [:]
        var done = 0
        let clock = ContinuousClock()
        let start = clock.now
        var told = start
        for seed in seeds {
            let suite = suite(of: seed)
            let began = clock.now
            let result = try await simulator.run(try Schedule(drawnFrom: UInt64(seed), suite: suite))
            done += 1
            let now = clock.now
            tallies[suite, default: (Tally(), .zero)].tally.take(result)
            tallies[suite]?.time += now - began
            if !result.violations.isEmpty { Issue.record("\(result.report)") }
            let isOver = Wanted.seconds.map { now - start >= .seconds($0) } ?? false
            if isOver || seed == seeds.upperBound - 1 || now - told > .seconds(600) {
                told = now
                for (suite, part) in tallies.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    print("\(suite), of the seeds \(seeds.lowerBound) to \(seed): \(part.tally.text(part.time))")
                }
                fflush(nil)
            }
            guard !isOver, tallies.values.reduce(0, { $0 + $1.tally.failures }) < 5 else { break }
        }
        #expect(done == seeds.count || Wanted.seconds != nil)
        var whole = Tally()
        for part in tallies.values { whole.add(part.tally) }
        #expect(whole.notAgain <= whole.mostNotAgain, "\(whole.text(ContinuousClock.now - start))")
    }

    /// All of them in `make long`, else some.
    @Test(
        "A kill or a loss of power at every edge of every stage changes nothing",
        arguments: [(suite: Suite.clear, stride: 41), (suite: .secagg, stride: 41), (suite: .paillier, stride: 41)])
    func everyEdge(suite: Suite, stride: Int) async throws {
        guard Wanted.one == nil, Wanted.suite == nil || Wanted.suite == suite else { return }
        let simulator = try Simulator()
        var quiet = Schedule(seed: 77)
        quiet.plan.suite = suite
        quiet.healedBy = 1
        let base = try await simulator.run(quiet)
        #expect(base.violations.isEmpty, "\(base.report)")
        var schedules: [Schedule] = []
        for (stage, edges) in base.edges.sorted(by: { $0.key < $1.key }) {
            for edge in 1...max(edges, 1) {
                for powerLoss in [false, true] {
                    var schedule = quiet
                    schedule.faults = [
                        .init(at: 0, fault: .crash(stage, edge: edge, powerLoss: powerLoss, downFor: 400))
                    ]
                    schedule.healedBy = 30_000
                    // Secrets of masks die with their process: such a round is abandoned, or finished by the others.
                    if suite == .secagg { schedule.kind = .rough }
                    schedules.append(schedule)
                }
            }
        }
        let stride = Wanted.count == nil ? stride : 1
        let began = ContinuousClock.now
        let tally = try await run(schedules.indices.filter { $0 % stride == 0 }.map { schedules[$0] })
        print("\(suite), \(schedules.count / 2) edges, every \(stride): \(tally.text(ContinuousClock.now - began))")
    }

    @Test("The schedule of TRIBUTARY_SEED", .enabled(if: Wanted.one != nil, "set TRIBUTARY_SEED to a seed"))
    func one() async throws {
        let seed = try #require(Wanted.one)
        let simulator = try Simulator()
        let schedule = try Schedule(drawnFrom: UInt64(seed), suite: suite(of: seed))
        let result = try await simulator.run(schedule, isTraced: true)
        print("\(schedule)\n\(result.report)\n\(result.events) events, \(result.seconds) s, digest \(result.digest)")
        #expect(result.violations.isEmpty, "\(result.violations)")
    }

    @Test("The same seed is the same run, and another another")
    func determinism() async throws {
        let (first, second) = (try Simulator(), try Simulator())
        var digests: Set<UInt64> = []
        for seed in 9_000..<9_012 as Range<UInt64> {
            let schedule = try Schedule(drawnFrom: seed)
            var (one, other) = (
                try await first.run(schedule, isTraced: true), try await second.run(schedule, isTraced: true)
            )
            // Once in hundreds of runs the runtime resumes something by another thread, too late; never twice.
            if one.digest != other.digest {
                (one, other) = (
                    try await first.run(schedule, isTraced: true), try await second.run(schedule, isTraced: true)
                )
            }
            #expect(one.digest == other.digest && one.events == other.events, "seed \(seed)")
            if let place = zip(one.trace, other.trace).enumerated().first(where: { $1.0 != $1.1 })?.offset {
                let parts = [one, other].map { $0.trace[max(0, place - 5)...].prefix(8).joined(separator: "\n") }
                Issue.record("seed \(seed) is\n\(parts.joined(separator: "\nand\n"))")
            }
            digests.insert(one.digest)
        }
        #expect(digests.count == 12)
    }

    @Test(
        "Clouds that have helped with a sum that was given up finish the next round, over themselves alone",
        arguments: [Suite.secagg, .paillier])
    func helpedSums(suite: Suite) async throws {
        guard Wanted.one == nil, Wanted.suite == nil || Wanted.suite == suite else { return }
        let simulator = try Simulator()
        let seeds = 1...UInt64(Wanted.count.map { max(1, $0 / 50) } ?? 24)
        var held = 0
        var abandoned = 0
        for seed in seeds {
            let result = try await simulator.run(try Schedule(ofHelpedSumIn: suite, seed: seed))
            #expect(result.violations.isEmpty, "\(result.report)")
            held += result.held > 0 ? 1 : 0
            abandoned = max(abandoned, result.abandoned)
        }
        print(
            "\(suite): \(held) of \(seeds.count) schedules had a round held to those who had helped, at most \(abandoned) abandoned"
        )
        // Whether shares are made before the links are back depends on the schedule.
        #expect(held * 2 > seeds.count)
        #expect(abandoned < 12)
    }

    @Test(
        "A cloud that has helped with such a sum and stays away is named, with what to do",
        arguments: [Suite.secagg, .paillier])
    func goneForGood(suite: Suite) async throws {
        guard Wanted.one == nil, Wanted.suite == nil || Wanted.suite == suite else { return }
        let simulator = try Simulator()
        var named = 0
        for seed in 1...8 as ClosedRange<UInt64> {
            let result = try await simulator.run(try Schedule(ofHelpedSumIn: suite, seed: seed, isGoneForGood: true))
            #expect(result.violations.isEmpty, "\(result.report)")
            guard let failure = result.runFailure else { continue }
            if failure.contains("have helped to open a sum over"), failure.contains(" must come back") { named += 1 }
        }
        print("\(suite): \(named) of 8 schedules ended with the name of who is missing")
        #expect(named == 8)
    }

    @Test(
        "What is trained too late for its round counts in a later one, once, and for less",
        arguments: [(suite: Suite.clear, count: 96), (suite: .paillier, count: 6)])
    func lateUpdates(suite: Suite, count: Int) async throws {
        guard Wanted.one == nil, Wanted.suite == nil || Wanted.suite == suite else { return }
        let simulator = try Simulator()
        let first = UInt64(Wanted.first)
        var tally = Tally()
        var (late, stalest, quiet) = (0, 0, 0)
        let began = ContinuousClock.now
        for seed in first..<first + UInt64(Wanted.count ?? count) where tally.failures < 5 {
            let isQuiet = seed % 6 == 0
            let result = try await simulator.run(
                try Schedule(ofLateUpdatesIn: suite, seed: seed, isQuiet: isQuiet))
            tally.take(result)
            if !result.violations.isEmpty { Issue.record("\(result.report)") }
            late += result.late
            if isQuiet { quiet += result.late }
            stalest = max(stalest, result.stalest)
        }
        #expect(tally.notAgain <= tally.mostNotAgain)
        print(
            "\(suite): \(late) late updates counted, \(quiet) of them where nothing went wrong, the stalest \(stalest) releases late; \(tally.text(ContinuousClock.now - began))"
        )
        // How many come late depends on the schedules: of so many some do. Of the few under Paillier perhaps none.
        guard suite == .clear, Wanted.count ?? count >= count else { return }
        #expect(late > count / 10)
        #expect(stalest > 1)
    }

    @Test("Nothing of a schedule stays in memory", arguments: [Suite.clear, .secagg, .paillier])
    func nothingStays(suite: Suite) async throws {
        guard Wanted.one == nil else { return }
        let simulator = try Simulator()
        let before = SimulatedFederation.living.load(ordering: .relaxed)
        for seed in 501..<513 as Range<UInt64> {
            _ = try await simulator.run(try Schedule(drawnFrom: seed, suite: suite))
        }
        // Other suites may run one each meanwhile.
        let after = SimulatedFederation.living.load(ordering: .relaxed)
        print("\(suite): \(after - before) of 12 simulated federations are still in memory")
        #expect(after - before <= 2)
    }

    private static func sign(of sabotage: Schedule.Sabotage) -> String? {
        switch sabotage {
        case .forgetfulJournal, .doubleCounting, .earlyReceipt: nil
        case .smallSum: "was opened with 2 clouds"
        case .lostContribution: "has a receipt for round"
        case .wrongBit: "is not the replay's adapter"
        case .twoSums: "clouds helped to open two sums of round"
        }
    }

    @Test("What is broken on purpose is noticed", arguments: Schedule.Sabotage.allCases)
    func sabotage(_ sabotage: Schedule.Sabotage) async throws {
        let simulator = try Simulator()
        for seed in 1..<400 as Range<UInt64> {
            let result = try await simulator.run(try Schedule(of: sabotage, seed: seed))
            // By what it is, and not by something that goes wrong besides.
            if let noticed = result.violations.first(where: { violation in
                Self.sign(of: sabotage).map { violation.contains($0) } ?? true
            }) {
                print("\(sabotage) is noticed by seed \(seed): \(noticed)")
                return
            }
        }
        Issue.record("400 schedules did not notice \(sabotage)")
    }
}

/// What came of many schedules.
struct Tally {
    private(set) var schedules = 0
    private(set) var failures = 0
    private var events = 0
    /// Those that went wrong and, run again, did not: the runtime's doing as long as they are few.
    private(set) var notAgain = 0
    private var gaveUp = 0
    var mostNotAgain: Int { 1 + schedules / 2000 }
    private var deaths: [String: Int] = [:]
    private var errors: [String: Int] = [:]

    mutating func take(_ result: SimulationResult) {
        schedules += 1
        events += result.events
        if !result.violations.isEmpty { failures += 1 }
        if result.isNotAgain { notAgain += 1 }
        if result.runFailure != nil { gaveUp += 1 }
        deaths.merge(result.deaths, uniquingKeysWith: +)
        errors.merge(result.errors, uniquingKeysWith: +)
    }

    mutating func add(_ other: Tally) {
        schedules += other.schedules
        failures += other.failures
        notAgain += other.notAgain
        gaveUp += other.gaveUp
        events += other.events
        deaths.merge(other.deaths, uniquingKeysWith: +)
        errors.merge(other.errors, uniquingKeysWith: +)
    }

    func text(_ time: Duration) -> String {
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        let rate = Double(schedules) / max(seconds, 0.001)
        return """
            \(schedules) schedules in \(Int(seconds)) s (\(Int(rate * 60)) a minute), \(events) events, \
            \(deaths.values.reduce(0, +)) deaths at \(deaths.count) kinds of edges, \(gaveUp) ended by \
            `attempts`, \(failures) failed, \(notAgain) of \(mostNotAgain) allowed failed once and not again; errors logged \
            \(errors.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
            """
    }
}
