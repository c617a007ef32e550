import Federation
import JSONText
import MessagePack
import Monitoring
import SeededRandom
import Sodium

/// The ways in for what stages have told and what collectors answer: what the mutation tests and the fuzzer (`scripts/fuzz`) both
/// push bytes through. An entry takes any bytes and throws an error of ours, or nothing; `seeds` are inputs that it takes.
enum MonitoringDecoders {
    static let all = Result {
        let samples = try EventSamples()
        return try [line(samples)] + trails(samples) + spools(samples) + collectors() + [exposition(), address, target]
    }

    /// What comes out of a decoder stands for itself.
    private static func check(_ isSame: Bool, _ what: String) {
        precondition(isSame, "\(what) reads otherwise than it was written")
    }

    // MARK: Lines

    private static func line(_ samples: EventSamples) -> Spoiling.Entry {
        (
            "event-line", samples.lines.map { $0.dropLast() },
            { bytes in
                _ = (EventGlance.time(bytes[...]), EventGlance.level(bytes[...]))
                let event = try EventLine.event(bytes)
                let line = EventLine.bytes(event)
                check(line.firstIndex(of: UInt8(ascii: "\n")) == line.count - 1, "an event")
                ship(event, line.dropLast())
                // Escapes may have made it longer than a line may be.
                guard line.count <= EventLine.maximumBytes else { return }
                check(try EventLine.bytes(EventLine.event(line.dropLast())) == line, "an event")
            }
        )
    }

    /// What sinks make of it.
    static func ship(_ event: Event, _ line: ArraySlice<UInt8>) {
        _ = JournalFormat.bytes(event)
        let syslog = SyslogFormat(host: "host", body: .json).bytes(event, line: line)
        precondition(syslog.count <= SyslogFormat.maximumBytes, "a message of \(syslog.count) bytes")
        let spooled = SpooledEvent(event)
        _ = ForwardFormat.message(tag: "t", events: [spooled], mode: .packed, chunk: "c")
        let resource = OTLPFormat.Resource(federation: "f", run: event.run.description, stage: event.stage)
        _ = OTLPFormat.logs([(resource: resource, events: [spooled])], observed: 1)
        var spans = RoundSpans()
        _ = OTLPFormat.traces([(resource: resource, spans: spans.spans(of: event))])
        _ = OTLPFormat.traces([(resource: resource, spans: spans.finish().map(\.span))])
        _ = Catalogue.faults(of: event)
    }

    // MARK: Audit trails

    /// Signed here: a signature would keep the fuzzer out of what comes after it, and a stage that means ill can sign anything.
    private static func trails(_ samples: EventSamples) throws -> [Spoiling.Entry] {
        let (key, stage) = (samples.key, samples.stage)
        let keys = [AuditEntry.name(of: key.verifyingKey): key.verifyingKey]
        @Sendable func signed(_ body: [UInt8]) -> [UInt8] {
            let signature = Hex.encode(key.signature(of: Array("tributary audit\n".utf8) + body).bytes)
            let name = AuditEntry.name(of: key.verifyingKey)
            return body + ",\"key\":\"\(name)\",\"signature\":\"\(signature)\"}".utf8
        }
        let trail = try samples.trail()
        // What is signed of each of its lines.
        let bodies = trail.split(separator: UInt8(ascii: "\n")).map { Array($0.dropLast(217)) }
        return [
            (
                "audit-line", trail.split(separator: UInt8(ascii: "\n")).map(Array.init),
                { _ = try AuditEntry($0, keys: keys) }
            ),
            (
                "audit-entry", bodies,
                { body in
                    let entry = try AuditEntry(signed(body), keys: keys)
                    let digest = Digest(of: signed(body)).description
                    check(entry.digest == digest && body.starts(with: "{\"entry\":\(entry.number),".utf8), "an entry")
                }
            ),
            (
                "audit-trail", [Array(bodies.joined(separator: [UInt8(ascii: "\n")]))],
                { bytes in
                    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
                        signed(Array($0))
                    }
                    try ScratchFile.lend("trail", Array(lines.joined(separator: [UInt8(ascii: "\n")]))) { folder in
                        try readOn(stage, "\(folder)/trail", key)
                    }
                }
            ),
            (
                "audit-torn", [trail],
                { bytes in
                    try ScratchFile.lend("trail", bytes) { folder in try readOn(stage, "\(folder)/trail", key) }
                }
            ),
        ]
    }

    /// Reads a trail, tells the rounds in it, and writes on behind it as a stage does that is started again.
    private static func readOn(_ stage: StageName, _ path: String, _ key: SigningKey) throws {
        let reading = try AuditReading(of: stage, at: path, keys: [key.verifyingKey])
        for round in 0..<4 as Range<UInt32> {
            guard let account = RoundAccount(RoundNumber(round), entries: reading.entries.map(\.event)) else {
                continue
            }
            _ = "\(account)"
        }
        let log = EventLog(stage: stage, run: try RunName("demo"), level: .error) { _ in }
        log.begin(epoch: 9, trail: try AuditTrail(path: path, key: key))
        log.tell(.stageStarted, [.card: .text("x"), .process: .number(1)])
        let longer = try AuditReading(of: stage, at: path, keys: [key.verifyingKey])
        check(longer.entries.count == reading.entries.count + 1, "a trail that is gone on with")
    }

    // MARK: Spools

    /// The first line is a reader's place, the others are a spool.
    private static func spools(_ samples: EventSamples) -> [Spoiling.Entry] {
        let lines = samples.lines.joined()
        return [
            (
                "spool", ["0 0 0\n", "1 0 0\n", "2 0 \(samples.lines[0].count)\n"].map { Array($0.utf8) + lines },
                { bytes in
                    let start = bytes.prefix { $0 != UInt8(ascii: "\n") }
                    let content = bytes.dropFirst(start.count + 1)
                    let place = SpoolReader.Place(String(decoding: start, as: UTF8.self))
                    if let place { check(SpoolReader.Place(place.text) == place, "a place") }
                    try ScratchFile.lend("0000000000000000.jsonl", content) { folder in
                        try read(folder, from: place ?? .start)
                        let whole = try read(folder, from: .start)
                        let isTorn = content.last.map { $0 != UInt8(ascii: "\n") } ?? false
                        check(whole == content.count { $0 == UInt8(ascii: "\n") }, "a spool")
                        // The stage is started again, and goes on behind what it finds.
                        check(try SpoolWriter(folder: folder).append(samples.lines[0]), "a spool that is gone on with")
                        check(try read(folder, from: .start) == whole + (isTorn ? 2 : 1), "a longer spool")
                    }
                }
            )
        ]
    }

    /// How many lines there are.
    @discardableResult
    private static func read(_ folder: String, from place: SpoolReader.Place) throws -> Int {
        var reader = SpoolReader(folder: folder, from: place)
        var count = 0
        while true {
            let batch = try reader.next(maximumBytes: 256)
            guard !batch.lines.isEmpty else { return count }
            count += batch.lines.count
            for line in batch.lines { _ = EventGlance.level(line) }
        }
    }

    // MARK: Collectors

    private static func collectors() throws -> [Spoiling.Entry] {
        func packed(_ body: (Packer) -> Void) -> [UInt8] {
            let packer = Packer()
            body(packer)
            return packer.bytes
        }
        let helo = packed { packer in
            packer.list(2)
            packer.text("HELO")
            packer.map(3)
            packer.text("nonce")
            packer.bytes([1, 2, 3])
            packer.text("auth")
            packer.text("")
            packer.text("keepalive")
            packer.flag(true)
        }
        let refusal = packed { packer in
            packer.list(5)
            packer.text("PONG")
            packer.flag(false)
            packer.text("who are you")
            packer.text("")
            packer.text("")
        }
        let acknowledgement = packed { packer in
            packer.map(1)
            packer.text("ack")
            packer.text("chunk")
        }
        return [
            ("forward-answer", [acknowledgement], { _ = try ForwardFormat.answer($0) }),
            (
                "forward-helo", [helo],
                { bytes in
                    var key = Array("key".utf8)
                    var handshake = try ForwardHandshake(host: "host", key: SecretBytes(wiping: &key))
                    _ = try handshake.ping(to: bytes)
                }
            ),
            (
                // Behind a greeting that is sound; a refusal is what anybody can say.
                "forward-pong", [],
                { bytes in
                    var key = Array("key".utf8)
                    var handshake = try ForwardHandshake(host: "host", key: SecretBytes(wiping: &key))
                    _ = try handshake.ping(to: helo)
                    let isAccepted = try handshake.accepts(bytes)
                    precondition(!isAccepted, "a collector without the key is taken for one that has it")
                }
            ),
            // partial_success, with a count and a reason.
            (
                "otlp-answer", [[10, 9, 8, 200, 1, 18, 4] + Array("why?".utf8), refusal],
                { _ = OTLPFormat.rejected($0) }
            ),
        ]
    }

    private static func exposition() throws -> Spoiling.Entry {
        let meters = Meters()
        meters.count(.stageReady, [:])
        meters.count(.roundReleased, [.seconds: .real(1.5)])
        meters.set(.epoch, to: 3)
        var exposition = Exposition()
        exposition.add(meters.readings(), labels: [("cloud", "north"), ("stage", "publish"), ("run", "demo")])
        return (
            "exposition", [Array(exposition.text.utf8)],
            { bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                let reading = ExpositionReading(text)
                var again = Exposition()
                again.add(reading.readings, labels: [("run", reading.run)])
                check(
                    Set(ExpositionReading(again.text).readings.keys) == Set(reading.readings.keys), "an exposition")
                var merge = ExpositionMerge()
                merge.add(text)
                merge.add(again.text)
                _ = merge.text
                let stage = try StageName("north/publish")
                let resource = OTLPFormat.Resource(federation: "f", run: "demo", stage: stage)
                _ = OTLPFormat.metrics([(resource: resource, readings: reading.readings)], start: 1, now: 2)
            }
        )
    }

    private static let address: Spoiling.Entry = (
        "sink-address",
        ["udp://collector.example:514", "tcp://[2001:db8::1]:6514", "unix:///dev/log"].map { Array($0.utf8) },
        { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let address = try SinkAddress(text)
            check(try SinkAddress(address.description) == address, "an address")
        }
    )

    private static let target: Spoiling.Entry = (
        "otlp-target", [Array("http://collector:4318/prefix/".utf8)],
        { _ = try OTLPTarget(String(decoding: $0, as: UTF8.self), signals: [.logs]) }
    )
}

/// Events of one stage as it tells them, always the same.
struct EventSamples: Sendable {
    let stage: StageName
    let key: SigningKey
    /// With their ends.
    let lines: [[UInt8]]
    private let run: RunName

    init() throws {
        stage = try StageName("north/encrypt")
        run = try RunName("demo")
        var seed = [UInt8](repeating: 6, count: SigningKey.seedByteCount)
        key = try SigningKey(seed: SecretBytes(wiping: &seed))
        let stage = stage
        let run = run
        var sequence: UInt64 = 0
        func line(_ kind: EventKind, _ round: UInt32, _ fields: EventFields) -> [UInt8] {
            sequence += 1
            let trace =
                round > 0
                ? TraceContext(opening: Digest(of: [1]), stage: stage) : TraceContext(run: run, stage: stage, epoch: 2)
            return EventLine.bytes(
                Event(
                    time: 1_769_846_400_123_456_789 + sequence, level: kind.level, name: kind.name, run: run,
                    stage: stage, epoch: 2, sequence: sequence, round: RoundNumber(round), trace: trace,
                    fields: fields))
        }
        lines = [
            line(.stageStarted, 0, [.card: .text("0a"), .process: .number(12)]),
            line(.roundJoined, 3, [.purpose: .text("update")]),
            line(
                .contributionSealed, 3,
                [
                    .digest: .text(Digest(of: [2]).description), .opening: .text(Digest(of: [1]).description),
                    .purpose: .text("update"), .values: .number(1000), .bytes: .number(2000), .clipped: .number(0),
                    .quantiseSeconds: .real(0.001), .sealSeconds: .real(0.25),
                ]),
            line(
                .shareMade, 3, [.cohort: .list([.text("east"), .text("north"), .text("west")]), .bytes: .number(12)]),
            line(.stageFailed, 3, [.reason: .text("quote \" backslash \\ \u{1b}[31m\u{9b} ümlaut\n")]),
        ]
    }

    /// What a stage that is started twice leaves as its trail.
    func trail() throws -> [UInt8] {
        try ScratchFile.lend("trail", []) { folder in
            for epoch in 1...2 as ClosedRange<UInt64> {
                let log = EventLog(stage: stage, run: run, level: .error) { _ in }
                log.begin(epoch: epoch, trail: try AuditTrail(path: "\(folder)/trail", key: key))
                log.tell(.stageStarted, [.card: .text("x"), .process: .number(1)])
                log.tell(.contributionSealed, round: RoundNumber(2), [.digest: .text("contribution")])
            }
            return try ScratchFile.read("\(folder)/trail")
        }
    }
}
