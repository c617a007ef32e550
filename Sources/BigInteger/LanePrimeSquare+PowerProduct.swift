internal import CMontgomery

extension LanePrimeSquare {
    /// The product of value(i, lane)^(exponent i) over i, for each of the first `count` lanes: public exponents above 0, the
    /// same in all lanes, which are squared for once (Straus, American Mathematical Monthly 71, 1964).
    ///
    /// - Parameter value: most significant byte first, below the square.
    package func powerProducts(
        count: Int, exponents: [Integer], values modulus: LaneModulus,
        _ value: (_ index: Int, _ lane: Int) -> UnsafeRawBufferPointer
    ) -> [Integer] {
        precondition((1...laneCount).contains(count) && exponents.allSatisfy { $0.signum > 0 }, "exponents above 0")
        let digits = prime.digits
        let scratch = LaneRows.scratch(words: tributary_lanes_pair_scratch_words(digits))
        let read = LaneRows(count: 1, of: modulus)
        // The product, then the values, as pairs.
        let rows = LaneRows(count: 2 * (exponents.count + 1), digits: digits)
        for index in exponents.indices {
            for lane in 0..<laneCount { read.read(value(index, min(lane, count - 1)), lane: lane) }
            readPairs(read, 0, into: rows, 2 * (index + 1), scratch: scratch)
        }
        let product = rows.row(0)
        product.update(from: constants.row(LanePrimeSquare.one), count: 2 * digits * laneCount)
        withUnsafePointer(to: pair) { pair in
            let length = exponents.map(\.bitWidth).max() ?? 0
            for bit in (0..<length).reversed() {
                if bit < length - 1 { tributary_lanes_pair_square(product, pair, scratch.base) }
                for (index, exponent) in exponents.enumerated() where exponent.bit(bit) {
                    tributary_lanes_pair_multiply(product, product, rows.row(2 * (index + 1)), pair, scratch.base)
                }
            }
            let one = constants.row(LanePrimeSquare.plainOne)
            tributary_lanes_pair_multiply(product, product, one, pair, scratch.base)
        }
        return integers(rows, 0, count: count)
    }
}
