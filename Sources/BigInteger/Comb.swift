/// How a table of powers of one base is laid out, and how an exponent is read with it (Lim, Lee, "More flexible
/// exponentiation with precomputation", CRYPTO '94).
///
/// The exponent's bits are cut into `teeth` stretches of `stretch` bits, one below the other, and each stretch into `blocks` runs
/// of `run` bits. Bits of equal place in all stretches make one digit: block j of the table holds, for each digit d, the product
/// of base^(2^(i * stretch + j * run)) over the bits i of d. A power takes `stretch` multiplications by entries and run - 1
/// squarings. With one bit to a run that is the table of Brickell, Gordon, McCurley and Wilson (EUROCRYPT '92).
package struct Comb: Hashable, Sendable {
    package let exponentBits: Int
    /// Bits of a digit.
    package let teeth: Int
    package let blocks: Int
    /// ceil(exponentBits / teeth), the number of digits.
    package let stretch: Int
    /// ceil(stretch / blocks), the number of steps.
    package let run: Int

    package init(exponentBits: Int, teeth: Int, blocks: Int) {
        precondition(exponentBits > 0 && (1...16).contains(teeth) && blocks > 0, "a comb of 1 to 16 teeth")
        self.exponentBits = exponentBits
        self.teeth = min(teeth, exponentBits)
        stretch = (exponentBits + self.teeth - 1) / self.teeth
        run = (stretch + blocks - 1) / blocks
        self.blocks = (stretch + run - 1) / run  // none without a digit
    }

    /// Rows of the table.
    package var entries: Int { blocks << teeth }

    /// The cost of a power in quarters of a multiplication; a squaring is three (`LaneMultiplier`).
    var cost: Int { 4 * (stretch - 1) + 3 * (run - 1) }

    /// Bits of the sum, over all multiplications by entries, of 2^(squarings that come after): by so much a sum grows that is doubled
    /// with each squaring.
    package var weightBits: Int { run + Int.bitWidth - blocks.leadingZeroBitCount }

    /// The quickest comb of at most `entries` rows and `weightBits`, the smaller of two equally quick ones.
    package static func quickest(exponentBits: Int, entries: Int, weightBits: Int = .max) -> Comb {
        var best = Comb(exponentBits: exponentBits, teeth: 1, blocks: 1)
        for teeth in 1...16 where 1 << teeth <= entries {
            for blocks in 1...max(1, min(entries >> teeth, exponentBits)) {
                let comb = Comb(exponentBits: exponentBits, teeth: teeth, blocks: blocks)
                guard comb.weightBits <= weightBits else { continue }
                if best.weightBits > weightBits || (comb.cost, comb.entries) < (best.cost, best.entries) { best = comb }
            }
        }
        return best
    }

    /// The digits that step `step` multiplies by: those of its place in each run. The last step has fewer where runs do not fill
    /// the stretch.
    func blocks(step: Int) -> Int { (stretch - step + run - 1) / run }

    /// The digit of block `block` in step `step`, of an exponent whose least significant byte comes first.
    @inline(__always)
    func digit(block: Int, step: Int, of exponent: UnsafeRawBufferPointer) -> Int {
        var value = 0
        var place = block * run + step
        for tooth in 0..<teeth where place < exponentBits {
            value |= Int(exponent[place >> 3] >> (place & 7) & 1) << tooth
            place += stretch
        }
        return value
    }

    /// Squares `value` again and again, and calls `body` at each power of the base that is an entry of its own: digit 2^tooth of
    /// `block`.
    func forEachSquare(
        of value: inout Integer, modulus: Modulus, _ body: (_ block: Int, _ tooth: Int, borrowing Integer) -> Void
    ) {
        for tooth in 0..<teeth {
            for place in 0..<stretch {
                if place % run == 0 { body(place / run, tooth, value) }
                if tooth < teeth - 1 || place < stretch - 1 { value = modulus.multiply(value, value) }
            }
        }
    }
}
