import Configuration
import SeededRandom
import Testing

@Suite("Spoiled YAML")
struct ConfigurationMutationTests {
    @Test("Two thousand spoiled forms of each seed are refused with reasons, or read")
    func spoiled() throws {
        for entry in ConfigurationDecoders.all {
            _ = try Spoiling.push(entry, count: 2_000) { error in
                if !(error is ConfigurationError) || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
        }
    }

    @Test("Aliases are counted wherever one may stand, behind the mark of a key too")
    func aliases() throws {
        func read(_ anchors: Int) throws {
            let keys = (0..<anchors).map { "?&k\($0) x\($0): 1" }.joined(separator: ",")
            _ = try ConfigurationFile.decode(text: "e-map: {\(keys)}\n", file: "/a.yaml") {
                $0.entries("e-map") { $1.int() }
            }
        }
        try read(16)
        #expect(throws: ConfigurationError.self) { try read(17) }
    }
}
