import Configuration
import SeededRandom
import Testing
import Topology

@Suite("Spoiled topologies")
struct TopologyMutationTests {
    @Test("A thousand spoiled forms of each seed are refused with reasons, or stand")
    func spoiled() throws {
        for entry in TopologyDecoders.all {
            let refusals = try Spoiling.push(entry, count: 1_000) { error in
                if !(error is ConfigurationError) || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
            #expect(refusals > 500)
        }
    }
}
