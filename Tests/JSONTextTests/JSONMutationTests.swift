import JSONText
import SeededRandom
import Testing

@Suite("Spoiled JSON")
struct JSONMutationTests {
    @Test("Ten thousand spoiled forms of each seed are refused with a place, or stand for themselves")
    func spoiled() throws {
        for entry in JSONDecoders.all {
            let refusals = try Spoiling.push(entry, count: 10_000) { error in
                if !(error is JSONError) || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
            #expect(refusals > 5_000, "\(entry.name)")
        }
    }
}
