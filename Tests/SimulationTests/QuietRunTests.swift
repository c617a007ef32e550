import Federation
import Testing

@Suite("A simulated federation")
struct QuietRunTests {
    @Test("Without faults publishes what adding up the clouds' values gives, the same schedule always in the same way")
    func quiet() async throws {
        let simulator = try Simulator()
        var digests: Set<UInt64> = []
        for _ in 0..<2 {
            var schedule = Schedule(seed: 1)
            schedule.healedBy = 1
            let result = try await simulator.run(schedule)
            #expect(result.violations.isEmpty, "\(result.report)")
            print(result.events, result.seconds, result.edges.values.reduce(0, +))
            digests.insert(result.digest)
        }
        #expect(digests.count == 1)
    }
}
