internal import BigInteger
package import Federation
internal import Sodium

/// Packed Paillier for one layout and one cohort: a payload is a row of ciphertexts, each |n|/4 bytes, most significant
/// first, each over as many slots as a plaintext has (the last may be part-filled; its free slots are 0).
package struct PaillierScheme: AdditiveScheme {
    package let key: PaillierPublicKey
    package let sealing: Sealing
    package let shape: PayloadShape

    /// Ciphertexts that a thread takes at a time: some tens of milliseconds of work.
    static let blockSize = 16

    package init(key: PaillierPublicKey, layout: VectorLayout, slots: SlotLayout) {
        self.key = key
        sealing = Sealing(
            suite: .paillier, key: key.id, profile: key.profile, layout: layout.digest, slots: slots)
        shape = PayloadShape(
            values: layout.count, valuesPerUnit: slots.slots(modulusBits: key.bits), bytesPerUnit: key.bits / 4)
    }

    package func seal(
        part values: UnsafeBufferPointer<UInt32>, units: Range<Int>, threads: Int
    ) throws -> [UInt8] {
        try checkValues(values, units: units)
        let table = key.blindingTable(threads: threads)
        let byteCount = units.count * shape.bytesPerUnit
        return try [UInt8](unsafeUninitializedCapacity: byteCount) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            let first = shape.values(ofUnits: units).lowerBound
            try Parallel.forEachBlock(of: units.count, size: PaillierScheme.blockSize, threads: threads) { block in
                let part = shape.values(
                    ofUnits: units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound)
                try seal(
                    UnsafeBufferPointer(rebasing: values[part.lowerBound - first..<part.upperBound - first]),
                    units: block.count,
                    to: UnsafeMutableRawBufferPointer(rebasing: target[shape.bytes(ofUnits: block)]), with: table)
            }
            filled = byteCount
        }
    }

    /// c = (1 + m n) * hs^r mod n^2 for each unit of `values`, written to `target`; r fresh from the system's generator.
    private func seal(
        _ values: UnsafeBufferPointer<UInt32>, units: Int, to target: UnsafeMutableRawBufferPointer,
        with table: FixedBaseTable
    ) throws {
        let multiplier = ModularMultiplier(key.nSquared)
        let plaintext = LimbBuffer(count: key.n.limbCount)
        let message = LimbBuffer(count: key.nSquared.limbCount)
        let ciphertext = LimbBuffer(count: key.nSquared.limbCount)
        let exponentBytes = (key.exponentBits + 7) / 8
        var exponents = try SystemRandom.bytes(count: units * exponentBytes)
        defer { wipe(&exponents) }
        exponents.withUnsafeBytes { exponents in
            for position in 0..<units {
                let slots = position * shape.valuesPerUnit..<min((position + 1) * shape.valuesPerUnit, values.count)
                let exponent = exponents[position * exponentBytes..<(position + 1) * exponentBytes]
                table.power(UnsafeRawBufferPointer(rebasing: exponent), into: ciphertext.base, using: multiplier)
                sealing.slots.pack(
                    UnsafeBufferPointer(rebasing: values[slots]), into: plaintext.base,
                    count: plaintext.count)
                key.n.multiply(plaintext.base, adding: 1, into: message.base)
                multiplier.multiply(ciphertext.base, by: message.base)
                ResidueBytes.write(
                    ciphertext.base, count: ciphertext.count,
                    to: UnsafeMutableRawBufferPointer(rebasing: target[shape.bytes(ofUnit: position)]))
            }
        }
    }

    package func makeAccumulator() -> any Accumulator { PaillierAccumulator(scheme: self) }
}
