internal import CMontgomery

/// Multiplication modulo n^2 with rows modulo n, eight at a time. One per thread; its scratch is wiped.
package struct LaneSquareMultiplier: ~Copyable {
    package let modulus: LaneSquareModulus
    private let scratch: LaneRows
    private let pair: tributary_lanes_pair_modulus
    /// A row for a table's entries, and eight single ones for sums.
    let factor: LaneRows
    let sums: LaneRows
    let zero: LaneRows

    package init(_ modulus: LaneSquareModulus) {
        self.modulus = modulus
        pair = modulus.pair
        scratch = .scratch(
            words: max(
                tributary_lanes_pair_scratch_words(modulus.n.digits),
                tributary_lanes_split_scratch_words(modulus.n.digits)))
        factor = LaneRows(count: 1, of: modulus.n)
        sums = LaneRows(count: 1, of: modulus.n)
        zero = LaneRows(count: 1, of: modulus.n)
    }

    /// The pair at `value` squared, / R.
    borrowing func square(_ value: UnsafeMutablePointer<UInt64>) {
        withUnsafePointer(to: pair) { tributary_lanes_pair_square(value, $0, scratch.base) }
    }

    /// The pair at `value` times a row below n, / R.
    borrowing func scale(_ value: UnsafeMutablePointer<UInt64>, by factor: UnsafePointer<UInt64>) {
        withUnsafePointer(to: pair) { tributary_lanes_pair_scale(value, factor, $0, scratch.base) }
    }

    /// `result`, one residue mod n^2, = (the power in the three rows from `row` of `powers`) / R * (1 + n m), canonical; m is `message`.
    package borrowing func seal(
        _ powers: borrowing LaneRows, _ row: Int = 0, message: borrowing LaneRows, into result: borrowing LaneRows
    ) {
        precondition(result.digits == modulus.residueDigits, "a residue mod n^2")
        let digits = modulus.n.digits
        tributary_lanes_add(factor.base, powers.row(row + 2), message.row(0), digits)
        withUnsafePointer(to: pair) {
            tributary_lanes_pair_seal(result.row(0), powers.row(row), factor.base, $0, scratch.base)
        }
    }

    /// Two rows from `row` of `result` that stand for the residue `value` as c0 + n c1; the lower is below 4n, and value mod n.
    package borrowing func split(_ value: borrowing LaneRows, into result: borrowing LaneRows, _ row: Int = 0) {
        precondition(value.digits == modulus.residueDigits && row + 2 <= result.count, "a residue mod n^2")
        withUnsafePointer(to: modulus.divisor) {
            tributary_lanes_split_residue(result.row(row), value.row(0), $0, scratch.base)
        }
    }

    /// Lanes of a lower row made by `split` that may stand for 0 mod n, a bit for each: all that do, and one in 2^50 others by chance, as
    /// their lowest digit alone is looked at.
    package borrowing func lanesNearZero(_ value: borrowing LaneRows, _ row: Int) -> UInt8 {
        let lowest = modulus.n.constants.modulus[0]
        let digits = value.row(row)
        var found: UInt8 = 0
        // Below 4n: 0 is 0, n, 2n or 3n.
        for factor in 0..<4 as Range<UInt64> {
            let zero = factor &* lowest & (1 << 52 - 1)
            for lane in 0..<laneCount where digits[lane] == zero { found |= 1 << UInt8(lane) }
        }
        return found
    }

    /// result = left * right mod n^2, two rows each; for public values.
    package borrowing func multiply(
        _ left: borrowing LaneRows, _ row: Int, by right: borrowing LaneRows, _ other: Int,
        into result: borrowing LaneRows, _ target: Int
    ) {
        precondition(max(row + 2 - left.count, other + 2 - right.count, target + 2 - result.count) <= 0, "two rows")
        withUnsafePointer(to: modulus.divisor) {
            tributary_lanes_split_multiply(
                result.row(target), left.row(row), right.row(other), $0, scratch.base)
        }
    }

    /// `result` = the residue that two rows stand for, canonical.
    package borrowing func join(_ value: borrowing LaneRows, _ row: Int, into result: borrowing LaneRows) {
        precondition(result.digits == modulus.residueDigits && row + 2 <= value.count, "a residue mod n^2")
        withUnsafePointer(to: modulus.divisor) {
            tributary_lanes_split_join(result.row(0), value.row(row), $0, scratch.base)
        }
    }
}
