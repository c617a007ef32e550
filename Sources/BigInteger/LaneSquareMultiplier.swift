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
        scratch = .scratch(words: tributary_lanes_pair_scratch_words(modulus.n.digits))
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

    /// Two rows from `row` of `result` that stand for the residue `value` as t R - q n.
    package borrowing func split(_ value: borrowing LaneRows, into result: borrowing LaneRows, _ row: Int = 0) {
        precondition(value.digits == modulus.residueDigits && row + 2 <= result.count, "a residue mod n^2")
        withUnsafePointer(to: pair.prime) {
            tributary_lanes_split_residue(result.row(row), value.row(0), $0, scratch.base)
        }
    }

    /// result = left * right / R^2, two rows each; for public values.
    package borrowing func multiply(
        _ left: borrowing LaneRows, _ row: Int, by right: borrowing LaneRows, _ other: Int,
        into result: borrowing LaneRows, _ target: Int
    ) {
        precondition(max(row + 2 - left.count, other + 2 - right.count, target + 2 - result.count) <= 0, "two rows")
        withUnsafePointer(to: pair.prime) {
            tributary_lanes_split_multiply(
                result.row(target), left.row(row), right.row(other), modulus.radix.base, $0, scratch.base)
        }
    }

    /// `result` = the product of `factors` residues that two rows stand for, canonical.
    package borrowing func join(
        _ value: borrowing LaneRows, _ row: Int, factors: borrowing LaneRows, into result: borrowing LaneRows
    ) {
        precondition(result.digits == modulus.residueDigits && row + 2 <= value.count, "a residue mod n^2")
        withUnsafePointer(to: pair) {
            tributary_lanes_split_join(result.row(0), value.row(row), factors.row(0), $0, scratch.base)
        }
    }
}

extension LaneSquareModulus {
    /// What `join` needs to make good the powers of R in a product of `count` residues: R^(2 count) = y0 + n y1 as the rows y0, y1 and
    /// -y0 / R.
    package func joinFactors(count: Int) -> LaneRows {
        let rows = LaneRows(count: 3, of: n)
        let value = Integer(2).power(Integer(52 * n.digits * 2 * count), modulo: square.value)
        let modulus = n.modulus.value
        let lower = value.modulo(modulus)
        n.write(lower, toAllLanesOf: rows.row(0))
        n.write(value / modulus, toAllLanesOf: rows.row(1))
        n.write((-(lower * n.inverseRadix)).modulo(modulus), toAllLanesOf: rows.row(2))
        return rows
    }
}
