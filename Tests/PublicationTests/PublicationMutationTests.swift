import Configuration
import Publication
import SeededRandom
import Testing

@Suite("Spoiled manifests and lists of rounds")
struct PublicationMutationTests {
    @Test("A thousand spoiled forms of each seed are refused with a reason, or stand for themselves")
    func spoiled() throws {
        for entry in try PublicationDecoders.all.get() {
            let refusals = try Spoiling.push(entry, count: 1_000) { error in
                let isExpected = error is PublicationError || error is ConfigurationError
                if !isExpected || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
            #expect(refusals > 400 * entry.seeds.count, "\(entry.name): \(refusals)")
        }
    }
}
