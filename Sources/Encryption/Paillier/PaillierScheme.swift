package import BigInteger
package import Federation
internal import Sodium

/// Packed Paillier for one layout and one cohort: a payload is a row of ciphertexts, each |n|/4 bytes, most significant
/// first, each over a counter and as many values as a plaintext has room for (the last may be part-filled; its free slots
/// are 0).
package struct PaillierScheme: AdditiveScheme {
    package let key: PaillierPublicKey
    package let sealing: Sealing
    package let shape: PayloadShape
    package let arithmetic: Arithmetic
    /// Blinding made in advance; more is made where it runs out.
    private let pool: BlindingPool?
    /// Told of what is sealed, for the proof of plaintext knowledge, where there is to be one.
    private var witness: PlaintextWitness?

    /// Ciphertexts that a thread takes at a time: some milliseconds of work.
    static let blockSize = 16

    /// - Parameters:
    ///   - arithmetic: one of those that this machine has.
    ///   - pool: of the same key and arithmetic.
    package init(
        key: PaillierPublicKey, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest,
        pool: BlindingPool? = nil
    ) {
        precondition(Arithmetic.supported.contains(arithmetic), "this machine has no arithmetic of that kind")
        precondition(pool.map { $0.key == key && $0.arithmetic == arithmetic } ?? true, "a pool of another key")
        self.key = key
        self.arithmetic = arithmetic
        self.pool = pool
        sealing = Sealing(
            suite: .paillier, key: key.id, profile: key.profile, layout: layout.digest, slots: slots)
        shape = PayloadShape(
            values: layout.count, valuesPerUnit: slots.values(plaintextBits: key.bits - 1), bytesPerUnit: key.bits / 4)
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
                try seal(
                    UnsafeBufferPointer(rebasing: values[part.lowerBound - first..<part.upperBound - first]),
                    units: units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound, exponents: nil,
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
                try seal(part, units: units, exponents: exponents, to: target, with: table)
            }
        }
        return payload
    }

    /// c = (1 + m n) * hs^r mod n^2 for each of the `units` that `values` fill, written to `target`; with fresh exponents if none are
    /// given.
    private func seal(
        _ values: UnsafeBufferPointer<UInt32>, units: Range<Int>, exponents: [UInt8]?,
        to target: UnsafeMutableRawBufferPointer, with table: BlindingTable
    ) throws {
        var group = [UInt8](repeating: 0, count: laneCount * exponentByteCount)
        defer { wipe(&group) }
        func drawExponents(for positions: Range<Int>) throws {
            if let exponents {
                let part = positions.lowerBound * exponentByteCount..<positions.upperBound * exponentByteCount
                group.replaceSubrange(0..<part.count, with: exponents[part])
            } else {
                wipe(&group)
                group = try SystemRandom.bytes(count: group.count)
            }
        }
        /// `entry` is what the units at `positions` are blinded with, or `group` where it is nil.
        func record(_ positions: Range<Int>, _ entry: BlindingPool.Entry?) {
            guard let witness else { return }
            let places = positions.lowerBound * shape.valuesPerUnit..<positions.upperBound * shape.valuesPerUnit
            let sealed = units.lowerBound + positions.lowerBound..<units.lowerBound + positions.upperBound
            let values = UnsafeBufferPointer(rebasing: values[places.clamped(to: values.indices)])
            if let entry {
                entry.exponents.withUnsafeBytes { witness.record(values, units: sealed, exponents: $0) }
            } else {
                group.withUnsafeBytes { witness.record(values, units: sealed, exponents: $0) }
            }
        }
        let plaintext = LimbBuffer(count: key.n.limbCount)
        switch table {
        case .portable(let table):
            let multiplier = ModularMultiplier(key.nSquared)
            let message = LimbBuffer(count: key.nSquared.limbCount)
            let ciphertext = LimbBuffer(count: key.nSquared.limbCount)
            for positions in (0..<units.count).groups {
                let entry = exponents == nil ? pool?.take() : nil
                if entry == nil { try drawExponents(for: positions) }
                record(positions, entry)
                for (index, position) in positions.enumerated() {
                    if case .portable(let ready)? = entry?.powers {
                        ciphertext.base.update(
                            from: ready.limbs.base + index * ciphertext.count, count: ciphertext.count)
                    } else {
                        group.withUnsafeBytes { group in
                            let exponent = group[index * exponentByteCount..<(index + 1) * exponentByteCount]
                            table.power(
                                UnsafeRawBufferPointer(rebasing: exponent), into: ciphertext.base, using: multiplier)
                        }
                    }
                    pack(position, of: values, into: plaintext)
                    key.n.multiply(plaintext.base, adding: 1, into: message.base)
                    multiplier.multiply(ciphertext.base, by: message.base)
                    ResidueBytes.write(ciphertext.base, count: ciphertext.count, to: shape.unit(position, of: target))
                }
            }
        case .lanes(let table):
            // Eight at a time. Lanes beyond the last unit work on with any exponent and message.
            let multiplier = LaneSquareMultiplier(table.modulus)
            let powers = LaneRows(count: 3, of: table.modulus.n)
            let messages = LaneRows(count: 1, of: table.modulus.n)
            let ciphertexts = table.modulus.residues(count: 1)
            for positions in (0..<units.count).groups {
                for (lane, position) in positions.enumerated() {
                    pack(position, of: values, into: plaintext)
                    messages.read(limbs: plaintext.base, count: plaintext.count, lane: lane)
                }
                let entry = exponents == nil ? pool?.take() : nil
                if entry == nil { try drawExponents(for: positions) }
                record(positions, entry)
                if case .lanes(let ready)? = entry?.powers {
                    multiplier.seal(ready.rows, message: messages, into: ciphertexts)
                } else {
                    group.withUnsafeBytes { table.powers($0, into: powers, 0, using: multiplier) }
                    multiplier.seal(powers, message: messages, into: ciphertexts)
                }
                ciphertexts.writeAll(width: shape.bytesPerUnit) { lane in
                    lane < positions.count ? shape.unit(positions.lowerBound + lane, of: target) : nil
                }
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

    /// The same scheme, which tells `witness` of all that it seals.
    package func recording(_ witness: PlaintextWitness) -> PaillierScheme {
        var scheme = self
        scheme.witness = witness
        return scheme
    }

    package func makeAccumulator(checking: InverseCheck) -> any Accumulator {
        PaillierAccumulator(scheme: self, checking: checking)
    }
}
