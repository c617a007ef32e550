package import BigInteger
package import Federation
internal import Sodium

/// Packed Paillier for one layout and one cohort: a payload is a row of ciphertexts, each |n|/4 bytes, most significant
/// first, each over as many slots as a plaintext has (the last may be part-filled; its free slots are 0).
package struct PaillierScheme: AdditiveScheme {
    package let key: PaillierPublicKey
    package let sealing: Sealing
    package let shape: PayloadShape
    package let arithmetic: Arithmetic
    /// Told of what is sealed, for the proof of plaintext knowledge, where there is to be one.
    private var witness: PlaintextWitness?

    /// Ciphertexts that a thread takes at a time: some milliseconds of work.
    static let blockSize = 16

    /// - Parameter arithmetic: one of those that this machine has.
    package init(
        key: PaillierPublicKey, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest
    ) {
        precondition(Arithmetic.supported.contains(arithmetic), "this machine has no arithmetic of that kind")
        self.key = key
        self.arithmetic = arithmetic
        sealing = Sealing(
            suite: .paillier, key: key.id, profile: key.profile, layout: layout.digest, slots: slots)
        shape = PayloadShape(
            values: layout.count, valuesPerUnit: slots.slots(modulusBits: key.bits), bytesPerUnit: key.bits / 4)
    }

    package func seal(
        part values: UnsafeBufferPointer<UInt32>, units: Range<Int>, threads: Int
    ) throws -> [UInt8] {
        try checkValues(values, units: units)
        let table = key.blindingTable(threads: threads, arithmetic: arithmetic)
        let byteCount = units.count * shape.bytesPerUnit
        return try [UInt8](unsafeUninitializedCapacity: byteCount) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            let first = shape.values(ofUnits: units).lowerBound
            try Parallel.forEachBlock(of: units.count, size: PaillierScheme.blockSize, threads: threads) { block in
                let part = shape.values(
                    ofUnits: units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound)
                var exponents = try SystemRandom.bytes(count: block.count * exponentByteCount)
                defer { wipe(&exponents) }
                let values = UnsafeBufferPointer(rebasing: values[part.lowerBound - first..<part.upperBound - first])
                let sealed = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
                witness?.record(values, units: sealed, exponents: exponents)
                seal(
                    values, units: block.count, exponents: exponents,
                    to: UnsafeMutableRawBufferPointer(rebasing: target[shape.bytes(ofUnits: block)]), with: table)
            }
            filled = byteCount
        }
    }

    /// The bytes of one blinding exponent.
    package var exponentByteCount: Int { (key.exponentBits + 7) / 8 }

    /// Seals `units` of a whole vector with given blinding exponents, `exponentByteCount` bytes for each, least significant
    /// first: for known answers alone. Two ciphertexts with the same exponent give the difference of their plaintexts away.
    package func seal(_ values: [UInt32], units: Range<Int>, exponents: [UInt8]) throws -> [UInt8] {
        precondition(exponents.count == units.count * exponentByteCount, "an exponent for each unit")
        let table = key.blindingTable(threads: 1, arithmetic: arithmetic)
        var payload = [UInt8](repeating: 0, count: units.count * shape.bytesPerUnit)
        try payload.withUnsafeMutableBytes { target in
            try values.withUnsafeBufferPointer { values in
                let part = UnsafeBufferPointer(rebasing: values[shape.values(ofUnits: units)])
                try checkValues(part, units: units)
                witness?.record(part, units: units, exponents: exponents)
                seal(part, units: units.count, exponents: exponents, to: target, with: table)
            }
        }
        return payload
    }

    /// c = (1 + m n) * hs^r mod n^2 for each of the `units` that `values` fill, written to `target`.
    private func seal(
        _ values: UnsafeBufferPointer<UInt32>, units: Int, exponents: [UInt8],
        to target: UnsafeMutableRawBufferPointer, with table: BlindingTable
    ) {
        exponents.withUnsafeBytes { exponents in
            switch table {
            case .portable(let table): seal(values, units: units, exponents: exponents, to: target, with: table)
            case .lanes(let table): seal(values, units: units, exponents: exponents, to: target, with: table)
            }
        }
    }

    private func seal(
        _ values: UnsafeBufferPointer<UInt32>, units: Int, exponents: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawBufferPointer, with table: FixedBaseTable
    ) {
        let multiplier = ModularMultiplier(key.nSquared)
        let plaintext = LimbBuffer(count: key.n.limbCount)
        let message = LimbBuffer(count: key.nSquared.limbCount)
        let ciphertext = LimbBuffer(count: key.nSquared.limbCount)
        for position in 0..<units {
            let exponent = exponents[position * exponentByteCount..<(position + 1) * exponentByteCount]
            table.power(UnsafeRawBufferPointer(rebasing: exponent), into: ciphertext.base, using: multiplier)
            write(message: position, of: values, through: plaintext, to: message)
            multiplier.multiply(ciphertext.base, by: message.base)
            ResidueBytes.write(
                ciphertext.base, count: ciphertext.count,
                to: shape.unit(position, of: target))
        }
    }

    /// Eight at a time. Lanes beyond the last unit work on with the exponent 0 and a message of 0.
    private func seal(
        _ values: UnsafeBufferPointer<UInt32>, units: Int, exponents: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawBufferPointer, with table: LaneSquareTable
    ) {
        let multiplier = LaneSquareMultiplier(table.modulus)
        let plaintext = LimbBuffer(count: key.n.limbCount)
        let powers = LaneRows(count: 3, of: table.modulus.n)
        let messages = LaneRows(count: 1, of: table.modulus.n)
        let ciphertexts = table.modulus.residues(count: 1)
        var group = [UInt8](repeating: 0, count: laneCount * exponentByteCount)
        defer { wipe(&group) }
        for positions in (0..<units).groups {
            group.withUnsafeMutableBytes { group in
                group.copyBytes(
                    from: exponents[positions.lowerBound * exponentByteCount..<positions.upperBound * exponentByteCount]
                )
                // Of a last group alone: a block is a whole number of groups.
                for index in positions.count * exponentByteCount..<group.count { group[index] = 0 }
                table.powers(UnsafeRawBufferPointer(group), into: powers, 0, using: multiplier)
            }
            for (lane, position) in positions.enumerated() {
                pack(position, of: values, into: plaintext)
                messages.read(limbs: plaintext.base, count: plaintext.count, lane: lane)
            }
            multiplier.seal(powers, message: messages, into: ciphertexts)
            ciphertexts.writeAll(width: shape.bytesPerUnit) { lane in
                lane < positions.count ? shape.unit(positions.lowerBound + lane, of: target) : nil
            }
        }
    }

    /// The plaintext of the unit at `position` in `values`.
    private func pack(
        _ position: Int, of values: UnsafeBufferPointer<UInt32>, into plaintext: borrowing LimbBuffer
    ) {
        let slots = position * shape.valuesPerUnit..<min((position + 1) * shape.valuesPerUnit, values.count)
        sealing.slots.pack(
            UnsafeBufferPointer(rebasing: values[slots]), into: plaintext.base, count: plaintext.count)
    }

    /// 1 + m n for the plaintext m of the unit at `position` in `values`.
    private func write(
        message position: Int, of values: UnsafeBufferPointer<UInt32>, through plaintext: borrowing LimbBuffer,
        to message: borrowing LimbBuffer
    ) {
        pack(position, of: values, into: plaintext)
        key.n.multiply(plaintext.base, adding: 1, into: message.base)
    }

    /// The same scheme, which tells `witness` of all that it seals.
    package func recording(_ witness: PlaintextWitness) -> PaillierScheme {
        var scheme = self
        scheme.witness = witness
        return scheme
    }

    package func makeAccumulator() -> any Accumulator { PaillierAccumulator(scheme: self) }
}
