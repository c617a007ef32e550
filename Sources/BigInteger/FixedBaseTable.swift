/// Powers of one base, made once so that further powers of it cost a fraction of an exponentiation (`Comb`): GMP's
/// arithmetic, one power at a time.
///
/// The number of multiplications does not depend on the exponent, but the addresses read do: an attacker who shares the
/// cache can learn digits of a secret exponent. GMP's division is not constant-time either. Use it only where each exponent
/// is drawn afresh and used once.
package final class FixedBaseTable: @unchecked Sendable {
    // Unchecked: `entries` is written in the initialiser alone; each of its concurrent parts writes a block of its own.
    private let entries: UnsafeMutablePointer<Limb>
    private let width: Int
    package let modulus: Modulus
    package let comb: Comb

    package var byteCount: Int { comb.entries * width * MemoryLayout<Limb>.size }

    /// Tabulates `base`, a residue of `modulus`.
    ///
    /// - Parameter concurrently: runs its closure for 0..<count, in any order and on any threads, and returns after all.
    package init(
        base: Integer, modulus: Modulus, comb: Comb,
        concurrently: (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void
    ) {
        self.modulus = modulus
        self.comb = comb
        width = modulus.limbCount
        entries = .allocate(capacity: comb.entries * modulus.limbCount)
        entries.initialize(repeating: 0, count: comb.entries * modulus.limbCount)

        var power = base.modulo(modulus.value)
        comb.forEachSquare(of: &power, modulus: modulus) { block, tooth, power in
            power.writeLimbs(to: entry(block, 1 << tooth), count: width)
        }
        concurrently(comb.blocks) { block in self.fill(block) }
    }

    deinit { entries.deallocate() }

    private func entry(_ block: Int, _ digit: Int) -> UnsafeMutablePointer<Limb> {
        entries + (block << comb.teeth + digit) * width
    }

    private func fill(_ block: Int) {
        let multiplier = ModularMultiplier(modulus)
        entry(block, 0)[0] = 1
        for tooth in 1..<max(comb.teeth, 1) {
            let top = 1 << tooth
            for rest in 1..<top {
                let product = entry(block, top + rest)
                product.update(from: entry(block, rest), count: width)
                multiplier.multiply(product, by: entry(block, top))
            }
        }
    }

    /// result = base^exponent; the exponent is `bytes`, least significant byte first, of exactly ceil(exponentBits / 8) bytes
    /// (bits beyond exponentBits are not read). The multiplier must be one of the same modulus.
    package func power(
        _ bytes: UnsafeRawBufferPointer, into result: UnsafeMutablePointer<Limb>,
        using multiplier: borrowing ModularMultiplier
    ) {
        precondition(bytes.count == (comb.exponentBits + 7) / 8, "the exponent has the wrong width")
        precondition(multiplier.modulus.limbCount == width, "the multiplier is of another modulus")
        result.update(from: entry(0, 0), count: width)
        var isOne = true
        for step in (0..<comb.run).reversed() {
            if !isOne { multiplier.multiply(result, by: result) }
            for block in 0..<comb.blocks(step: step) {
                let factor = entry(block, comb.digit(block: block, step: step, of: bytes))
                if isOne { result.update(from: factor, count: width) } else { multiplier.multiply(result, by: factor) }
                isOne = false
            }
        }
    }
}
