internal import CMontgomery

/// `FixedBaseTable` modulo n^2 for eight powers at a time: the same comb, at half the cost of a multiplication modulo n^2.
///
/// A unit modulo n^2 is b (1 + n l), with b below 2n and l below n. An entry is that of base^e * R. To multiply by it, b alone goes into the
/// running product, two multiplications modulo n; the l are added up, and come in when the power is put to use. The addresses read
/// depend on the exponents, as those of `FixedBaseTable` do.
package final class LaneSquareTable: @unchecked Sendable {
    // Unchecked: `entries` is written in the initialiser alone; each of its concurrent parts writes a block of its own.
    private let entries: UnsafeMutablePointer<UInt64>
    /// Words of an entry: b, then l.
    private let width: Int
    package let modulus: LaneSquareModulus
    package let comb: Comb

    package var byteCount: Int { comb.entries * width * 8 }

    /// Tabulates `base`, a unit mod n^2.
    ///
    /// - Parameter concurrently: runs its closure for 0..<count, in any order and on any threads, and returns after all.
    package init(
        base: Integer, modulus: LaneSquareModulus, comb: Comb,
        concurrently: (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void
    ) {
        precondition(comb.weightBits <= modulus.slack - 3 && comb.blocks < 2048, "the sums must fit their rows")
        self.modulus = modulus
        self.comb = comb
        width = modulus.residueDigits
        let memory = UnsafeMutableRawPointer.allocate(byteCount: comb.entries * width * 8, alignment: 64)
        entries = memory.initializeMemory(as: UInt64.self, repeating: 0, count: comb.entries * width)

        let n = modulus.n.modulus.value
        let radix = (Integer(1) << (52 * modulus.n.digits)).modulo(modulus.square.value)
        // The inverses of the base's own powers, in Montgomery form: what `fill` makes l of.
        let inverses = LimbBuffer(count: comb.blocks * comb.teeth * modulus.n.digits)
        var power = base.modulo(modulus.square.value)
        comb.forEachSquare(of: &power, modulus: modulus.square) { block, tooth, power in
            guard let inverse = power.inverse(modulo: n) else { preconditionFailure("the base is a unit") }
            let scaled = modulus.square.multiply(copy power, radix)
            let b = scaled.modulo(n)
            let perB = (inverse * modulus.n.inverseRadix).modulo(n)
            let target = entry(block, 1 << tooth)
            modulus.n.write(b, toSingle: target)
            modulus.n.write((scaled / n * perB).modulo(n), toSingle: target + modulus.n.digits)
            let place = (block * comb.teeth + tooth) * modulus.n.digits
            (inverses.base + place).withMemoryRebound(to: UInt64.self, capacity: modulus.n.digits) {
                modulus.n.write((inverse * modulus.n.radixPower(1)).modulo(n), toSingle: $0)
            }
        }
        for block in 0..<comb.blocks {
            modulus.n.write(radix.modulo(n), toSingle: entry(block, 0))
            modulus.n.write(
                (radix / n * modulus.n.inverseRadix).modulo(n),
                toSingle: entry(block, 0) + modulus.n.digits)
        }
        // Nobody else writes it any more.
        nonisolated(unsafe) let firstInverses = UnsafePointer(inverses.base)
        concurrently(comb.blocks) { block in
            self.fill(block, inverses: firstInverses + block * comb.teeth * modulus.n.digits)
        }
        withExtendedLifetime(inverses) {}
    }

    deinit { UnsafeMutableRawPointer(entries).deallocate() }

    private func entry(_ block: Int, _ digit: Int) -> UnsafeMutablePointer<UInt64> {
        entries + (block << comb.teeth + digit) * width
    }

    /// The products of the powers of two that `init` wrote, eight at a time.
    ///
    /// With b b' = t R - q n, (b (1 + n l)) (b' (1 + n l')) / R = t (1 + n (l + l' - q / (R t))) mod n^2.
    private func fill(_ block: Int, inverses first: UnsafePointer<Limb>) {
        let n = modulus.n
        let digits = n.digits
        let inverses = LimbBuffer(count: digits << comb.teeth)
        func inverse(_ digit: Int) -> UnsafeMutablePointer<UInt64> {
            UnsafeMutableRawPointer(inverses.base + digit * digits).assumingMemoryBound(to: UInt64.self)
        }
        for tooth in 0..<comb.teeth {
            (inverses.base + digits << tooth).update(from: first + tooth * digits, count: digits)
        }
        let scratch = LaneRows.scratch(words: tributary_lanes_scratch_words(digits))
        let rows = LaneRows(count: 8, of: n)
        let (left, right, product, quotient) = (rows.row(0), rows.row(1), rows.row(2), rows.row(3))
        let (leftInverse, rightInverse, sum, minusRadix) = (rows.row(4), rows.row(5), rows.row(6), rows.row(7))
        n.write((-n.inverseRadix).modulo(n.modulus.value), toAllLanesOf: minusRadix)
        withUnsafePointer(to: n.constants) { constants in
            for tooth in 1..<max(comb.teeth, 1) {
                let top = 1 << tooth
                gather(SingleRows(repeating: entry(block, top)), into: left)
                gather(SingleRows(repeating: inverse(top)), into: leftInverse)
                for start in stride(from: 1, to: top, by: laneCount) {
                    // Lanes beyond the last compute it again.
                    func rest(_ lane: Int) -> Int { min(start + lane, top - 1) }
                    gather(SingleRows { entry(block, rest($0)) }, into: right)
                    gather(SingleRows { inverse(rest($0)) }, into: rightInverse)
                    tributary_lanes_multiply_quotient(product, quotient, left, right, constants, scratch.base)
                    tributary_lanes_multiply(rightInverse, rightInverse, leftInverse, constants, scratch.base)
                    SingleRows { inverse(top + rest($0)) }.withPointers {
                        tributary_lanes_scatter($0, rightInverse, digits)
                    }
                    SingleRows { entry(block, top + rest($0)) }.withPointers {
                        tributary_lanes_scatter($0, product, digits)
                    }
                    // -q / (R t), then l and l' to it, one subtraction of n at a time.
                    tributary_lanes_multiply(rightInverse, rightInverse, minusRadix, constants, scratch.base)
                    tributary_lanes_canonical(rightInverse, constants, scratch.base)
                    tributary_lanes_multiply(sum, quotient, rightInverse, constants, scratch.base)
                    tributary_lanes_canonical(sum, constants, scratch.base)
                    for other in [SingleRows(repeating: entry(block, top)), SingleRows { entry(block, rest($0)) }] {
                        gather(other, from: digits, into: right)
                        tributary_lanes_add(sum, sum, right, digits)
                        tributary_lanes_canonical(sum, constants, scratch.base)
                    }
                    SingleRows { entry(block, top + rest($0)) + digits }.withPointers {
                        tributary_lanes_scatter($0, sum, digits)
                    }
                }
            }
        }
    }

    private func gather(_ rows: SingleRows, from offset: Int = 0, into target: UnsafeMutablePointer<UInt64>) {
        let digits = modulus.n.digits
        if offset == 0 {
            rows.withEntries { tributary_lanes_gather(target, $0, digits) }
        } else {
            SingleRows { rows[$0] + offset }.withEntries { tributary_lanes_gather(target, $0, digits) }
        }
    }

    /// Three rows modulo n from `row` of `result`: the pair and the exponent of 1 + n that together are base^exponent * R, for the
    /// exponent of each lane: eight of them one behind the other in `bytes`, each least significant byte first and of exactly
    /// ceil(exponentBits / 8) bytes (bits beyond exponentBits are not read).
    package func powers(
        _ bytes: UnsafeRawBufferPointer, into result: borrowing LaneRows, _ row: Int,
        using multiplier: borrowing LaneSquareMultiplier
    ) {
        let each = (comb.exponentBits + 7) / 8
        precondition(bytes.count == laneCount * each, "the exponents have the wrong width")
        precondition(multiplier.modulus === modulus, "the multiplier is of another modulus")
        let digits = modulus.n.digits
        let (lower, upper) = (result.row(row), result.row(row + 1))
        func factors(_ block: Int, _ step: Int) -> SingleRows {
            SingleRows {
                let exponent = UnsafeRawBufferPointer(rebasing: bytes[$0 * each..<($0 + 1) * each])
                return entry(block, comb.digit(block: block, step: step, of: exponent))
            }
        }
        let gathered = multiplier.factor.base
        let sums = multiplier.sums.base
        sums.update(repeating: 0, count: digits * laneCount)
        var next = factors(0, comb.run - 1)
        var isOne = true
        for step in (0..<comb.run).reversed() {
            if !isOne {
                multiplier.square(lower)
                tributary_lanes_double(sums, digits)
            }
            let blocks = comb.blocks(step: step)
            for block in 0..<blocks {
                let these = next
                gather(these, into: isOne ? lower : gathered)
                // The entries lie all over a table larger than the cache: ask for the next while these are multiplied.
                if block + 1 < blocks || step > 0 {
                    next = block + 1 < blocks ? factors(block + 1, step) : factors(0, step - 1)
                    next.withEntries { tributary_lanes_prefetch($0, width) }
                }
                SingleRows { these[$0] + digits }.withEntries { tributary_lanes_accumulate(sums, $0, digits) }
                if isOne {
                    upper.update(repeating: 0, count: digits * laneCount)
                } else {
                    multiplier.scale(lower, by: gathered)
                }
                isOne = false
            }
        }
        SingleRows { sums + $0 * digits }.withEntries { tributary_lanes_gather(gathered, $0, digits) }
        tributary_lanes_add(result.row(row + 2), gathered, multiplier.zero.base, digits)
    }
}
