import Federation
import StageKit

/// What has come of a sum that this cloud is asked to help to open: what the clouds signed, and their contributions. All of
/// it is unanswered until the cloud's share is in its journal.
struct SumToOpen: Sendable {
    struct Record: Sendable {
        let arrival: Arrival
        let contents: RoundRecord
        let contributions: [RecordedContribution]
    }

    private(set) var record: Record?
    private(set) var evidence: [CloudName: Arrival] = [:]
    /// Being looked at, or done with.
    var isTaken = false

    mutating func take(_ record: Record) { self.record = record }
    mutating func take(evidence arrival: Arrival) { evidence[arrival.offer.name.cloud] = arrival }

    /// The record, once the contributions of all other clouds in it are here.
    func complete(for cloud: CloudName) -> Record? {
        guard !isTaken, let record else { return nil }
        return record.contributions.allSatisfy { $0.cloud == cloud || evidence[$0.cloud] != nil } ? record : nil
    }

    /// By name: answers leave in this order, and a dictionary has another in each process.
    var unanswered: [Arrival] {
        (record.map { [$0.arrival] } ?? []) + evidence.sorted { $0.key < $1.key }.map(\.value)
    }
}
