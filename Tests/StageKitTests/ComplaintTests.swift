import Federation
import Foundation
import Monitoring
import Sodium
import StageKit
import Testing

@Suite("What peers bring into the audit trail")
@StageActor
struct ComplaintTests {
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
