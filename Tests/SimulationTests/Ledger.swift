import Federation
import Foundation
import Sodium
import Monitoring
import StageKit

/// What a simulated federation was seen to do: a digest of all that happened, the trace of it where one is wanted, every offer
/// that was made, and what must not be.
///
/// `@unchecked Sendable`: like the federation, it is touched on `StageActor` alone.
final class Ledger: @unchecked Sendable {
    let isTraced: Bool
    private(set) var trace: [String] = []
    /// FNV-1a over all that happened, in 64-bit words.
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Grows with everything that a stage does.
    var activity = 0
    private(set) var violations: [String] = []
    /// Where processes died, and how often.
    private(set) var deaths: [String: Int] = [:]
    /// Events of level error that stages logged, by name.
    private(set) var errors: [String: Int] = [:]
    /// Clouds that have told that they were left out of a round, and why.
    private(set) var leftOut: [RoundNumber: Set<CloudName>] = [:]
    /// A cloud was away when its round ended, and could not know what it had left out.
    private(set) var hasDroppedResiduals = false
    /// What clouds have trained for which rounds, where that is listened to, and what of it they have let go.
    private(set) var trained: Set<RecentUpdates.Part> = []
    private(set) var letGo: [RecentUpdates.Part: String] = [:]
    private var seen: Set<[UInt8]> = []
    /// What each stage has offered under each name.
    private(set) var offered: [StageName: [TransferName: Digest]] = [:]

    private(set) var published = PublishedRounds()
    /// How ingest has shared out a cloud's records, the newest first to last.
    private(set) var placed: [CloudName: WorkerPartition] = [:]
    private(set) var placements: [CloudName: [WorkerPartition]] = [:]
    /// What workers have trained over, and over what those were trained that encrypt has sealed.
    private var trainedOver: [TransferName: WorkerPartition] = [:]
    private var sealedOver: [RoundNumber: [CloudName: WorkerPartition]] = [:]
    /// What each worker took, in milliseconds.
    private(set) var took: [RoundNumber: [StageName: Int]] = [:]

    init(isTraced: Bool) { self.isTraced = isTraced }

    func note(time: Int, _ process: Int, _ detail: Int, _ stage: StageName?, _ what: () -> String) {
        for word in [time, process, detail] {
            digest = (digest ^ UInt64(bitPattern: Int64(word))) &* 0x0000_0100_0000_01b3
        }
        guard isTraced else { return }
        trace.append("\(seconds(time)) \(stage.map { "\($0) " } ?? "")\(what())")
    }

    private func seconds(_ time: Int) -> String {
        let digits = String(time % 1_000_000)
        return "\(time / 1_000_000).\(String(repeating: "0", count: 6 - digits.count))\(digits)"
    }

    func died(_ place: String) { deaths[place, default: 0] += 1 }

    func violate(_ text: String) {
        violations.append(text)
        if isTraced { trace.append("VIOLATION \(text)") }
    }

    /// Stages' errors are remembered; in a trace stands everything that they log.
    ///
    /// - Parameter isHeard: what a stage merely tells is listened to as well.
    func log(of stage: StageName, run: RunName, isHeard: Bool = false) -> EventLog {
        EventLog(stage: stage, run: run, level: isTraced || isHeard ? .info : .warning) { [self] bytes in
            let line = String(decoding: bytes, as: UTF8.self)
            if line.contains("\"event\":\"left_out\""), let round = UInt32(Ledger.number("round", of: line)) {
                leftOut[RoundNumber(round), default: []].insert(stage.cloud)
            }
            if line.contains("\"level\":\"error\"") {
                errors["\(stage.kind) \(Ledger.field("event", of: line))", default: 0] += 1
            }
            if line.contains("\"event\":\"residual_dropped\"") { hasDroppedResiduals = true }
            if line.contains("\"event\":\"round_trained\""), let round = UInt32(Ledger.number("round", of: line)) {
                trained.insert(.init(cloud: stage.cloud, base: RoundNumber(round)))
            }
            if line.contains("\"event\":\"update_dropped\""), let base = UInt32(Ledger.number("base", of: line)) {
                letGo[.init(cloud: stage.cloud, base: RoundNumber(base))] = Ledger.field("reason", of: line)
            }
            guard isTraced else { return }
            let shown = line.split(separator: "\"event\":").last.map(String.init) ?? line
            trace.append("    \(stage) logs \(shown.dropLast(2))")
        }
    }

    static func field(_ name: String, of line: String) -> String {
        guard let start = line.range(of: "\"\(name)\":\"") else { return "" }
        return String(line[start.upperBound...].prefix { $0 != "\"" })
    }

    private static func number(_ name: String, of line: String) -> String {
        guard let start = line.range(of: "\"\(name)\":") else { return "" }
        return String(line[start.upperBound...].prefix { $0.isNumber })
    }

    // MARK: What is said

    /// A transaction of publish's journal is done.
    func look(into journal: Journal, of publish: StageName, key: any SignatureVerifier) {
        do { try published.look(into: journal, of: publish, key: key) } catch {
            violate("publish's journal cannot be read: \(error)")
        }
    }

    /// Over which partitions the clouds' vectors in a round's sum were trained.
    func partitions(in round: RoundNumber) -> [CloudName: WorkerPartition] {
        var partitions: [CloudName: WorkerPartition] = [:]
        for (name, partition) in trainedOver where name.round == round {
            if partition.number >= partitions[name.cloud]?.number ?? 0 { partitions[name.cloud] = partition }
        }
        return partitions.merging(sealedOver[round] ?? [:]) { $1 }
    }

    private func look(at offer: Offer, of stage: StageName) {
        do {
            switch offer.name.kind {
            case .shard:
                guard let partition = try ShardAbout(offer.about).partition,
                    placed[offer.name.cloud]?.number ?? 0 < partition.number
                else { return }
                placed[offer.name.cloud] = partition
                placements[offer.name.cloud, default: []].append(partition)
            case .vector:
                let about = try VectorAbout(offer.about)
                trainedOver[offer.name] = about.partition
                took[offer.name.round, default: [:]][stage] = about.trained.map(Int.init)
            default: break
            }
        } catch { violate("what \(stage) says of \(offer.name) cannot be read: \(error)") }
    }

    func take(_ message: WireMessage, at stage: StageName) {
        if message.kind == .receipt, stage.kind == .encrypt, !trainedOver.isEmpty, let receipt = receipt(message),
            receipt.outcome == .durable, let partition = trainedOver[receipt.name]
        {
            sealedOver[receipt.name.round, default: [:]][receipt.name.cloud] = partition
        }
        guard message.kind == .offer, seen.insert(message.document).inserted, let offer = offer(message) else { return }
        look(at: offer, of: stage)
        let known = offered[stage, default: [:]].updateValue(offer.digest, forKey: offer.name)
        guard let known, known != offer.digest else { return }
        violate("\(stage) offered \(offer.name) with two contents")
    }

    func offer(_ message: WireMessage) -> Offer? {
        do { return try Offer(decodeDocument(message.document)) } catch {
            violate("an offer that nobody can read: \(error)")
            return nil
        }
    }

    func receipt(_ message: WireMessage) -> Receipt? {
        do { return try Receipt(decodeDocument(message.document)) } catch {
            violate("a receipt that nobody can read: \(error)")
            return nil
        }
    }
}

extension WireMessage {
    /// For a trace.
    var shortText: String {
        switch kind {
        case .offer:
            do { return "offer \(try Offer(decodeDocument(document)).name)" } catch { return "offer" }
        case .receipt:
            do {
                let receipt = try Receipt(decodeDocument(document))
                return "receipt \(receipt.name) \(receipt.outcome.rawValue) \(receipt.reason)"
            } catch { return "receipt" }
        case .want, .chunk: return "\(kind.rawValue) \(transfer?.description ?? "") \(first)..<\(end)"
        case .appointment: return "appointment"
        case .opening:
            do { return "opening \(try Opening(decodeDocument(document)).round) seq \(sequence)" } catch {
                return "opening"
            }
        case .release:
            do { return "release \(try Release(decodeDocument(document)).round) seq \(sequence)" } catch {
                return "release"
            }
        case .abandonment:
            do { return "abandonment \(try Abandonment(decodeDocument(document)).round) seq \(sequence)" } catch {
                return "abandonment"
            }
        case .beat: return "beat epoch \(epoch) seq \(sequence)"
        case .hello, .heard: return kind.rawValue
        }
    }

    /// Kind and length, for the digest of a trace: the same in every process, whatever its keys are.
    var code: Int {
        let index = MessageKind.allCases.firstIndex(of: kind) ?? 0
        return index << 32 | document.count << 8 | (bulk.count & 255)
    }
}

extension PostEvent {
    /// Whether a stage may begin work at it that its context does not count.
    var mayBegin: Bool {
        guard case .message(let message) = self else { return false }
        return message.kind == .offer || message.kind == .chunk
    }

    var shortName: String {
        switch self {
        case .message(let message): message.kind.rawValue
        case .tick: "tick"
        case .joined: "joined"
        case .connected: "connected"
        case .disconnected: "disconnected"
        case .left: "left"
        default: "other"
        }
    }
}
