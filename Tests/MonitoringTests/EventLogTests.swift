import Monitoring
import Synchronization
import Testing

@Suite("What a stage tells")
struct EventLogTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[[UInt8]]>([])
        func take(_ line: [UInt8]) { lines.withLock { $0.append(line) } }
        var events: [Event] {
            get throws { try lines.withLock { $0 }.map { try EventLine.event($0.dropLast()) } }
        }
    }

    @Test("Events are numbered without a gap, whatever the audit trail alone keeps between them")
    func numbers() throws {
        for (level, names) in [
            (EventLevel.info, ["stage_ready", "round_joined", "stage_stopped"]),
            (.debug, ["stage_ready", "peer_joined", "round_joined", "peer_joined", "stage_stopped"]),
        ] {
            let lines = Lines()
            let log = try EventLog.ofEncrypt(level, write: lines.take)
            log.begin(epoch: 3)
            log.tell(.stageReady)
            log.tell(.peerJoined, [.peer: .text("west/ingest")])
            log.tell(.roundJoined, [.purpose: .text("update")])
            log.tell(.peerJoined, [.peer: .text("west/ingest")])
            log.tell(.stageStopped)
            let events = try lines.events
            #expect(events.map(\.name) == names)
            #expect(events.map(\.sequence) == Array(1...UInt64(names.count)))
        }
    }
}
