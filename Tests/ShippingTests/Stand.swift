import Collectors
import Federation
import Foundation
import Glibc
import JSONText
import Monitoring
import Shipping
import Sodium
import Synchronization
import Testing

/// Stages that tell events into spools, and a monitor that ships them.
final class Stand {
    let folder: String
    let cloud: CloudName
    let stages: [StageName]
    private(set) var logs: [StageName: EventLog] = [:]
    let notes = Notes()
    private(set) var monitor: Monitor?
    /// Every event that was told and kept.
    var told: [StageName: [Event]] { Dictionary(grouping: kept.all, by: \.stage) }
    private let kept = Kept()

    init(stages: [String] = ["encrypt", "local-train"], limit: Int = SpoolWriter.defaultLimit) throws {
        var template = Array("/tmp/tributary-sinks-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.folder = folder
        cloud = try CloudName("north")
        self.stages = try stages.map { try StageName("north/\($0)") }
        for stage in self.stages { try begin(stage, epoch: 1, limit: limit) }
    }

    deinit {
        _ = monitor?.stop(within: .zero)
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays behind: \(error)") }
    }

    func spool(_ stage: StageName) -> String { "\(folder)/\(stage.kind.rawValue)" }

    func metrics(_ stage: StageName) -> String { "\(folder)/\(stage.kind.rawValue).prom" }

    /// What the runtime of a stage does each second.
    func writeMetrics() throws {
        for stage in stages {
            guard let log = logs[stage] else { continue }
            log.meters.set(.processStart, to: 1_700_000_000)
            var exposition = Exposition()
            exposition.add(
                log.meters.readings(), labels: [("run", "demo"), ("cloud", "north"), ("stage", stage.kind.rawValue)])
            try Data(exposition.text.utf8).write(to: URL(filePath: metrics(stage)))
        }
    }

    func begin(_ stage: StageName, epoch: UInt64, limit: Int = SpoolWriter.defaultLimit) throws {
        let log = EventLog(stage: stage, run: try RunName("demo"), level: .debug) { _ in }
        log.begin(epoch: epoch, spool: try SpoolWriter(folder: spool(stage), limit: limit))
        let kept = self.kept
        log.follow { kept.add($0) }
        logs[stage] = log
    }

    /// Characters that formats have rules about.
    static let awkward = "quote \" backslash \\ bracket ] end\nof line\ttab ümlaut 漢字 = %s {json}"

    /// So many events of each stage, of several kinds, levels and rounds.
    func tell(_ count: Int) {
        for number in 0..<count {
            for stage in stages {
                guard let log = logs[stage] else { continue }
                let round = RoundNumber(UInt32(1 + number / 50))
                if number % 50 == 0 { log.enter(round, opening: Digest(of: [UInt8(round.value & 0xff)])) }
                switch number % 5 {
                case 0:
                    log.tell(
                        .contributionSealed, round: round,
                        [
                            .purpose: .text("update"), .values: .number(33_120), .bytes: .number(1_000_000 + number),
                            .clipped: .number(0), .quantiseSeconds: .real(0.25), .sealSeconds: .real(1.5),
                        ])
                case 1:
                    log.tell(
                        .messageRefused,
                        [.from: .text("south/encrypt"), .kind: .text("offer"), .reason: .text(Stand.awkward)])
                case 2: log.tell(.hubConnected, [.hub: .text("coordinator/aggregate")])
                case 3:
                    log.tell(
                        .roundClosed, round: round,
                        [.cohort: .list([.text("north"), .text("south")]), .gatherSeconds: .real(2)])
                default: log.tell(.stageFailed, [.reason: .text("a failure of round \(round.value)")])
                }
            }
        }
    }

    func ship(_ sinks: [SinkSpecification]) throws {
        let notes = self.notes
        let monitor = try Monitor(
            federation: "trial",
            clouds: [
                Monitor.Cloud(
                    name: cloud, sinks: sinks,
                    stages: stages.map { Monitor.Stage(name: $0, spool: spool($0), metrics: metrics($0)) })
            ],
            folder: "\(folder)/monitor"
        ) { notes.add($0) }
        try monitor.start()
        self.monitor = monitor
    }

    /// Ends the monitor as it should, with time for what is left.
    func stopMonitor(within time: Duration = .seconds(60)) {
        #expect(monitor?.stop(within: time) == true, "\(notes.all)")
        monitor = nil
    }

    func reading(_ meter: Meter, _ sink: String) -> Double {
        guard case .value(let value)? = monitor?.meters[cloud]?.readings()[Meters.Series(meter, [sink])] else {
            return .nan
        }
        return value
    }

    // MARK: What must hold

    /// Who told an event, and as which.
    struct Mark: Hashable {
        let stage: String
        let epoch: Int
        let sequence: Int
    }

    var marks: Set<Mark> {
        Set(told.flatMap { stage, events in events.map { Mark($0) } })
    }

    /// Every event has come, and those of each stage in their order; what came again came whole.
    ///
    /// - Returns: how many came twice.
    @discardableResult
    func expectAll(
        _ received: [Mark], among events: Set<Mark>? = nil, location: SourceLocation = #_sourceLocation
    ) -> Int {
        let wanted = events ?? marks
        let unique = Set(received)
        #expect(unique == wanted, "\(unique.count) of \(wanted.count)", sourceLocation: location)
        var seen: Set<Mark> = []
        var newest: [String: (Int, Int)] = [:]
        for mark in received where seen.insert(mark).inserted {
            if let last = newest[mark.stage] {
                #expect(last < (mark.epoch, mark.sequence), sourceLocation: location)
            }
            newest[mark.stage] = (mark.epoch, mark.sequence)
        }
        return received.count - unique.count
    }
}

extension Stand.Mark {
    init(_ event: Event) {
        self.init(stage: event.stage.kind.rawValue, epoch: Int(event.epoch), sequence: Int(event.sequence))
    }

    /// Of an object that has the envelope's parts as members, numbers or texts.
    init?(_ object: [String: JSON]) {
        guard case .string(let stage)? = object["stage"], let epoch = object["epoch"]?.whole,
            let sequence = object["sequence"]?.whole
        else { return nil }
        self.init(stage: stage, epoch: epoch, sequence: sequence)
    }
}

/// Events as they were told.
final class Kept: Sendable {
    private let events = Mutex<[Event]>([])
    var all: [Event] { events.withLock { $0 } }

    func add(_ line: [UInt8]) {
        do {
            var reader = EventReader()
            let event = try reader.event(line.dropLast())
            events.withLock { $0.append(event) }
        } catch { Issue.record("\(error)") }
    }
}

/// What a monitor has said.
final class Notes: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
