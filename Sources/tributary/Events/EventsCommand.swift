internal import ArgumentParser
internal import Configuration
internal import Federation
internal import Glibc
internal import JSONText
internal import Monitoring
internal import Topology

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Prints the events of this host's stages as JSON lines, by time; made to be piped.",
        discussion:
            "Without --follow it prints what stages have kept and ends. docs/events.md lists events and their fields.")

    @OptionGroup var host: StagesOfHost
    @Flag(name: .shortAndLong, help: "Go on with what comes from now.")
    var follow = false
    @Option(help: "Leave out what is below: debug, info, warning, error.")
    var level: String?
    @Option(help: "Only this event (repeatable).")
    var event: [String] = []
    @Option(help: "Only what is about this round.")
    var round: UInt32?
    @Option(help: "Only what is newer: 10m, 2026-01-31T12:00:00Z, or now.")
    var since: String?
    @Option(help: "Only these members of each event, with commas: time,event,round.")
    var fields: String?

    func run() throws {
        let (topology, stages) = try host.load()
        let filter = try EventFilter(level: level, events: event, round: round, since: since, fields: fields)
        signal(SIGPIPE, SIG_IGN)
        let output = EventOutput()
        let folders = stages.map { topology.eventSpool(of: $0) }
        let watch = follow ? try FollowWait(folders) : nil
        var merge = SpoolMerge(folders)
        try merge.drain { line in try filter.shown(line).map(output.write) }
        guard let watch else { return }
        while true {
            try watch.wait()
            try merge.drain { line in try filter.shown(line).map(output.write) }
        }
    }
}

/// Which events are wanted, and which of their members.
struct EventFilter {
    private static let envelope = [
        "time", "level", "event", "version", "run", "cloud", "stage", "epoch", "sequence", "round", "trace",
    ]

    private let level: EventLevel
    private let events: Set<String>
    private let round: RoundNumber?
    /// As a line has it, so that lines are compared as they are.
    private let since: [UInt8]
    private let members: [String]

    init(level: String?, events: [String], round: UInt32?, since: String?, fields: String?) throws {
        guard let least = EventLevel(rawValue: level ?? "debug") else {
            throw LauncherError.arguments("--level: expected debug, info, warning or error, found \"\(level ?? "")\"")
        }
        self.level = least
        let names = Catalogue.kinds.map(\.name)
        for event in events where !names.contains(event) {
            throw LauncherError.arguments(
                "--event: there is no event \"\(event)\"\(Suggestion.hint(for: event, among: names))")
        }
        self.events = Set(events)
        self.round = round.map(RoundNumber.init)
        self.since = try since.map(Self.time) ?? []
        let known = Set(Self.envelope + Catalogue.kinds.flatMap { $0.fields.map(\.name) })
        members = fields.map { $0.split(separator: ",").map(String.init) } ?? []
        for member in members where !known.contains(member) {
            throw LauncherError.arguments(
                "--fields: no event has \"\(member)\"\(Suggestion.hint(for: member, among: known.sorted()))")
        }
    }

    /// A time as a person writes it.
    private static func time(_ text: String) throws -> [UInt8] {
        let now = Timestamp.nanoseconds()
        if text == "now" { return Timestamp.text(now) }
        if let ago = Quantity.duration(text) {
            let nanoseconds = UInt64(ago.inSeconds * 1e9)
            return Timestamp.text(now - min(now, nanoseconds))
        }
        // RFC 3339 in UTC with up to nine digits of a second, or none.
        if text.hasSuffix("Z") {
            let parts = text.dropLast().split(separator: ".", maxSplits: 1)
            let digits = parts.count > 1 ? String(parts[1]) : ""
            if let first = parts.first, digits.count <= 9 {
                let whole = "\(first).\(digits)\(String(repeating: "0", count: 9 - digits.count))Z"
                if let time = Timestamp.parse(whole) { return Timestamp.text(time) }
            }
        }
        throw LauncherError.arguments(
            "--since: expected how long ago (10m), a time in UTC (2026-01-31T12:00:00Z) or now, found \"\(text)\"")
    }

    /// What is to be printed of a line, with its end; nil where it is not wanted.
    func shown(_ line: ArraySlice<UInt8>) throws -> [UInt8]? {
        guard let time = EventGlance.time(line), let level = EventGlance.level(line), level >= self.level,
            since.isEmpty || !time.lexicographicallyPrecedes(since)
        else { return nil }
        if !events.isEmpty || round != nil {
            guard let event = Self.event(line), events.isEmpty || events.contains(event.name),
                round == nil || event.round == round
            else { return nil }
        }
        guard !members.isEmpty else { return line + [UInt8(ascii: "\n")] }
        guard case .object(let object) = try JSON(line) else { return nil }
        var parts: [String] = []
        for member in members {
            guard let value = object[member] else { continue }
            parts.append("\(JSON.quoted(member)):\(String(decoding: try value.encoded(.compact), as: UTF8.self))")
        }
        return Array("{\(parts.joined(separator: ","))}\n".utf8)
    }

    /// Nil for a line that is none of ours, as a loss of power can leave one.
    private static func event(_ line: ArraySlice<UInt8>) -> Event? {
        do { return try EventLine.event(line) } catch { return nil }
    }
}

/// Standard output, a line at a time. Who has read enough ends the command, and that is no failure.
struct EventOutput {
    func write(_ line: [UInt8]) throws {
        var written = 0
        while written < line.count {
            let count = line.withUnsafeBytes {
                Glibc.write(1, $0.baseAddress?.advanced(by: written), line.count - written)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { throw ExitCode.success }
            guard count >= 0 else { throw LauncherError.system("write") }
            written += count
        }
    }
}
