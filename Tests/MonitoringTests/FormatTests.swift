import Federation
import Foundation
import JSONText
import MessagePack
import Monitoring
import Sodium
import Testing

/// An event that formats can be held to byte by byte.
private func sample(
    _ level: EventLevel = .warning, reason: String = "a \"b\" \\ c] d\ne", more: EventFields = [:]
) throws -> Event {
    Event(
        time: 1_700_000_000_123_456_789, level: level, name: "message_refused", run: try RunName("demo"),
        stage: try StageName("north/encrypt"), epoch: 3, sequence: 42, round: RoundNumber(7),
        trace: try #require(
            TraceContext("00-\(String(repeating: "ab", count: 16))-\(String(repeating: "cd", count: 8))-01")),
        fields: [.from: .text("south/encrypt"), .reason: .text(reason)] + more)
}

private let envelope =
    "run=\"demo\" cloud=\"north\" stage=\"encrypt\" epoch=\"3\" sequence=\"42\" round=\"7\" trace=\"00-abababababababababababababababab-cdcdcdcdcdcdcdcd-01\""

@Suite("Events as syslog messages")
struct SyslogFormatTests {
    @Test("An event is the message that RFC 5424 has for it, and over a stream its length stands before it")
    func knownMessage() throws {
        let event = try sample()
        let bytes = SyslogFormat(host: "host.example", facility: .local3).bytes(event, line: [])
        let expected =
            "<156>1 2023-11-14T22:13:20.123456Z host.example tributary north/encrypt message_refused [tributary@32473 \(envelope) from=\"south/encrypt\" reason=\"a \\\"b\\\" \\\\ c\\] d e\"] \u{feff}message_refused from=south/encrypt reason=a \"b\" \\ c] d e"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        var stream: [UInt8] = [7]
        SyslogFormat(host: "host.example", facility: .local3).append(event, line: [], isCounted: true, to: &stream)
        #expect(stream == [7] + Array("\(bytes.count) ".utf8) + bytes)
    }

    @Test("Each level has its severity", arguments: zip(EventLevel.allCases, [31, 30, 28, 27]))
    func severities(_ level: EventLevel, _ priority: Int) throws {
        let bytes = SyslogFormat(host: "h").bytes(try sample(level), line: [])
        #expect(bytes.starts(with: "<\(priority)>1 ".utf8))
    }

    @Test(
        "A message is never too long, never cut inside a character, and keeps who told it",
        arguments: ["x", "漢", "\"", "]"])
    func isBounded(_ piece: String) throws {
        let format = SyslogFormat(host: "h", body: .json)
        let names = (0..<400).map { EventValue.text("cloud-\($0)-\(piece)\(piece)\(piece)\(piece)\(piece)") }
        for more: EventFields in [[:], [.cohort: .list(names)]] {
            let event = try sample(reason: String(repeating: piece, count: 4000), more: more)
            let bytes = format.bytes(event, line: EventLine.bytes(event).dropLast())
            #expect(bytes.count <= SyslogFormat.maximumBytes && bytes.count > 400)
            let text = try #require(String(validating: bytes, as: UTF8.self))
            #expect(text.contains(envelope))
        }
    }

    @Test("A host or an event whose name the format does not allow is made into one that it does")
    func names() throws {
        let bytes = SyslogFormat(host: "my höst").bytes(try sample(), line: [])
        #expect(String(decoding: bytes, as: UTF8.self).contains(" my_h__st tributary "))
        #expect(
            String(decoding: SyslogFormat(host: "").bytes(try sample(), line: []), as: UTF8.self).contains(
                "Z - tributary"))
        for kind in Catalogue.kinds { #expect(kind.name.utf8.count <= 32, "\(kind.name)") }
    }
}

@Suite("Events as entries of the journal")
struct JournalFormatTests {
    /// Reads entries by the documented rules alone.
    private func parse(_ bytes: [UInt8]) throws -> [String: String] {
        var fields: [String: String] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = try #require(rest.firstIndex { $0 == 0x0a || $0 == 0x3d })
            let name = String(decoding: rest[..<end], as: UTF8.self)
            #expect(name.utf8.count <= 64 && name.allSatisfy { $0.isUppercase || $0.isNumber || $0 == "_" })
            let isBinary = rest[end] == 0x0a
            rest = rest[(end + 1)...]
            var length = try #require(rest.firstIndex(of: 0x0a)) - rest.startIndex
            if isBinary {
                length = rest.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
                rest = rest.dropFirst(8)
            }
            fields[name] = String(decoding: rest.prefix(length), as: UTF8.self)
            rest = rest.dropFirst(length)
            #expect(rest.first == 0x0a)
            rest = rest.dropFirst()
        }
        return fields
    }

    @Test("Each field is a field of the entry; a value with line ends goes with its length")
    func fields() throws {
        let fields = try parse(JournalFormat.bytes(try sample()))
        #expect(fields["MESSAGE"] == "message_refused from=south/encrypt reason=a \"b\" \\ c] d e")
        #expect(fields["PRIORITY"] == "4" && fields["SYSLOG_IDENTIFIER"] == "tributary")
        #expect(fields["TRIBUTARY_REASON"] == "a \"b\" \\ c] d\ne" && fields["TRIBUTARY_FROM"] == "south/encrypt")
        #expect(fields["TRIBUTARY_TIME"] == "2023-11-14T22:13:20.123456789Z" && fields["TRIBUTARY_EPOCH"] == "3")
        #expect(fields["MESSAGE_ID"]?.count == 32 && fields["TRIBUTARY_ROUND"] == "7")
    }

    @Test("Every event has an id of its own")
    func ids() {
        #expect(Set(Catalogue.kinds.map { JournalFormat.messageID($0.name) }).count == Catalogue.kinds.count)
    }
}

@Suite("Events in Forward messages")
struct ForwardFormatTests {
    @Test("An entry is an EventTime of eight bytes and a map; a message has tag, entries and options, in either mode")
    func knownBytes() throws {
        let event = SpooledEvent(try sample())
        let plain = ForwardFormat.message(tag: "t", events: [event], mode: .forward, chunk: nil)
        let entry = Array(plain.dropFirst(4).dropLast(7))
        #expect(plain == [0x93, 0xa1, 0x74, 0x91] + entry + [0x81, 0xa4] + Array("size".utf8) + [0x01])
        // [fixext 8 of type 0: seconds, nanoseconds; a map of 12 pairs, "event" first]
        let time: [UInt8] = [0xd7, 0x00, 0x65, 0x53, 0xf1, 0x00, 0x07, 0x5b, 0xcd, 0x15]
        #expect(entry.starts(with: [0x92] + time + [0x8c, 0xa5] + Array("event".utf8)))
        let packed = ForwardFormat.message(tag: "t", events: [event, event], mode: .packed, chunk: "YQ==")
        guard case .list(let parts) = try decode(packed) else { throw CancellationError() }
        #expect(
            parts == [.text("t"), .bytes(entry + entry), .map([("size", .unsigned(2)), ("chunk", .text("YQ=="))])])
        let empty = ForwardFormat.message(tag: "t", events: [], mode: .packed, chunk: nil)
        #expect(try decode(empty) == .list([.text("t"), .bytes([]), .map([("size", .unsigned(0))])]))
    }

    @Test("An answer is read when it is whole; another chunk's is no answer; what is no msgpack is refused")
    func answers() throws {
        let answer = encode(.map([("ack", .text("abc"))]))
        #expect(try ForwardFormat.answer(answer) == .acknowledged("abc"))
        for end in 0..<answer.count { #expect(try ForwardFormat.answer(Array(answer[..<end])) == .incomplete) }
        #expect(try ForwardFormat.answer(encode(.map([("nack", .text("abc"))]))) == .other)
        #expect(throws: MessagePackError.self) { try ForwardFormat.answer([0xc1]) }
    }

    @Test(
        "The handshake's proofs are those of the specification; a proof under another key, and our own given back, are refused"
    )
    func handshake() throws {
        var text = Array("the key".utf8)
        let key = try SecretBytes(wiping: &text)
        var wrongText = Array("another".utf8)
        let wrong = try SecretBytes(wiping: &wrongText)
        let nonce: [UInt8] = [0xff, 0xfe, 1, 2]
        var handshake = try ForwardHandshake(host: "me", key: key)
        // As an old program sends it: bytes that are no text, as text.
        let helo: [UInt8] = [0x92, 0xa4] + Array("HELO".utf8) + [0x81, 0xa5] + Array("nonce".utf8) + [0xa4] + nonce
        #expect(try handshake.ping(to: Array(helo.dropLast())) == nil)
        let ping = try #require(try handshake.ping(to: helo))
        guard case .list(let parts) = try decode(ping), case .text(let name) = parts[1],
            case .bytes(let salt) = parts[2]
        else { throw CancellationError() }
        #expect(parts[0] == .text("PING") && name.hasPrefix("me") && salt.count == 16)
        #expect(parts[3] == .text(SHA512.hex(of: [salt, Array(name.utf8), nonce], then: key)))
        func pong(_ host: String, _ key: SecretBytes, welcome: Bool = true) -> [UInt8] {
            let proof = SHA512.hex(of: [salt, Array(host.utf8), nonce], then: key)
            return encode(.list([.text("PONG"), .bool(welcome), .text("no"), .text(host), .text(proof)]))
        }
        #expect(try handshake.accepts(pong("them", key)))
        #expect(try !handshake.accepts(Array(pong("them", key).dropLast())))
        for bad in [pong("them", wrong), pong(name, key), pong("them", key, welcome: false), encode(.text("hello"))] {
            #expect(throws: ForwardHandshake.Fault.self) { try handshake.accepts(bad) }
        }
    }

    @Test("SHA-512 is FIPS 180-4's")
    func sha512() throws {
        var text = Array("c".utf8)
        let hex = SHA512.hex(of: [Array("a".utf8), Array("b".utf8)], then: try SecretBytes(wiping: &text))
        #expect(
            hex
                == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        )
    }
}

@Suite("Events for OpenTelemetry")
struct OTLPFormatTests {
    @Test("A request of no stage is empty; what a collector says that it rejected is read, and nonsense is nothing")
    func answers() {
        #expect(OTLPFormat.logs([], observed: 1) == [])
        // partial_success {rejected_log_records: 300, error_message: "no"}
        #expect(OTLPFormat.rejected([0x0a, 7, 0x08, 0xac, 0x02, 0x12, 2, 0x6e, 0x6f]) == (300, "no"))
        for bytes: [UInt8] in [[], [0xff], [0x0a, 200, 1], [0x0a, 2, 0x08]] {
            #expect(OTLPFormat.rejected(bytes) == (0, ""))
        }
    }

    @Test(
        "A stage's part of a round is told when the stage is two rounds further, and what is outside rounds is no part of one"
    )
    func parts() throws {
        var spans = RoundSpans()
        let stage = try StageName("north/encrypt")
        let run = try RunName("demo")
        func event(_ round: UInt32, _ time: UInt64, inside: Bool = true) -> Event {
            let trace =
                inside
                ? TraceContext(opening: Digest(of: [UInt8(round)]), stage: stage)
                : TraceContext(run: run, stage: stage, epoch: 1)
            return Event(
                time: time, level: .info, name: "round_joined", run: run, stage: stage, epoch: 1, sequence: 1,
                round: RoundNumber(round), trace: trace, fields: [:])
        }
        var made: [OTLPFormat.Span] = []
        for (round, time, inside) in [
            (0, 1, false), (1, 10, true), (2, 20, true), (1, 25, true), (2, 30, false), (3, 40, true),
        ] {
            made += spans.spans(of: event(UInt32(round), UInt64(time), inside: inside))
        }
        #expect(made.count == 1 && made[0].start == 10 && made[0].end == 25 && made[0].name == "encrypt")
        #expect(spans.finish().map(\.span.start) == [20, 40] && spans.finish().isEmpty)
    }
}

@Suite("Addresses of collectors")
struct SinkAddressTests {
    @Test(
        "An address is read as it is written, and written the same",
        arguments: [
            "udp://127.0.0.1:514", "tcp://logs.example:601", "tcp://[::1]:24224", "unix:///dev/log",
        ])
    func reads(_ text: String) throws {
        #expect(try SinkAddress(text).description == text)
    }

    @Test(
        "What is none is refused with what was expected",
        arguments: [
            "", "127.0.0.1:514", "http://a:1", "udp://", "udp://host", "udp://host:0", "udp://host:65536",
            "udp://host:x",
            "tcp://::1:5", "tcp://a b:5", "unix://log", "unix:///", "tcp://a:5/x",
            "unix:///\(String(repeating: "x", count: 120))",
        ])
    func refuses(_ text: String) {
        #expect {
            try SinkAddress(text)
        } throws: { "\($0)".contains("expected udp://HOST:PORT or tcp://HOST:PORT or unix:///PATH") }
    }

    @Test("OTLP's has a port of its own and may have a prefix; https is refused with what to do instead")
    func otlp() throws {
        let plain = try OTLPTarget("http://collector", signals: [.logs])
        #expect(plain.host == "collector" && plain.port == 4318 && plain.prefix.isEmpty)
        let whole = try OTLPTarget("http://[::1]:99/otel/", signals: [.logs])
        #expect(whole.host == "::1" && whole.port == 99 && whole.prefix == "/otel")
        #expect {
            try OTLPTarget("https://collector", signals: [])
        } throws: { "\($0)".contains("TLS") }
        for bad in ["collector:4318", "http://", "http://a:b", "http://a/x y", "http://a/x?y"] {
            #expect(throws: SinkAddress.Fault.self) { try OTLPTarget(bad, signals: []) }
        }
    }
}

@Suite("A line at a glance")
struct EventGlanceTests {
    @Test(
        "Time and level are those that the whole line has; what is no event's line has neither",
        arguments: EventLevel.allCases)
    func glance(_ level: EventLevel) throws {
        let line = EventLine.bytes(try sample(level)).dropLast()
        #expect(EventGlance.level(line) == level)
        #expect(EventGlance.time(line).map { String(decoding: $0, as: UTF8.self) } == "2023-11-14T22:13:20.123456789Z")
        for bad in [
            "", "{}", "not an event at all, and longer than one could be at the very least", "{\"time\":\"2023",
        ] {
            #expect(EventGlance.level(ArraySlice(bad.utf8)) == nil && EventGlance.time(ArraySlice(bad.utf8)) == nil)
        }
    }
}

@Suite("Metrics read back")
struct ExpositionReadingTests {
    @Test("What was counted is read back as it was, awkward labels included; what is no metric of ours is left out")
    func roundTrip() {
        let meters = Meters()
        meters.add(3, to: .gaps, ["a \"quoted\" \\ hub\nwith, {all} = of it"])
        meters.set(.trainingLoss, to: 0.125)
        meters.set(.round, to: .infinity)
        for value in [0.0001, 0.2, 0.2, 5, 1e9] { meters.observe(value, in: .phaseSeconds, ["seal"]) }
        meters.observe(1, in: .phaseSeconds, ["open"])
        var exposition = Exposition()
        exposition.add(meters.readings(), labels: [("run", "demo"), ("cloud", "north"), ("stage", "encrypt")])
        let reading = ExpositionReading(exposition.text)
        #expect(reading.readings == meters.readings() && reading.run == "demo")
        let more = "other_total 3\ntributary_round{run=\"x\nnonsense\ntributary_round\n{} 1\n"
        #expect(ExpositionReading(more).readings.isEmpty)
        #expect(ExpositionReading(exposition.text + more).readings == meters.readings())
    }
}
