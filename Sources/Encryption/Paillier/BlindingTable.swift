package import BigInteger

/// Powers of a key's hs, for the blinding of every ciphertext.
package enum BlindingTable: Sendable {
    case portable(FixedBaseTable)
    case lanes(LaneFixedBaseTable)

    package var byteCount: Int {
        switch self {
        case .portable(let table): table.byteCount
        case .lanes(let table): table.byteCount
        }
    }

    /// The most that a table may take. At 3072 bits 30 MiB of it are used, for 138 multiplications to a power; each further
    /// doubling would save seven in a hundred of these, while several clouds may well share a machine.
    package static let byteBudget = 32 << 20

    /// The quickest comb within the budget (as rows of 52-bit digits, the larger form), the same for every arithmetic.
    ///
    /// Its entries are also kept below 24 for a bit of the exponent: filling the table then costs as much as some 240
    /// ciphertexts, little beside a contribution of thousands, and short keys for tests get small tables.
    package static func comb(exponentBits: Int, modulusBits: Int, byteBudget: Int = byteBudget) -> Comb {
        Comb.quickest(
            exponentBits: exponentBits,
            entries: min(byteBudget / (8 * LaneModulus.digits(bits: modulusBits)), 24 * exponentBits))
    }

    init(key: PaillierPublicKey, arithmetic: Arithmetic, threads: Int) {
        let comb = BlindingTable.comb(exponentBits: key.exponentBits, modulusBits: key.nSquared.value.bitWidth)
        let concurrently = { (count: Int, body: @Sendable (Int) -> Void) in
            Parallel.forEachBlock(of: count, size: 1, threads: threads) { body($0.lowerBound) }
        }
        switch arithmetic {
        case .portable:
            self = .portable(
                FixedBaseTable(base: key.hs, modulus: key.nSquared, comb: comb, concurrently: concurrently))
        case .lanes:
            self = .lanes(
                LaneFixedBaseTable(
                    base: key.hs, modulus: key.lanesOrTrap.nSquared, comb: comb, concurrently: concurrently))
        }
    }
}
