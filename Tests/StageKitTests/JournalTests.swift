import Federation
import Foundation
import MessagePack
import Sodium
import StageKit
import Testing

@Suite("The journal")
struct JournalTests {
    private let key: SigningKey
    private let sender: StageName
    private let receiver: StageName

    init() throws {
        key = try SigningKey(seed: .random(count: 32))
        sender = try StageName("north/encrypt")
        receiver = try StageName("office/aggregate")
    }

    private func departure(_ payload: Payload, round: UInt32 = 1, to receiver: StageName? = nil) throws -> Departure {
        let offer = Offer(
            name: TransferName(
                run: try RunName("run"), kind: .contribution, round: RoundNumber(round), cloud: sender.cloud),
            maker: sender, byteCount: payload.count, digest: Digest(ofContent: try payload.read()), about: .none)
        return Departure(offer: Signed(offer, by: key), receiver: receiver ?? self.receiver, payload: payload)
    }

    private func file(_ name: String, in journal: Journal) throws -> Payload {
        let file = try SpoolFile(creating: "\(journal.spool)/\(name)")
        try file.append([UInt8](repeating: 7, count: Payload.inlineLimit + 1))
        try file.sync()
        return .file(path: file.path, count: file.count)
    }

    private func sending(_ journal: Journal) throws -> [Departure] {
        try journal.read { try $0.sending(verifiedBy: key.verifyingKey, of: sender) }
    }

    @Test("Another process finds what was written, and nothing of what was not finished")
    func durable() throws {
        let folder = try Folder()
        struct Stop: Error {}
        do {
            let journal = try Journal(directory: folder.path)
            try journal.write { try $0.insert(departure(.bytes([1, 2, 3]))) }
            #expect(throws: Stop.self) {
                try journal.write {
                    try $0.insert(departure(.bytes([4]), round: 2))
                    throw Stop()
                }
            }
            // No close: a kill does not close either.
        }
        let found = try sending(try Journal(directory: folder.path))
        #expect(found.count == 1)
        #expect(try found.first?.payload.read() == [1, 2, 3])
    }

    @Test("A departure whose signature is not ours is not sent")
    func forged() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        try journal.write { try $0.insert(departure(.bytes([1]))) }
        #expect(try sending(journal).count == 1)
        let other = try SigningKey(seed: .random(count: 32)).verifyingKey
        #expect(throws: FederationError.self) { try journal.read { try $0.sending(verifiedBy: other, of: sender) } }
    }

    @Test("A settled departure is not sent again; its spool file goes when the last receiver has it")
    func settled() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        let payload = try file("out-1", in: journal)
        let second = try StageName("office/publish")
        try journal.write {
            try $0.insert(departure(payload))
            try $0.insert(departure(payload, to: second))
        }
        let name = try departure(payload).offer.content.name
        #expect(try FileManager.default.contentsOfDirectory(atPath: journal.spool) == ["out-1"])
        try journal.write { try $0.settleDeparture(name, to: receiver, as: "durable", reason: "") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: journal.spool) == ["out-1"])
        #expect(try sending(journal).map(\.receiver) == [second])
        try journal.write { try $0.settleDeparture(name, to: second, as: "durable", reason: "") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: journal.spool) == [])
        #expect(try sending(journal).isEmpty)
        #expect(try journal.read { try $0.hasDeparture(name) })
    }

    @Test("A spool file that no row names is swept, one that is named stays")
    func sweep() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        let kept = try file("kept", in: journal)
        _ = try file("orphan", in: journal)
        try journal.write { try $0.insert(departure(kept)) }
        try journal.sweep()
        #expect(try FileManager.default.contentsOfDirectory(atPath: journal.spool) == ["kept"])
        #expect(try sending(journal).first?.payload.read().count == kept.count)
    }

    @Test("An arrival is held until it is used; its name stays spent, its bytes do not stay")
    func arrivals() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        let made = try departure(.bytes([5, 6]))
        let arrival = Arrival(
            offer: made.offer.content, offerBytes: made.offer.bytes, signature: made.offer.signature.bytes,
            peer: sender,
            payload: .bytes([5, 6]))
        let name = arrival.offer.name
        #expect(try journal.read { try $0.arrivalState(name) } == nil)
        try journal.write { try $0.insert(arrival) }
        #expect(try journal.read { try $0.held() }.first?.payload.read() == [5, 6])
        #expect(throws: (any Error).self) { try journal.write { try $0.insert(arrival) } }
        try journal.write { try $0.settle(name, as: .refused, reason: "too late") }
        #expect(try journal.read { try $0.held() }.isEmpty)
        let state = try #require(try journal.read { try $0.arrivalState(name) })
        #expect(state.state == .refused)
        #expect(state.reason == "too late")
        #expect(state.digest == arrival.offer.digest)
    }

    @Test(
        "What was settled in rounds long over is forgotten, its names stay spent; what is wanted and what is held stay")
    func forgets() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        func name(_ kind: TransferKind, _ round: UInt32) throws -> TransferName {
            TransferName(run: try RunName("run"), kind: kind, round: RoundNumber(round), cloud: sender.cloud)
        }
        func arrival(_ kind: TransferKind, _ round: UInt32) throws -> Arrival {
            let offer = Offer(
                name: try name(kind, round), maker: sender, byteCount: 1, digest: Digest(ofContent: [1]), about: .none)
            let signed = Signed(offer, by: key)
            return Arrival(
                offer: offer, offerBytes: signed.bytes, signature: signed.signature.bytes, peer: sender,
                payload: .bytes([1]))
        }
        try journal.write { entry in
            for round in 1...20 as ClosedRange<UInt32> {
                try entry.spend(arrival(.contribution, round))
                let sent = try departure(.bytes([3]), round: round)
                try entry.insert(sent)
                if round != 2 {
                    try entry.settleDeparture(sent.offer.content.name, to: receiver, as: "durable", reason: "")
                }
            }
            try entry.insert(arrival(.adapter, 3))
            try entry.spend(arrival(.shard, 0))
        }
        func isForgotten(_ name: TransferName) throws -> Bool { try journal.read { try $0.isForgotten(name) } }
        func isKnown(_ name: TransferName) throws -> Bool { try journal.read { try $0.arrivalState(name) != nil } }
        func forget(before round: UInt32) throws {
            try journal.note { try $0.forgetRounds(before: RoundNumber(round)) }
        }
        try forget(before: 4)
        #expect(try isKnown(name(.contribution, 1)))
        #expect(try !isForgotten(name(.contribution, 1)))
        try forget(before: 20)
        // Never back.
        try forget(before: 10)
        for round in 1...20 as ClosedRange<UInt32> {
            let old = try name(.contribution, round)
            #expect(try isKnown(old) == (round > 16))
            #expect(try isForgotten(old) == (round <= 16))
            let state = try journal.read { try $0.departureState(old, to: receiver) }
            #expect(state == (round > 16 ? "durable" : round == 2 ? "sending" : nil))
        }
        let adapters = try journal.read { try $0.held(.adapter).count }
        #expect(adapters == 1)
        #expect(try !isForgotten(name(.adapter, 3)))
        #expect(try isKnown(name(.shard, 0)))
        #expect(try !isForgotten(name(.shard, 0)))
        #expect(try sending(journal).map(\.offer.content.name) == [name(.contribution, 2)])
    }

    @Test("A journal that is no database is an error with its place, not a new beginning")
    func spoiled() throws {
        let folder = try Folder()
        try Journal(directory: folder.path).close()
        let path = "\(folder.path)/journal.sqlite"
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
        #expect(throws: (any Error).self) { try Journal(directory: folder.path) }
    }
}
