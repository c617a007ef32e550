package import BigInteger

/// Powers of a key's hs, for the blinding of every ciphertext.
package enum BlindingTable: Sendable {
    case portable(FixedBaseTable)
    case lanes(LaneSquareTable)

    package var byteCount: Int {
        switch self {
        case .portable(let table): table.byteCount
        case .lanes(let table): table.byteCount
        }
    }

    /// The most that a table may take; several clouds may well share a machine.
    package static let byteBudget = 32 << 20

    /// The quickest comb within the budget (as rows of 52-bit digits, the larger form), the same for every arithmetic.
    ///
    /// Its entries are also kept below 64 for a bit of the exponent: short keys for tests get small tables.
    package static func comb(exponentBits: Int, modulusBits: Int, byteBudget: Int = byteBudget) -> Comb {
        Comb.quickest(
            exponentBits: exponentBits,
            entries: min(byteBudget / (16 * LaneModulus.digits(bits: modulusBits)), 64 * exponentBits),
            weightBits: LaneSquareModulus.slack(modulusBits: modulusBits) - 3)
    }

    init(key: PaillierPublicKey, arithmetic: Arithmetic, threads: Int) {
        let comb = BlindingTable.comb(exponentBits: key.exponentBits, modulusBits: key.bits)
        let concurrently = { (count: Int, body: @Sendable (Int) -> Void) in
            Parallel.forEachBlock(of: count, size: 1, threads: threads) { body($0.lowerBound) }
        }
        switch arithmetic {
        case .portable:
            self = .portable(
                FixedBaseTable(base: key.hs, modulus: key.nSquared, comb: comb, concurrently: concurrently))
        case .lanes:
            self = .lanes(
                LaneSquareTable(
                    base: key.hs, modulus: key.lanesOrTrap.square, comb: comb, concurrently: concurrently))
        }
    }
}
