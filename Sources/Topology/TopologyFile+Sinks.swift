internal import Configuration
internal import Federation
internal import Monitoring

/// `sinks:`, at the top of the file for all clouds or in one of them.
extension TopologyFile {
    struct Sink {
        let specification: SinkSpecification
        let place: Place
    }

    static func sinks(in section: Section) -> [Sink] {
        section.list(
            "sinks", count: 0...Topology.maximumSinks, required: false, about: "collectors that get the stages' events"
        ) { value in
            try value.section { Sink(specification: try SinkSpecification(in: $0), place: value.place) }
        }
    }

    /// `events: {spool: 64MiB}`.
    static func spoolLimit(in file: Section) -> Int {
        do {
            return try file.optionalSection("events", about: "what stages keep of their events") { events in
                events.byteSize(
                    "spool", in: 1 << 20...1 << 40, default: SpoolWriter.defaultLimit,
                    about: "on each stage's disk, such as 64MiB; the oldest go first")
            } ?? SpoolWriter.defaultLimit
        } catch { return SpoolWriter.defaultLimit }
    }

    /// Two sinks of a cloud under one name would share what is kept of how far they have come.
    func checkSinks(_ problems: ProblemList) {
        func check(_ sinks: [Sink]) {
            var names: Set<String> = []
            for sink in sinks where !names.insert(sink.specification.name).inserted {
                problems.note(
                    "two sinks are called `\(sink.specification.name)`: give one of them a `name`", at: sink.place)
            }
        }
        check(sinks)
        for cloud in clouds {
            let own = Set(cloud.sinks.map(\.specification.name))
            let common = Set(sinks.map(\.specification.name))
            check(cloud.sinks)
            for name in own.intersection(common).sorted() {
                guard let sink = cloud.sinks.first(where: { $0.specification.name == name }) else { continue }
                problems.note(
                    "`\(name)` of \(cloud.name) is called like a sink of all clouds: give one of them a `name`",
                    at: sink.place)
            }
        }
    }
}

extension Topology {
    static let maximumSinks = 32
}

extension SinkSpecification {
    fileprivate init(in sink: Section) throws {
        let kind: Kind = sink.choice("kind", about: "what the collector speaks")
        let stated = sink.value("name", about: "tells the sinks of a cloud apart; without it the kind")
        let name = stated?.string() ?? kind.rawValue
        if let stated, !Self.isName(name) {
            stated.refuse("expected 1 to 32 lower-case letters, digits and hyphens, a letter first")
        }
        let level: EventLevel = sink.choice("level", default: .debug, about: "events below it are not sent")
        self.init(name: name, level: level, target: try Self.target(kind, in: sink))
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7a).contains(first), text.utf8.count <= 32 else { return false }
        return text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
    }

    private static func target(_ kind: Kind, in sink: Section) throws -> Target {
        switch kind {
        case .stdout: return .stdout
        case .stderr: return .stderr
        case .file:
            return .file(
                path: sink.path("path", about: "file: JSON lines go there"),
                rotate: sink.byteSize(
                    "rotate", in: 64 << 10...1 << 40, default: 64 << 20, about: "file: a larger one becomes `.1`"),
                keep: sink.int("keep", in: 0...1000, default: 3, about: "file: how many old ones stay"))
        case .syslog:
            let facility: SyslogFormat.Facility = sink.choice(
                "facility", default: .daemon, about: "syslog: its facility")
            let body: SyslogFormat.Body = sink.choice(
                "message", default: .text, about: "syslog: for people, or the event's JSON line")
            let address = try sink.parsed("address", about: "syslog: udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH")
            {
                try SinkAddress($0)
            }
            return .syslog(address, facility, body)
        case .journald:
            let socket = sink.optionalPath("socket", about: "journald: its socket; without it \(JournalFormat.socket)")
            return .journald(socket: socket ?? JournalFormat.socket)
        case .forward:
            let tag = sink.string("tag", default: "tributary", about: "forward: the tag of every event")
            if sink.has("tag"),
                tag.isEmpty || tag.utf8.count > 128 || !tag.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
            {
                sink.refuse("tag", "expected 1 to 128 letters, digits, dots and the like")
            }
            let mode: ForwardTarget.Mode = sink.choice(
                "mode", default: .packed, about: "forward: how events are put together")
            let acknowledges = sink.bool(
                "acknowledge", default: true, about: "forward: whether the collector says what it has")
            let key = sink.optionalPath(
                "shared-key", about: "forward: a file with the key on one line, closed to others")
            let address = try sink.parsed("address", about: "forward: tcp://HOST:PORT") {
                try SinkAddress($0, among: [.tcp])
            }
            return .forward(
                ForwardTarget(address: address, tag: tag, mode: mode, acknowledges: acknowledges, sharedKey: key))
        case .otlp:
            var signals: [OTLPTarget.Signal] = sink.list(
                "signals", count: 1...3, required: false, about: "otlp: what is sent; without it all"
            ) { $0.choice() }
            if signals.isEmpty { signals = OTLPTarget.Signal.allCases }
            return .otlp(
                try sink.parsed("address", about: "otlp: http://HOST[:4318][/PREFIX]") {
                    try OTLPTarget($0, signals: Set(signals).sorted())
                })
        }
    }
}
