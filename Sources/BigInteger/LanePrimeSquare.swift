internal import CMontgomery
internal import Glibc

/// Powers modulo the square of a secret odd prime, eight at a time, with residues as pairs x0 + x1 p (CMontgomery.h):
/// over a quarter quicker than modulo p^2 as a whole. Wiped on release. Nothing here asks p to be a prime: any odd
/// number will do.
///
/// Unchecked: all of it is written in the initialiser alone.
package final class LanePrimeSquare: @unchecked Sendable {
    let prime: LaneModulus
    let square: Modulus
    /// 1 in Montgomery form, 1 as it is, then R^(k + 2) for the k-th stretch of a value; two rows for each.
    let constants: LaneRows
    private let correction: LimbBuffer
    let pair: tributary_lanes_pair_modulus
    let valueDigits: Int

    static let one = 0
    static let plainOne = 2
    private static let firstRadix = 4

    /// Nil where the arithmetic is not to be had (see `LaneModulus`).
    ///
    /// - Parameter values: the modulus of the values whose powers are wanted, at most five times as long as the prime.
    package init?(prime value: Integer, values: LaneModulus) {
        guard value > 2, let prime = LaneModulus(Modulus(value)) else { return nil }
        self.prime = prime
        square = Modulus(value * value)
        valueDigits = values.digits
        let stretches = (values.digits + prime.digits - 1) / prime.digits
        guard stretches <= 5 else { return nil }

        correction = LimbBuffer(count: prime.digits)
        let row = LaneRows(count: 1, digits: prime.digits)
        prime.write((1 - prime.radixPower(1)).modulo(value), toAllLanesOf: row.base)
        for digit in 0..<prime.digits { correction.base[digit] = UInt(row.base[digit * laneCount]) }
        let words = UnsafeRawPointer(correction.base).assumingMemoryBound(to: UInt64.self)
        pair = tributary_lanes_pair_modulus(prime: prime.constants, correction: words)

        constants = LaneRows(count: LanePrimeSquare.firstRadix + 2 * stretches, digits: prime.digits)
        let radix = (Integer(1) << (52 * prime.digits)).modulo(square.value)
        write(radix, toRow: LanePrimeSquare.one)
        write(1, toRow: LanePrimeSquare.plainOne)
        var power = radix
        for stretch in 0..<stretches {
            power = square.multiply(power, radix)
            write(power, toRow: LanePrimeSquare.firstRadix + 2 * stretch)
        }
    }

    private func write(_ value: Integer, toRow row: Int) {
        prime.write(value % prime.modulus.value, toAllLanesOf: constants.row(row))
        prime.write(value / prime.modulus.value, toAllLanesOf: constants.row(row + 1))
    }

    /// value^exponent mod p^2 for the first `count` lanes of a row of `values`, the exponent being secret and the same
    /// for all: `exponent`, least significant byte first, `bits` of them.
    ///
    /// No branch and no address depends on the exponent, on p or on a value until the powers are there: the table of
    /// 2^4 powers is read whole for each four bits. Putting the pairs of the powers together is GMP's work, which is
    /// not constant-time.
    package func powers(
        of values: borrowing LaneRows, _ row: Int = 0, count: Int, exponent: UnsafeRawBufferPointer, bits: Int
    ) -> [Integer] {
        precondition(values.digits == valueDigits, "values of another modulus")
        precondition(bits > 0 && bits <= exponent.count * 8, "an exponent of 1 to \(exponent.count * 8) bits")
        precondition((0...laneCount).contains(count), "\(count) of \(laneCount) lanes")
        let digits = prime.digits
        let scratch = LaneRows.scratch(words: tributary_lanes_pair_scratch_words(digits))
        let table = LaneRows.scratch(words: tributary_lanes_pair_table_words(digits))
        let rows = LaneRows(count: 2, digits: digits)
        readPairs(values, row, into: rows, 0, scratch: scratch)
        withUnsafePointer(to: pair) { pair in
            let sum = rows.row(0)
            tributary_lanes_pair_power(
                sum, sum, constants.row(LanePrimeSquare.one), exponent.bindMemory(to: UInt8.self).baseAddress, bits,
                pair, table.base, scratch.base)
            tributary_lanes_pair_multiply(sum, sum, constants.row(LanePrimeSquare.plainOne), pair, scratch.base)
        }
        return integers(rows, 0, count: count)
    }

    /// The pair of rows from `target` = the values of a row in Montgomery form, each row below 11 p.
    func readPairs(
        _ values: borrowing LaneRows, _ row: Int, into result: borrowing LaneRows, _ target: Int,
        scratch: borrowing LaneRows
    ) {
        let digits = prime.digits
        // A product, and a stretch of the values as a pair whose upper row stays 0.
        let rows = LaneRows(count: 4, digits: digits)
        let (product, stretch) = (rows.row(0), rows.row(2))
        let (lower, upper) = (result.row(target), result.row(target + 1))
        lower.update(repeating: 0, count: digits * laneCount)
        upper.update(repeating: 0, count: digits * laneCount)
        withUnsafePointer(to: pair) { pair in
            for (index, start) in Swift.stride(from: 0, to: valueDigits, by: digits).enumerated() {
                let length = min(digits, valueDigits - start) * laneCount
                stretch.update(repeating: 0, count: digits * laneCount)
                stretch.update(from: values.row(row) + start * laneCount, count: length)
                let radix = constants.row(LanePrimeSquare.firstRadix + 2 * index)
                tributary_lanes_pair_multiply(product, stretch, radix, pair, scratch.base)
                tributary_lanes_add(lower, lower, product, digits)
                tributary_lanes_add(upper, upper, rows.row(1), digits)
            }
        }
    }

    /// The residues that the first `count` lanes of a pair of rows, from `row`, stand for as they are.
    func integers(_ rows: borrowing LaneRows, _ row: Int, count: Int) -> [Integer] {
        let limbs = LimbBuffer(count: (52 * prime.digits + Limb.bitWidth - 1) / Limb.bitWidth)
        func integer(_ row: Int, _ lane: Int) -> Integer {
            rows.write(row: row, lane: lane, toLimbs: limbs.base, count: limbs.count)
            return Integer(limbs: limbs.base, count: limbs.count)
        }
        return (0..<count).map { lane in
            (integer(row, lane) + integer(row + 1, lane) * prime.modulus.value).modulo(square.value)
        }
    }
}
