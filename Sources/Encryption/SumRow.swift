package import Federation

/// The opened sum of an update round as the whole numbers that it is, in the bits of their slots: with 8 bits a value and three clouds a
/// third of the adapter's f32 values, which everybody can make of it who has the adapter that the round started from.
package struct SumRow: Sendable {
    package let contributions: Int
    private let row: PackedRow
    private let quantiser: Quantiser

    /// - Returns: nil for a round whose step is not the same for each value by itself (moments), of whose sum a part came in clear, or
    ///   whose slots are as long as values are.
    package init?(_ opening: Opening, contributions: Int) throws(EncryptionError) {
        guard let training = opening.training, case .average = training.outer, opening.encryption == nil else {
            return nil
        }
        let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        guard slots.width < 32 else { return nil }
        guard (1...slots.cohort).contains(contributions) else {
            throw .wrongContributionCount(found: contributions, cohort: slots.cohort)
        }
        self.contributions = contributions
        row = PackedRow(width: slots.width, values: opening.sealed.count)
        quantiser = try Quantiser(
            layout: opening.sealed, bits: opening.bits, steps: opening.privacy?.sum?.steps)
    }

    package var byteCount: Int { row.byteCount }
    /// How many sums are in it.
    package var values: Int { row.values }

    /// Fills a row from its first sum to its last, and gives out its bytes as they come.
    package struct Writer {
        private var writer: PackedRow.Writer

        package init(_ row: SumRow) { writer = PackedRow.Writer(row.row) }

        package mutating func append(_ sums: [UInt64]) -> [UInt8] {
            writer.append(sums) { UInt32(truncatingIfNeeded: $0) }  // slots are shorter, and checked
            return writer.take()
        }

        /// The last byte, if it has begun.
        package mutating func finish() -> [UInt8] { writer.finish() }
    }

    /// Takes the round's step over the adapter that it started from, block by block from front to back: neither is in memory whole.
    ///
    /// - Parameters:
    ///   - count: of the adapter's values.
    ///   - places: those that were summed; nil for all.
    ///   - bytes: the row.
    ///   - before: reads values of the adapter.
    ///   - after: is given what they have become.
    package func step(
        over count: Int, at places: ValueMask?, by step: OuterStep, _ bytes: UnsafeRawBufferPointer,
        before: (Range<Int>) throws -> [Float], after: ([Float]) throws -> Void
    ) throws {
        guard bytes.count == byteCount else {
            throw EncryptionError.wrongPayloadLength(expected: byteCount, found: bytes.count)
        }
        guard row.endsClean(bytes) else { throw EncryptionError.clearPartOverflows }
        guard row.values == places?.count ?? count, places?.values ?? count == count else {
            throw EncryptionError.wrongValueCount(expected: places?.count ?? count, found: row.values)
        }
        var next = 0
        for first in stride(from: 0, to: count, by: SelectiveSplit.cachedValues) {
            let range = first..<min(first + SelectiveSplit.cachedValues, count)
            let summed = next..<next + (places?.count(in: range) ?? range.count)
            let sums = try quantiser.dequantise(
                row.values(summed, in: bytes), of: summed, contributions: contributions)
            let spread = places.map { Self.spread(sums, over: range, $0) } ?? sums
            try after(try step.apply(to: before(range), weightedSum: spread).values)
            next = summed.upperBound
        }
    }

    /// The others did not move.
    private static func spread(_ sums: [Double], over range: Range<Int>, _ places: ValueMask) -> [Double] {
        var next = sums.makeIterator()
        return range.map { places.contains($0) ? next.next() ?? 0 : 0 }
    }
}
