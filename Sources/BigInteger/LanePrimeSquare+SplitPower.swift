internal import CMontgomery

extension LanePrimeSquare {
    /// value^(plain + m * exponent) mod m^2 for the first `count` lanes of a row of `values`, m being the number of
    /// which this is the square, `exponent` secret and the same for all (least significant byte first, `bits` of them)
    /// and `plain` public, 1 or more.
    ///
    /// As (x + k m)^m = x^m mod m^2, the secret power is taken modulo m, at two fifths of the cost, and raised to m
    /// then. It takes the same time and addresses for all secrets, as `powers` does.
    package func splitPowers(
        of values: borrowing LaneRows, count: Int, plain: Integer, exponent: UnsafeRawBufferPointer, bits: Int
    ) -> [Integer] {
        precondition(values.digits == valueDigits && values.digits <= 2 * prime.digits, "values below the square")
        precondition(bits > 0 && bits <= exponent.count * 8, "an exponent of 1 to \(exponent.count * 8) bits")
        precondition(plain.signum > 0 && (0...laneCount).contains(count), "eight lanes and an exponent above 0")
        let digits = prime.digits
        let scratch = LaneRows.scratch(words: tributary_lanes_pair_scratch_words(digits))
        let table = LaneRows.scratch(words: tributary_lanes_power_table_words(digits))
        // Pairs: the power, then the values, then their plain power. The upper row of the first stays 0 at first.
        let rows = LaneRows(count: 6, digits: digits)
        let (power, value, plainPower) = (rows.row(0), rows.row(2), rows.row(4))

        let multiplier = LaneMultiplier(prime)
        multiplier.reduce(values, 0, into: rows, 0)
        // Of value / R, Montgomery's form.
        multiplier.multiply(rows, 0, by: prime.radix(3), into: rows, 0)
        withUnsafePointer(to: prime.constants) {
            tributary_lanes_power(
                power, power, prime.one.base, exponent.bindMemory(to: UInt8.self).baseAddress, bits, $0, table.base,
                scratch.base)
        }
        readPairs(values, 0, into: rows, 2, scratch: scratch)
        // A row with an upper one of 0 is Montgomery's form of some number that is the power modulo m: any will do.
        raise(power, to: prime.modulus.value, scratch: scratch)
        plainPower.update(from: value, count: 2 * digits * laneCount)
        raise(plainPower, to: plain, scratch: scratch)
        withUnsafePointer(to: pair) { pair in
            tributary_lanes_pair_multiply(power, power, plainPower, pair, scratch.base)
            tributary_lanes_pair_multiply(power, power, constants.row(LanePrimeSquare.plainOne), pair, scratch.base)
        }
        return integers(rows, 0, count: count)
    }

    /// The pair of rows at `base` to the power of a public exponent above 0, whose bits alone decide on the addresses
    /// read. By odd powers and windows that slide over zeros (Menezes, van Oorschot, Vanstone, Handbook of Applied
    /// Cryptography, 14.85).
    private func raise(_ base: UnsafeMutablePointer<UInt64>, to exponent: Integer, scratch: borrowing LaneRows) {
        let window = exponent.bitWidth > 1000 ? 6 : exponent.bitWidth > 64 ? 4 : 1
        let words = 2 * prime.digits * laneCount
        // base^(2 i + 1) in the i-th pair, and base^2 in the last.
        let powers = LaneRows(count: 2 << (window - 1) + 2, digits: prime.digits)
        let square = powers.row(powers.count - 2)
        withUnsafePointer(to: pair) { pair in
            powers.row(0).update(from: base, count: words)
            square.update(from: base, count: words)
            tributary_lanes_pair_square(square, pair, scratch.base)
            for index in stride(from: 2, to: powers.count - 2, by: 2) {
                tributary_lanes_pair_multiply(powers.row(index), powers.row(index - 2), square, pair, scratch.base)
            }
            var isOne = true
            var bit = exponent.bitWidth - 1
            while bit >= 0 {
                guard exponent.bit(bit) else {
                    tributary_lanes_pair_square(base, pair, scratch.base)
                    bit -= 1
                    continue
                }
                var low = max(bit - window + 1, 0)
                while !exponent.bit(low) { low += 1 }
                let digit = (low...bit).reversed().reduce(0) { $0 << 1 | (exponent.bit($1) ? 1 : 0) }
                let factor = powers.row(digit / 2 * 2)
                if isOne {
                    base.update(from: factor, count: words)
                } else {
                    for _ in low...bit { tributary_lanes_pair_square(base, pair, scratch.base) }
                    tributary_lanes_pair_multiply(base, base, factor, pair, scratch.base)
                }
                isOne = false
                bit = low - 1
            }
        }
    }
}
