import Federation
import Foundation
import Monitoring
import Sodium
import Testing

@Suite("Audit trail")
final class AuditTrailTests {
    private let path = NSTemporaryDirectory() + "audit-" + UUID().uuidString
    private let stage: StageName
    private let key: SigningKey

    init() throws {
        stage = try StageName("north/encrypt")
        key = try SigningKey(seed: try SecretBytes.random(count: SigningKey.seedByteCount))
    }

    deinit { unlink(path) }

    /// Writes as a stage does that is started twice.
    private func write() throws {
        for epoch in 1...2 {
            let log = try EventLog.ofEncrypt(.error, write: { _ in })
            log.begin(epoch: UInt64(epoch), trail: try AuditTrail(path: path, key: key))
            log.tell(.stageStarted, [.card: .text("x"), .process: .number(1)])
            log.tell(.stageReady)
            for round in 1...2 {
                log.tell(
                    .contributionSealed, round: RoundNumber(UInt32(round)), [.digest: .text("contribution \(round)")])
            }
        }
    }

    private func read(keys: [VerifyingKey]? = nil) throws -> AuditReading {
        try AuditReading(of: stage, at: path, keys: keys ?? [key.verifyingKey])
    }

    private func spoil(_ body: (inout [String]) -> Void) throws {
        var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        body(&lines)
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test("What is audited is written whatever is logged, signed and chained over restarts; what is not is left out")
    func writes() throws {
        try write()
        let trail = try read()
        #expect(trail.isSound && trail.entries.map(\.number) == Array(1...6))
        #expect(trail.entries.map(\.event.name).filter { $0 == "stage_ready" }.isEmpty)
        #expect(trail.entries.map(\.event.epoch) == [1, 1, 1, 2, 2, 2])
        #expect(trail.entries[1].event.fields[.digest] == .text("contribution 1"))
    }

    @Test(
        "A changed, dropped, doubled, moved or forged entry is found, and where",
        arguments: [
            "changed", "dropped", "doubled", "moved", "first dropped", "signature", "torn", "another's",
        ])
    func findsFaults(_ kind: String) throws {
        try write()
        #expect(try read().isSound)
        try spoil { lines in
            switch kind {
            case "changed": lines[2] = lines[2].replacingOccurrences(of: "contribution 2", with: "contribution 9")
            case "dropped": lines.remove(at: 2)
            case "doubled": lines.insert(lines[2], at: 2)
            case "moved": lines.swapAt(1, 2)
            case "first dropped": lines.removeFirst()
            case "signature": lines[2] = String(lines[2].dropLast(6)) + "0000\"}"
            case "torn": lines[2] = String(lines[2].prefix(100))
            default: break
            }
        }
        let trail =
            try kind == "another's"
            ? AuditReading(of: StageName("south/encrypt"), at: path, keys: [key.verifyingKey]) : read()
        #expect(!trail.isSound)
        if kind == "changed" {
            #expect(trail.findings.first == .init(line: 3, fault: .wrongSignature))
        }
    }

    @Test("An entry signed with a key that is not the stage's is named; one that the stage had before is believed")
    func keys() throws {
        try write()
        let other = try SigningKey(seed: try SecretBytes.random(count: SigningKey.seedByteCount))
        #expect(try !read(keys: [other.verifyingKey]).isSound)
        #expect(try read(keys: [other.verifyingKey, key.verifyingKey]).isSound)
    }

    @Test("A trail whose end a loss of power has cut goes on, and tells of the cut line")
    func goesOn() throws {
        try write()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try String(text.dropLast(40)).write(toFile: path, atomically: true, encoding: .utf8)
        let log = try EventLog.ofEncrypt(.error, write: { _ in })
        log.begin(epoch: 3, trail: try AuditTrail(path: path, key: key))
        log.tell(.stageStarted, [.process: .number(1)])
        let trail = try read()
        #expect(trail.findings.count == 1 && trail.findings[0].line == 6)
        #expect(trail.entries.map(\.number) == Array(1...6) && trail.entries.last?.event.epoch == 3)
    }
}
