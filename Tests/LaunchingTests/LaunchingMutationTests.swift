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

    @Test("A status of the launcher's own goes before one that systemd is to show, wherever it stands")
    func ownStatus() {
        let (own, both) = ("X_TRIBUTARY_STATUS=round 4: sealing", "STATUS=round 4: sealing; clock: off")
        for text in ["\(own)\n\(both)\n", "\(both)\n\(own)"] {
            #expect(NotifyMessage(Array(text.utf8), from: 7).status == "round 4: sealing")
        }
        // The control, and an own one that says nothing to a terminal and is bounded too.
        #expect(NotifyMessage(Array(both.utf8), from: 7).status == "round 4: sealing; clock: off")
        let long = NotifyMessage(
            Array("X_TRIBUTARY_STATUS=\u{1b}\(String(repeating: "x", count: 300))\n".utf8), from: 7)
        #expect(long.status?.count == 200 && long.status?.hasPrefix("\u{FFFD}x") == true)
    }

    @Test("A stage's troubles come all at once, none is said by an empty line, and what is none is left out")
    func troubles() {
        func told(_ text: String) -> [NotifyMessage.Trouble]? { NotifyMessage(Array(text.utf8), from: 7).troubles }
        let line = "X_TRIBUTARY_TROUBLE="
        #expect(told("STATUS=idle\n") == nil)
        #expect(told("\(line)\n") == [])
        let two = told("\(line)clock office/publish its clock is behind\n\(line)version ipc it speaks \u{1b}[2J\n")
        #expect(two?.map(\.kind) == [.clock, .version])
        #expect(two?.map(\.about) == ["office/publish", "ipc"])
        #expect(two?.map(\.text) == ["its clock is behind", "it speaks \u{FFFD}[2J"])
        #expect(told("\(line)round north it is missing since round 4\n")?.map(\.kind) == [.round])
        // Of its disk and its end the launcher knows more.
        for other in [
            "disk /var full", "killed north/encrypt by memory", "clock office/publish", "clock", "weather x y",
        ] {
            #expect(told("\(line)\(other)") == [], "\(other)")
        }
        #expect(told(String(repeating: "\(line)clock office/publish x\n", count: 50))?.count == 8)
        #expect(told("\(line)clock a/publish \(String(repeating: "x", count: 500))")?.first?.text.count == 184)
    }
}
