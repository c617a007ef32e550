import Launching
import SeededRandom
import Testing

@Suite("What is said to a launcher")
struct LaunchingMutationTests {
    @Test("Two thousand spoiled forms of each seed are refused, or stand for themselves")
    func spoiled() throws {
        for entry in try LaunchingDecoders.all.get() {
            _ = try Spoiling.push(entry, count: 2_000) { error in
                if !(error is DecodingError) || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
        }
    }

    @Test("A stage's notice tells what it has, and a status is cut and says nothing to a terminal")
    func notices() {
        let message = NotifyMessage(
            Array("READY=1\nSTATUS=\u{1b}[2J\(String(repeating: "x", count: 300))\n".utf8), from: 7)
        #expect(message.isReady && !message.standsBy && !message.saysRunIsOver && message.pid == 7)
        #expect(message.status?.count == 200 && message.status?.hasPrefix("\u{FFFD}[2J") == true)
        #expect(NotifyMessage(Array("READY=10".utf8), from: 7).status == nil)
        // Two scalars in one character, as the fuzzer had them.
        let ends = NotifyMessage(
            Array("STATUS=\(String(repeating: "e\u{301}", count: 150))\r\nREADY=1\n".utf8), from: 7)
        #expect(ends.status?.unicodeScalars.count == 200 && ends.isReady)
        #expect(!NotifyMessage(Array("READY=10".utf8), from: 7).isReady)
    }
}
