import Federation
import Foundation
import Monitoring
import Sodium
import StageKit
import Synchronization
import Testing

@Suite("What peers bring into the audit trail")
@StageActor
struct ComplaintTests {
    @Test("Refused handshakes are counted by peer and reason, those too that the log holds back")
    func handshakes() throws {
        let lines = Mutex(0)
        let log = EventLog(stage: try StageName("office/aggregate"), run: try RunName("run"), level: .info) { _ in
            lines.withLock { $0 += 1 }
        }
        let complaints = Complaints(log)
        for number in 0..<100 {
            complaints.refusedHandshake(
                ofStranger: "10.0.0.1", number < 70 ? .unknownKey : .revokedKey, "key \(number) is not welcome")
        }
        complaints.refusedHandshake(by: try StageName("office/publish"), .notAdmitted, "it does not admit this key")
        let readings = log.meters.readings()
        #expect(readings[.init(.handshakeFailures, ["stranger", "unknown_key"])] == .value(70))
        #expect(readings[.init(.handshakeFailures, ["stranger", "revoked_key"])] == .value(30))
        #expect(readings[.init(.handshakeFailures, ["office/publish", "not_admitted"])] == .value(1))
        #expect(lines.withLock { $0 } < 100)
    }

    @Test("Who comes and goes all day does not fill it; the others are told of all the same")
    func joins() throws {
        let folder = try Folder()
        let path = "\(folder.path)/audit.jsonl"
        let log = EventLog(
            stage: try StageName("office/aggregate"), run: try RunName("run"), level: .error, write: { _ in })
        log.begin(epoch: 1, trail: try AuditTrail(path: path, key: SigningKey(seed: .random(count: 32))))
        let complaints = Complaints(log)
        let (north, west) = (try StageName("north/encrypt"), try StageName("west/encrypt"))
        func entries(of stage: StageName) -> Int {
            let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return text.split(separator: "\n").count { $0.contains("peer_joined") && $0.contains("\(stage)") }
        }
        let began = ContinuousClock.now
        for _ in 0..<6 { complaints.joined(north) }
        #expect(entries(of: north) == 6)
        for _ in 0..<10_000 { complaints.joined(north) }
        complaints.joined(west)
        let minutes = Int(began.duration(to: .now) / .seconds(60))
        #expect((6...6 * (1 + minutes)).contains(entries(of: north)))
        #expect(entries(of: west) == 1)
    }
}
