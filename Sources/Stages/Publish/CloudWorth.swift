import Federation
import StageKit

/// What publish has learned of the clouds for their weights: a loss as the cloud signed it, and the time on the way as aggregate
/// measured it.
struct CloudWorth: Sendable, Equatable {
    private(set) var losses: [CloudName: UInt32] = [:]
    private(set) var transfers: [CloudName: UInt32] = [:]

    static let fact = "worth"

    /// Of the newest scores on the validation split: who has told nothing in them has told nothing.
    mutating func take(losses told: [RecordedContribution]) {
        losses = Dictionary(
            told.compactMap { part in part.about.loss.map { (part.cloud, $0) } }, uniquingKeysWith: { $1 })
    }

    mutating func take(transfersOf parts: [SumAbout.Part]) {
        for part in parts { if let transfer = part.transfer { transfers[part.cloud] = transfer } }
    }

    func input(_ cloud: CloudName, records: UInt32) -> Weighting.Input {
        .init(cloud: cloud, records: records, loss: losses[cloud], transfer: transfers[cloud])
    }

    /// A line for each cloud: its name, loss and time, 0 for what is not known.
    var encoded: [UInt8] {
        let lines = Set(losses.keys).union(transfers.keys).sorted().map {
            "\($0) \(losses[$0] ?? 0) \(transfers[$0] ?? 0)"
        }
        return Array(lines.joined(separator: "\n").utf8)
    }

    init() {}

    init(encoded: [UInt8]) throws {
        for line in String(decoding: encoded, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 3, let loss = UInt32(parts[1]), let transfer = UInt32(parts[2]) else {
                throw StageError.journal("the journal's note of the clouds' worth is damaged")
            }
            let cloud = try CloudName(String(parts[0]))
            if loss > 0 { losses[cloud] = loss }
            if transfer > 0 { transfers[cloud] = transfer }
        }
    }
}
