import Aggregation
import Federation
import StageKit

/// What publish has of a round that it is to open: aggregate's record and sum, and what clouds sent to help. A value; it
/// knows no key and no clock.
struct RoundClosing: Sendable {
    /// As it was given, unanswered until the round has ended; and what the clouds signed.
    private(set) var record: (arrival: Arrival, contents: RoundRecord)?
    /// In the journal.
    private(set) var sum: Arrival?
    /// Clouds' shares of the opening, unanswered until the round has ended.
    private(set) var shares: [CloudName: Arrival] = [:]

    mutating func take(record arrival: Arrival, _ contents: RoundRecord) { record = (arrival, contents) }
    mutating func take(sum arrival: Arrival) { sum = arrival }
    mutating func take(share arrival: Arrival) { shares[arrival.offer.name.cloud] = arrival }

    /// Clouds whose share was wrong.
    private(set) var refused: Set<CloudName> = []

    mutating func refuse(shareOf cloud: CloudName) {
        shares[cloud] = nil
        refused.insert(cloud)
    }

    /// What is there to be opened, once aggregate has said all.
    var closed: (sum: Arrival, record: RoundRecord)? {
        guard let sum, let record else { return nil }
        return (sum, record.contents)
    }

    /// Everything that waits for an answer, by name: a dictionary's order is another in each process.
    var unanswered: [Arrival] {
        (record.map { [$0.arrival] } ?? []) + shares.sorted { $0.key < $1.key }.map(\.value)
    }
}
