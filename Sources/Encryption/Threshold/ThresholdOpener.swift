package import BigInteger
package import Federation
package import Sodium

/// Opens sums from the partial openings of enough parties.
package struct ThresholdOpener: SumReader {
    package let key: ThresholdPublicKey
    package let sealing: Sealing
    package let shape: PayloadShape
    private let arithmetic: Arithmetic

    /// - Parameter arithmetic: one of those that this machine has.
    package init(
        key: ThresholdPublicKey, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest
    ) {
        let scheme = PaillierScheme(key: key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
        self.arithmetic = arithmetic
        self.key = key
        sealing = scheme.sealing
        shape = scheme.shape
    }

    /// Opens the units `units` of the sum of `contributions` payloads from verified rows, at least `threshold` of them;
    /// of more, those of the lowest indices are used. Each opened U is checked to lie in K...K * (2^bits - 1).
    package func open<Row: ContiguousCollection>(
        _ openings: [VerifiedOpening<Row>], units: Range<Int>, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        let openings = try check(openings)
        try checkCount(contributions)
        let combination = LagrangeCombination(parties: openings.map(\.party), key: key, arithmetic: arithmetic)
        let all = shape.values(ofUnits: units)
        return try withRows(openings) { rows in
            try [UInt64](unsafeUninitializedCapacity: all.count) { target, filled in
                try Parallel.forEachBlock(of: units.count, size: 32, threads: threads) { block in
                    let block = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
                    let plaintexts = try combination.plaintexts(of: block) { row, unit in
                        shape.unit(unit, of: rows[row])
                    }
                    for (unit, plaintext) in zip(block, plaintexts) {
                        try unpack(plaintext, unit: unit, into: target, of: all, contributions: contributions)
                    }
                }
                filled = all.count
            }
        }
    }

    /// Opens the whole sum.
    package func open<Row: ContiguousCollection>(
        _ openings: [VerifiedOpening<Row>], contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try open(openings, units: 0..<shape.units, contributions: contributions, threads: threads)
    }

    /// The openings to use, by index.
    private func check<Row>(_ openings: [VerifiedOpening<Row>]) throws -> [VerifiedOpening<Row>] {
        let ordered = openings.sorted { $0.party < $1.party }
        for (first, second) in zip(ordered, ordered.dropFirst()) where first.party == second.party {
            throw ThresholdError.duplicateOpening(party: first.party)
        }
        for opening in ordered where opening.statement != ordered[0].statement || opening.statement.sealing != sealing {
            throw ThresholdError.foreignOpening(party: opening.party)
        }
        guard ordered.count >= key.threshold else {
            throw ThresholdError.tooFewOpenings(found: ordered.count, needed: key.threshold)
        }
        return Array(ordered.prefix(key.threshold))
    }

    /// Lends the bytes of all rows at once.
    private func withRows<Row: ContiguousCollection, Result>(
        _ openings: [VerifiedOpening<Row>], _ lent: [UnsafeRawBufferPointer] = [],
        _ body: ([UnsafeRawBufferPointer]) throws -> Result
    ) throws -> Result {
        guard lent.count < openings.count else { return try body(lent) }
        return try openings[lent.count].row.withContiguousBytes { bytes in
            try shape.check(byteCount: bytes.count)
            return try withRows(openings, lent + [bytes], body)
        }
    }
}
