package import Encryption
package import Federation
package import Sodium

/// Adds the contributions of a record anew, as anybody can who has them, and compares: what an encrypt stage does before it
/// helps to open a sum, and `tributary audit` afterwards.
package struct Recount {
    private let opening: Signed<Opening>
    private let scheme: RoundScheme
    private let accumulator: any Accumulator

    package init(opening: Signed<Opening>, scheme: RoundScheme) {
        self.opening = opening
        self.scheme = scheme
        accumulator = scheme.makeAccumulator()
    }

    /// Adds a contribution whose payload's digest is known to be the signed one; throws what is wrong with it.
    ///
    /// - Parameter isProved: its maker's proof is known to hold: this cloud's own.
    package mutating func add(
        _ contribution: RecordedContribution, _ payload: some ContiguousCollection, isProved: Bool = false, threads: Int
    ) throws {
        do {
            if !isProved {
                try scheme.verify(
                    contribution.about.proof, payload: payload,
                    context: RoundScheme.context(opening.digest, contribution.cloud), threads: threads)
            }
            try accumulator.add(payload, sealing: scheme.scheme.sealing, threads: threads)
        } catch  where error is EncryptionError || error is ThresholdError {
            throw RecordFault.unfit(contribution.cloud, "\(error)")
        }
    }

    /// The sum's payload if it is the one that the record is of.
    package func sum(as record: RoundRecord) throws -> [UInt8] {
        let sum = try accumulator.sum()
        guard Digest(ofContent: sum) == record.sum else { throw RecordFault.wrongSum }
        return sum
    }
}
