import Aggregation
import Encryption
import Federation
import Sodium
import StageKit

/// A cloud's own look at a sum before it helps to open it: whatever aggregate says, it is the product of the contributions that
/// the clouds of one cohort signed, this cloud's among them, and each maker knew what it put in (docs/threat-model.md).
struct SumCheck: Sendable {
    let opening: Signed<Opening>
    let scheme: RoundScheme
    let cloud: CloudName
    /// This cloud's own contribution as it left.
    let own: Departure
    let record: SumToOpen.Record
    let evidence: [CloudName: Arrival]

    /// The sum's payload; throws `RecordFault` or what is wrong with a contribution.
    func product(threads: Int) throws -> [UInt8] {
        guard let mine = record.contributions.first(where: { $0.cloud == cloud }) else {
            throw RecordFault.dropped(cloud)
        }
        guard mine.digest == own.offer.content.digest else { throw RecordFault.exchanged(cloud) }
        var recount = Recount(opening: opening, scheme: scheme)
        for contribution in record.contributions {
            if contribution.cloud == cloud {
                try own.payload.withBytes { try recount.add(contribution, $0, isProved: true, threads: threads) }
            } else {
                guard let arrival = evidence[contribution.cloud], arrival.offer.digest == contribution.digest else {
                    throw RecordFault.exchanged(contribution.cloud)
                }
                try arrival.payload.withBytes { try recount.add(contribution, $0, threads: threads) }
            }
        }
        return try recount.sum(as: record.contents)
    }
}
