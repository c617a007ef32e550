internal import CMontgomery

/// `FixedBaseTable` for eight powers at a time: the same comb, its entries in Montgomery form. What is said there about the
/// addresses read holds here too; the multiplications themselves take the same time for all operands.
package final class LaneFixedBaseTable: @unchecked Sendable {
    // Unchecked: `entries` is written in the initialiser alone; each of its concurrent parts writes a block of its own.
    private let entries: UnsafeMutablePointer<UInt64>
    private let width: Int
    package let modulus: LaneModulus
    package let comb: Comb

    package var byteCount: Int { comb.entries * width * 8 }

    /// Tabulates `base`, a residue of `modulus`.
    ///
    /// - Parameter concurrently: runs its closure for 0..<count, in any order and on any threads, and returns after all.
    package init(
        base: Integer, modulus: LaneModulus, comb: Comb,
        concurrently: (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void
    ) {
        self.modulus = modulus
        self.comb = comb
        width = modulus.digits
        let memory = UnsafeMutableRawPointer.allocate(byteCount: comb.entries * width * 8, alignment: 64)
        entries = memory.initializeMemory(as: UInt64.self, repeating: 0, count: comb.entries * width)

        let limbs = LimbBuffer(count: modulus.modulus.limbCount)
        let radix = modulus.radixPower(1)
        func write(_ value: Integer, to entry: UnsafeMutablePointer<UInt64>) {
            modulus.modulus.multiply(value, radix).writeLimbs(to: limbs.base, count: limbs.count)
            limbs.base.withMemoryRebound(to: UInt64.self, capacity: limbs.count) {
                tributary_lanes_split(entry, width, 1, $0, limbs.count)
            }
        }
        var power = base.modulo(modulus.modulus.value)
        comb.forEachSquare(of: &power, modulus: modulus.modulus) { block, tooth, power in
            write(copy power, to: entry(block, 1 << tooth))
        }
        for block in 0..<comb.blocks { write(1, to: entry(block, 0)) }
        concurrently(comb.blocks) { block in self.fill(block) }
    }

    deinit { UnsafeMutableRawPointer(entries).deallocate() }

    private func entry(_ block: Int, _ digit: Int) -> UnsafeMutablePointer<UInt64> {
        entries + (block << comb.teeth + digit) * width
    }

    /// The products of the powers of two that `init` wrote, eight at a time.
    private func fill(_ block: Int) {
        let multiplier = LaneMultiplier(modulus)
        let rows = LaneRows(count: 2, of: modulus)
        for tooth in 1..<max(comb.teeth, 1) {
            let top = 1 << tooth
            gather(SingleRows(repeating: entry(block, top)), into: rows.row(0))
            for first in stride(from: 1, to: top, by: laneCount) {
                // Lanes beyond the last compute it again.
                gather(SingleRows { entry(block, min(first + $0, top - 1)) }, into: rows.row(1))
                multiplier.multiply(rows, 0, by: rows, 1, into: rows, 1)
                let targets = SingleRows { entry(block, min(top + first + $0, 2 * top - 1)) }
                targets.withPointers { tributary_lanes_scatter($0, rows.row(1), width) }
            }
        }
    }

    private func gather(_ rows: SingleRows, into target: UnsafeMutablePointer<UInt64>) {
        rows.withEntries { tributary_lanes_gather(target, $0, width) }
    }

    /// Row `row` of `result` = base^exponent * R, for the exponent of each lane: eight of them one behind the other in `bytes`, each
    /// least significant byte first and of exactly ceil(exponentBits / 8) bytes (bits beyond exponentBits are not read).
    package func powers(
        _ bytes: UnsafeRawBufferPointer, into result: borrowing LaneRows, _ row: Int,
        using multiplier: borrowing LaneMultiplier
    ) {
        let each = (comb.exponentBits + 7) / 8
        precondition(bytes.count == laneCount * each, "the exponents have the wrong width")
        precondition(multiplier.modulus === modulus, "the multiplier is of another modulus")
        func factors(_ block: Int, _ step: Int) -> SingleRows {
            SingleRows {
                let exponent = UnsafeRawBufferPointer(rebasing: bytes[$0 * each..<($0 + 1) * each])
                return entry(block, comb.digit(block: block, step: step, of: exponent))
            }
        }
        let target = result.row(row)
        let gathered = LaneRows(count: 1, of: modulus)
        var next = factors(0, comb.run - 1)
        var isOne = true
        for step in (0..<comb.run).reversed() {
            if !isOne { multiplier.square(target) }
            let blocks = comb.blocks(step: step)
            for block in 0..<blocks {
                gather(next, into: isOne ? target : gathered.base)
                // The entries lie all over a table larger than the cache: ask for the next while these are multiplied.
                if block + 1 < blocks || step > 0 {
                    next = block + 1 < blocks ? factors(block + 1, step) : factors(0, step - 1)
                    next.withEntries { tributary_lanes_prefetch($0, width) }
                }
                if !isOne { multiplier.multiply(target, by: gathered.base, into: target) }
                isOne = false
            }
        }
    }
}
