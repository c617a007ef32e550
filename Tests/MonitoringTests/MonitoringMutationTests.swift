import Federation
import MessagePack
import Monitoring
import SeededRandom
import Sodium
import Testing

@Suite("Spoiled events, trails, spools and answers of collectors")
struct MonitoringMutationTests {
    private static func isExpected(_ error: any Error) -> Bool {
        (error is EventLine.Fault || error is AuditFault || error is SpoolFault || error is ForwardHandshake.Fault
            || error is SinkAddress.Fault || error is MessagePackError || error is FederationError
            || error is SodiumError) && !"\(error)".isEmpty
    }

    @Test("A thousand spoiled forms of each seed are refused with a reason, or stand for themselves")
    func spoiled() throws {
        for entry in try MonitoringDecoders.all.get() {
            _ = try Spoiling.push(entry, count: 1_000) { error in
                if !Self.isExpected(error) { Issue.record("\(entry.name): \(error)") }
            }
        }
    }

    private func line(_ part: String, _ other: String) throws -> [UInt8] {
        let line = String(decoding: try EventSamples().lines[1].dropLast(), as: UTF8.self)
        #expect(line.contains(part))
        return Array(line.replacing(part, with: other).utf8)
    }

    @Test(
        "A time that there is not, or that is written in another way, is none",
        arguments: [
            "9999-12-31T23:59:59.000000000Z", "2554-07-21T23:34:34.000000000Z", "2026-02-30T08:00:00.000000000Z",
            "2026x01y31T08:00:00.123456791Z", "2026-01-31T08z00z00.123456791Z", "1969-12-31T23:59:59.000000000Z",
        ])
    func times(_ text: String) throws {
        let good = "2026-01-31T08:00:00.123456791Z"
        #expect(Timestamp.parse(good) != nil && Timestamp.parse(text) == nil)
        #expect(throws: Never.self) { try EventLine.event(line(good, good)) }
        #expect(throws: EventLine.Fault.self) { try EventLine.event(line(good, text)) }
        #expect(Timestamp.parse("2554-07-21T23:34:32.999999999Z") == 18_446_744_072_999_999_999)
    }

    @Test("An event's name that would not stand in a line as it is is refused")
    func names() throws {
        #expect(throws: Never.self) { try EventLine.event(line("round_joined", "Another-name.of_9")) }
        for name in [#"a\"b"#, #"a\nb"#, "", "ü", String(repeating: "a", count: 65)] {
            #expect(throws: EventLine.Fault.self, "\(name)") { try EventLine.event(line("round_joined", name)) }
        }
    }

    @Test("An entry's number that none can follow is refused, and a trail that ends with one is not gone on with")
    func numbers() throws {
        let samples = try EventSamples()
        let entry = try #require(MonitoringDecoders.all.get().first { $0.name == "audit-entry" })
        let body = String(decoding: try #require(entry.seeds.first), as: UTF8.self)
        #expect(body.hasPrefix(#"{"entry":1,"#))
        func numbered(_ number: String) -> [UInt8] {
            Array(body.replacing(#"{"entry":1,"#, with: "{\"entry\":\(number),").utf8)
        }
        try entry.take(numbered("18446744073709551614"))
        for number in ["18446744073709551615", "18446744073709551616", "+1", "01", ""] {
            #expect(throws: AuditFault.self, "\(number)") { try entry.take(numbered(number)) }
        }
        let line = String(decoding: try #require(try samples.trail().split(separator: 10).first), as: UTF8.self)
        for (number, isUsed) in [("17", true), ("18446744073709551615", false)] {
            let text = line.replacing(#"{"entry":1,"#, with: "{\"entry\":\(number),") + "\n"
            let trail = Result {
                try ScratchFile.lend("trail", Array(text.utf8)) {
                    try AuditTrail(path: "\($0)/trail", key: samples.key)
                }
            }
            if isUsed {
                #expect(throws: Never.self) { _ = try trail.get() }
            } else {
                #expect(throws: AuditFault.self) { _ = try trail.get() }
            }
        }
    }

    @Test(
        "A reader's place that no spool has is none",
        arguments: [
            "18446744073709551615 0 0", "0 1 0", "0 0 18446744073709551615", "10000000000000000 0 0", "1 0", "a b c",
        ])
    func places(_ text: String) {
        #expect(SpoolReader.Place("9999999999999999 7 1125899906842624")?.text == "9999999999999999 7 1125899906842624")
        #expect(SpoolReader.Place(text) == nil)
    }
}
