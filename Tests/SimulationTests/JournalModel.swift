import Federation
import Foundation
import MessagePack
import SeededRandom
import Sodium
import StageKit

/// A real journal and what it should hold after each of its transactions.
final class JournalModel {
    struct State {
        /// Digests of the payloads that are to be sent, and of those that are held.
        var sending: [TransferName: Digest] = [:]
        var held: [TransferName: Digest] = [:]
    }

    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    let folder: String
    let journal: Journal
    private let key: SigningKey
    private let sender: StageName
    private let receiver: StageName
    /// After so many transactions.
    private(set) var states = [State()]
    private(set) var synced = 0
    private var names = 0
    private var random: SimulatedRandom

    init(folder: String, seed: UInt64) throws {
        self.folder = folder
        journal = try Journal(directory: folder)
        key = try SigningKey(seed: .random(count: 32))
        sender = try StageName("north/encrypt")
        receiver = try StageName("office/aggregate")
        random = SimulatedRandom(seed: seed)
        try journal.write { try $0.setFact("step", [0]) }
    }

    var step: Int { states.count - 1 }

    /// One transaction more.
    /// - Parameters:
    ///   - isSynced: nil for either.
    ///   - syncsFiles: false is a mistake, to be noticed.
    func advance(isSynced: Bool? = nil, largest: Int = 300_000, syncsFiles: Bool = true) throws {
        let isSynced = isSynced ?? random.isOne(in: 2)
        var state = states[step]
        let number = step + 1
        func body(_ entry: JournalEntry) throws {
            try entry.setFact("step", Array("\(number)".utf8))
        }
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1:
            let departure = try departure(largest, syncsFiles)
            state.sending[departure.offer.content.name] = departure.offer.content.digest
            // A payload of its own is synced before anything names it; what names it may be noted.
            try transact(isSynced) {
                try body($0)
                try $0.insert(departure)
            }
        case 2:
            let departure = try departure(largest, syncsFiles)
            let arrival = Arrival(
                offer: departure.offer.content, offerBytes: departure.offer.bytes,
                signature: departure.offer.signature.bytes, peer: sender, payload: departure.payload)
            state.held[arrival.offer.name] = arrival.offer.digest
            try transact(isSynced) {
                try body($0)
                try $0.insert(arrival)
            }
        case 3:
            let name = state.sending.keys.sorted { $0.description < $1.description }.randomElement(using: &random)
            if let name { state.sending[name] = nil }
            try transact(isSynced) {
                try body($0)
                if let name { try $0.settleDeparture(name, to: receiver, as: "durable", reason: "") }
            }
        default:
            let name = state.held.keys.sorted { $0.description < $1.description }.randomElement(using: &random)
            if let name { state.held[name] = nil }
            try transact(isSynced) {
                try body($0)
                if let name { try $0.settle(name) }
            }
        }
        states.append(state)
        if isSynced { synced = step }
    }

    private func transact(_ isSynced: Bool, _ body: (JournalEntry) throws -> Void) throws {
        if isSynced { try journal.write(body) } else { try journal.note(body) }
    }

    private func departure(_ largest: Int, _ syncsFiles: Bool) throws -> Departure {
        names += 1
        let sizes = [10, 5_000, 200_000, 300_000].filter { $0 <= largest }
        let count = sizes[Int.random(in: 0..<sizes.count, using: &random)]
        let writer = PayloadWriter(path: "\(journal.spool)/file-\(names)", isSynced: syncsFiles)
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ names) }
        try bytes.withUnsafeBytes(writer.append)
        let (payload, digest) = try writer.finish()
        let offer = Offer(
            name: TransferName(
                run: try RunName("run"), kind: .contribution, round: RoundNumber(UInt32(names)), cloud: sender.cloud),
            maker: sender, byteCount: count, digest: digest, about: .none)
        return Departure(offer: Signed(offer, by: key), receiver: receiver, payload: payload)
    }

    /// Opens what is left in a folder, holds it to what this journal was told, and goes on with it. Answers how many
    /// transactions were left.
    @discardableResult
    func check(_ folder: String) throws -> Int {
        let journal = try Journal(directory: folder)
        try journal.sweep()
        let found: (step: Int, sending: [Departure], held: [Arrival]) = try journal.read { entry in
            (
                Int(String(decoding: try entry.fact("step") ?? [], as: UTF8.self)) ?? 0,
                try entry.sending(verifiedBy: key.verifyingKey, of: sender), try entry.held()
            )
        }
        guard (synced...step).contains(found.step) else {
            throw Fault(description: "\(found.step) transactions are left, \(synced) of \(step) were synced")
        }
        let expected = states[found.step]
        guard Set(found.sending.map(\.offer.content.name)) == Set(expected.sending.keys),
            Set(found.held.map(\.offer.name)) == Set(expected.held.keys)
        else { throw Fault(description: "after \(found.step) transactions other transfers stand there") }
        for departure in found.sending {
            try check(departure.payload, expected.sending[departure.offer.content.name])
        }
        for arrival in found.held { try check(arrival.payload, expected.held[arrival.offer.name]) }
        try journal.write { try $0.setFact("after", [1]) }
        try journal.close()
        return found.step
    }

    private func check(_ payload: Payload, _ digest: Digest?) throws {
        let bytes: [UInt8]
        do { bytes = try payload.read() } catch { throw Fault(description: "a payload is gone: \(error)") }
        guard Digest(ofContent: bytes) == digest else { throw Fault(description: "a payload is not what was signed") }
    }
}
