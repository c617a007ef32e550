import Federation
import Testing

@Suite("A stage that is away when its run ends")
struct LeftBehindTests {
    @Test("hears of the end when publish is started once more, however much of it was lost on the way")
    func awayAtTheEnd() async throws {
        let simulator = try Simulator()
        var quiet = Schedule(seed: 78)
        quiet.healedBy = 1
        let base = try await simulator.run(quiet)
        let stage = try #require(base.edges.keys.filter { $0.kind == .encrypt }.min())
        let edges = try #require(base.edges[stage])
        var startedOnceMore = 0
        // At the last of its edges it has heard of the end already.
        for edge in stride(from: max(1, edges - 60), through: edges, by: 3) {
            var schedule = quiet
            // Longer than publish waits for those who have not heard, 40 s.
            schedule.faults = [.init(at: 0, fault: .crash(stage, edge: edge, powerLoss: true, downFor: 120_000))]
            schedule.healedBy = 150_000
            schedule.kind = .rough
            let result = try await simulator.run(schedule, isTraced: true)
            #expect(result.violations.isEmpty, "edge \(edge): \(result.violations)\n\(result.report)")
            if result.trace.count(where: { $0.contains("office/publish starts") }) > 1 { startedOnceMore += 1 }
        }
        #expect(startedOnceMore > 0)
    }
}
