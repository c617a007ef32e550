/// Powers of one base, made once so that a power costs one multiplication for every `window` bits of the exponent
/// (Brickell, Gordon, McCurley, Wilson, EUROCRYPT '92, with one table row for each digit).
///
/// Row i holds base^(d * 2^(window * i)) for every digit d. The number of multiplications does not depend on the
/// exponent, but the addresses read do: an attacker who shares the cache can learn digits of a secret exponent. GMP's
/// division is not constant-time either. Use it only where each exponent is drawn afresh and used once.
package final class FixedBaseTable: @unchecked Sendable {
    // Unchecked: `entries` is written in the initialiser alone; each of its concurrent parts writes rows of its own.
    private let entries: UnsafeMutablePointer<Limb>
    private let width: Int
    private let digits: Int
    private let rows: Int
    package let modulus: Modulus
    package let window: Int
    package let exponentBits: Int

    package var byteCount: Int {
        FixedBaseTable.byteCount(modulus: modulus, exponentBits: exponentBits, window: window)
    }

    /// The bytes that a table would take.
    package static func byteCount(modulus: Modulus, exponentBits: Int, window: Int) -> Int {
        (exponentBits + window - 1) / window * (1 << window) * modulus.limbCount * MemoryLayout<Limb>.size
    }

    /// Tabulates `base`, a residue of `modulus`, for exponents below 2^exponentBits.
    ///
    /// - Parameter concurrently: runs its closure for 0..<count, in any order and on any threads, and returns after all.
    package init(
        base: Integer, modulus: Modulus, exponentBits: Int, window: Int,
        concurrently: (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void
    ) {
        precondition((1...16).contains(window) && exponentBits > 0, "a window of 1 to 16 bits")
        self.modulus = modulus
        self.window = window
        self.exponentBits = exponentBits
        width = modulus.limbCount
        digits = 1 << window
        rows = (exponentBits + window - 1) / window
        entries = .allocate(capacity: rows * digits * modulus.limbCount)
        entries.initialize(repeating: 0, count: rows * digits * modulus.limbCount)

        let multiplier = ModularMultiplier(modulus)
        base.modulo(modulus.value).writeLimbs(to: entry(row: 0, digit: 1), count: width)
        for row in 1..<max(rows, 1) {
            let power = entry(row: row, digit: 1)
            power.update(from: entry(row: row - 1, digit: 1), count: width)
            for _ in 0..<window { multiplier.multiply(power, by: power) }
        }
        concurrently(rows) { row in self.fill(row: row) }
    }

    deinit { entries.deallocate() }

    private func entry(row: Int, digit: Int) -> UnsafeMutablePointer<Limb> {
        entries + (row * digits + digit) * width
    }

    private func fill(row: Int) {
        let multiplier = ModularMultiplier(modulus)
        entry(row: row, digit: 0)[0] = 1
        for digit in 2..<max(digits, 2) {
            let power = entry(row: row, digit: digit)
            power.update(from: entry(row: row, digit: digit - 1), count: width)
            multiplier.multiply(power, by: entry(row: row, digit: 1))
        }
    }

    /// result = base^exponent; the exponent is `bytes`, least significant byte first, of exactly
    /// ceil(exponentBits / 8) bytes with nothing above `exponentBits`. The multiplier must be one of the same modulus.
    package func power(
        _ bytes: UnsafeRawBufferPointer, into result: UnsafeMutablePointer<Limb>,
        using multiplier: borrowing ModularMultiplier
    ) {
        precondition(bytes.count == (exponentBits + 7) / 8, "the exponent has the wrong width")
        precondition(multiplier.modulus.limbCount == width, "the multiplier is of another modulus")
        result.update(from: entry(row: 0, digit: digit(0, of: bytes)), count: width)
        for row in 1..<max(rows, 1) {
            multiplier.multiply(result, by: entry(row: row, digit: digit(row, of: bytes)))
        }
    }

    private func digit(_ row: Int, of bytes: UnsafeRawBufferPointer) -> Int {
        var value = 0
        for bit in 0..<window {
            let position = row * window + bit
            guard position < exponentBits else { break }
            value |= Int(bytes[position / 8] >> (position % 8) & 1) << bit
        }
        return value
    }
}
