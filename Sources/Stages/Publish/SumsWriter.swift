import Encryption
import Federation
import Sodium
import StageKit

/// Writes down a round's sums as they are opened.
struct SumsWriter: Sendable {
    let row: SumRow
    let totalWeight: Double
    /// Gives a new one for what is to be sent.
    let payload: @Sendable () -> PayloadWriter

    func begin() -> Written { Written(self) }

    final class Written {
        private let sums: SumsWriter
        private let payload: PayloadWriter
        private var writer: SumRow.Writer

        init(_ sums: SumsWriter) {
            self.sums = sums
            payload = sums.payload()
            writer = SumRow.Writer(sums.row)
        }

        func append(_ block: [UInt64]) throws { try writer.append(block).withUnsafeBytes(payload.append) }

        func finish() throws -> AdapterChange {
            try writer.finish().withUnsafeBytes(payload.append)
            let (made, digest) = try payload.finish()
            return .sums(
                payload: made, digest: digest,
                AdapterAbout.Sums(contributions: sums.row.contributions, totalWeight: sums.totalWeight))
        }
    }
}
