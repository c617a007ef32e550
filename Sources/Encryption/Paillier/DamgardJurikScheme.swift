package import BigInteger
package import Federation
package import Sodium
internal import Synchronization

/// `PaillierScheme` with plaintexts mod n^s: the same keys, fewer bytes. A ciphertext is (1 + n)^m hs^(n^(s - 1) r) mod n^(s + 1).
package struct DamgardJurikScheme: AdditiveScheme {
    package let key: PaillierPublicKey
    package let equations: DamgardJurik
    package let sealing: Sealing
    package let shape: PayloadShape
    package let arithmetic: Arithmetic
    /// n^(s + 1) for eight ciphertexts at a time.
    let lanes: LaneModulus?

    package init(
        key: PaillierPublicKey, degree: Int, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest
    ) {
        precondition(Arithmetic.supported.contains(arithmetic), "this machine has no arithmetic of that kind")
        self.key = key
        self.arithmetic = arithmetic
        let equations = DamgardJurik(n: key.n, degree: degree)
        self.equations = equations
        lanes = arithmetic == .lanes ? LaneModulus(equations.ciphertexts) : nil
        sealing = Sealing(
            suite: .paillier, key: key.id, profile: key.profile, layout: layout.digest, slots: slots, degree: degree)
        shape = PayloadShape(
            values: layout.count,
            valuesPerUnit: slots.values(
                plaintextBits: DamgardJurik.plaintextBits(modulusBits: key.bits, degree: degree)),
            bytesPerUnit: (degree + 1) * key.bits / 8)
    }

    /// Powers of the blinding base: made at the first call, some tenths of a second of one core at 3072 bits, and kept with the key.
    private func table(threads: Int) -> DamgardJurikTable {
        key.blindingTable(.init(degree: equations.degree, arithmetic: arithmetic)) {
            DamgardJurikTable(key: key, equations: equations, lanes: lanes, threads: threads)
        }
    }

    package func seal(
        part values: UnsafeBufferPointer<UInt32>, units: Range<Int>, threads: Int
    ) throws -> [UInt8] {
        try checkValues(values, units: units)
        let byteCount = units.count * shape.bytesPerUnit
        let table = table(threads: threads)
        return try [UInt8](unsafeUninitializedCapacity: byteCount) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            try Parallel.forEachBlock(of: units.count, size: laneCount, threads: threads) { block in
                var exponents = try SystemRandom.bytes(count: laneCount * exponentByteCount)
                defer { wipe(&exponents) }
                seal(values, block: block, exponents: exponents, to: target, with: table)
            }
            filled = byteCount
        }
    }

    package var exponentByteCount: Int { (key.exponentBits + 7) / 8 }

    /// Seals a whole vector with given blinding exponents, `exponentByteCount` bytes for each unit, least significant first: for known
    /// answers alone.
    package func seal(_ values: [UInt32], exponents: [UInt8]) throws -> [UInt8] {
        precondition(exponents.count == shape.units * exponentByteCount, "an exponent for each unit")
        let table = table(threads: 1)
        var payload = [UInt8](repeating: 0, count: shape.byteCount)
        try payload.withUnsafeMutableBytes { target in
            try values.withUnsafeBufferPointer { values in
                try checkValues(values, units: 0..<shape.units)
                var own = [UInt8](repeating: 0, count: laneCount * exponentByteCount)
                defer { wipe(&own) }
                for block in (0..<shape.units).groups {
                    let part = block.lowerBound * exponentByteCount..<block.upperBound * exponentByteCount
                    own.replaceSubrange(0..<part.count, with: exponents[part])
                    seal(values, block: block, exponents: own, to: target, with: table)
                }
            }
        }
        return payload
    }

    /// Up to eight units, at `block` in values and target.
    private func seal(
        _ values: UnsafeBufferPointer<UInt32>, block: Range<Int>, exponents: [UInt8],
        to target: UnsafeMutableRawBufferPointer, with table: DamgardJurikTable
    ) {
        let messages = block.map { position in
            let limbs = LimbBuffer(count: equations.plaintexts.limbCount)
            let slots = position * shape.valuesPerUnit..<min((position + 1) * shape.valuesPerUnit, values.count)
            sealing.slots.pack(UnsafeBufferPointer(rebasing: values[slots]), into: limbs.base, count: limbs.count)
            return equations.encode(Integer(limbs: limbs.base, count: limbs.count))
        }
        exponents.withUnsafeBytes { exponents in
            table.seal(messages, exponents: exponents) { index, ciphertext in
                let unit = shape.unit(block.lowerBound + index, of: target)
                ResidueBytes.write(ciphertext, count: equations.ciphertexts.limbCount, to: unit)
            }
        }
    }

    /// Its check of each contribution is a small part of what it does: it is always done.
    package func makeAccumulator(checking: InverseCheck) -> any Accumulator { DamgardJurikAccumulator(scheme: self) }

    /// As `PaillierValidation`, of ciphertexts below n^(s + 1).
    func check(_ payload: UnsafeRawBufferPointer, units: Range<Int>) throws {
        try shape.check(byteCount: payload.count)
        var product: Integer = 1
        for unit in units {
            let ciphertext = Integer(bigEndian: shape.unit(unit, of: payload))
            guard !ciphertext.isZero else { throw EncryptionError.ciphertextIsZero(index: unit) }
            guard ciphertext < equations.ciphertexts.value else {
                throw EncryptionError.ciphertextTooLarge(index: unit)
            }
            product = key.n.multiply(product, ciphertext)
        }
        guard product.greatestCommonDivisor(key.n.value) != 1 else { return }
        for unit in units {
            let ciphertext = Integer(bigEndian: shape.unit(unit, of: payload))
            if ciphertext.greatestCommonDivisor(key.n.value) != 1 {
                throw EncryptionError.ciphertextNotInvertible(index: unit)
            }
        }
    }
}

/// Powers of the blinding base mod n^(s + 1).
enum DamgardJurikTable: Sendable {
    struct Name: Hashable {
        let degree: Int
        let arithmetic: Arithmetic
    }

    case portable(FixedBaseTable)
    case lanes(LaneFixedBaseTable)

    init(key: PaillierPublicKey, equations: DamgardJurik, lanes: LaneModulus?, threads: Int) {
        let digits = LaneModulus.digits(bits: equations.ciphertexts.value.bitWidth)
        let comb = Comb.quickest(
            exponentBits: key.exponentBits,
            entries: min(BlindingTable.byteBudget / (8 * digits), 24 * key.exponentBits))
        let concurrently = { (count: Int, body: @Sendable (Int) -> Void) in
            Parallel.forEachBlock(of: count, size: 1, threads: threads) { body($0.lowerBound) }
        }
        let base = equations.blindingBase(key.hs)
        if let lanes {
            self = .lanes(LaneFixedBaseTable(base: base, modulus: lanes, comb: comb, concurrently: concurrently))
        } else {
            self = .portable(
                FixedBaseTable(base: base, modulus: equations.ciphertexts, comb: comb, concurrently: concurrently))
        }
    }

    /// Lends each message times a power of the base, by the exponents of eight.
    func seal(
        _ messages: [Integer], exponents: UnsafeRawBufferPointer, _ body: (Int, UnsafePointer<Limb>) -> Void
    ) {
        let each = exponents.count / laneCount
        switch self {
        case .portable(let table):
            let multiplier = ModularMultiplier(table.modulus)
            let ciphertext = LimbBuffer(count: table.modulus.limbCount)
            let factor = LimbBuffer(count: table.modulus.limbCount)
            for (index, message) in messages.enumerated() {
                let exponent = UnsafeRawBufferPointer(rebasing: exponents[index * each..<(index + 1) * each])
                table.power(exponent, into: ciphertext.base, using: multiplier)
                message.writeLimbs(to: factor.base, count: factor.count)
                multiplier.multiply(ciphertext.base, by: factor.base)
                body(index, ciphertext.base)
            }
        case .lanes(let table):
            let multiplier = LaneMultiplier(table.modulus)
            let rows = LaneRows(count: 2, of: table.modulus)
            let limbs = LimbBuffer(count: table.modulus.modulus.limbCount)
            table.powers(exponents, into: rows, 0, using: multiplier)
            for (lane, message) in messages.enumerated() {
                message.writeLimbs(to: limbs.base, count: limbs.count)
                rows.read(limbs: limbs.base, count: limbs.count, row: 1, lane: lane)
            }
            // The message's form takes the power out of Montgomery's.
            multiplier.multiply(rows, 0, by: rows, 1, into: rows, 0)
            multiplier.makeCanonical(rows)
            for lane in messages.indices {
                rows.write(lane: lane, toLimbs: limbs.base, count: limbs.count)
                body(lane, limbs.base)
            }
        }
    }
}

/// The running product mod n^(s + 1), unit by unit.
final class DamgardJurikAccumulator: Accumulator {
    private let scheme: DamgardJurikScheme
    private var products: [Integer] = []
    private(set) var contributions = 0

    init(scheme: DamgardJurikScheme) { self.scheme = scheme }

    func add(_ payload: some ContiguousCollection, sealing: Sealing, threads: Int) throws {
        try scheme.sealing.check(sealing)
        guard contributions < scheme.sealing.slots.cohort else {
            throw EncryptionError.cohortFull(cohort: scheme.sealing.slots.cohort)
        }
        let shape = scheme.shape
        products = try payload.withContiguousBytes { bytes in
            // Until all is checked, the products are as before.
            try scheme.check(bytes, units: 0..<shape.units)
            return (0..<shape.units).map { unit in
                let factor = Integer(bigEndian: shape.unit(unit, of: bytes))
                return contributions == 0
                    ? factor : scheme.equations.ciphertexts.multiply(products[unit], factor)
            }
        }
        contributions += 1
    }

    func sum() throws -> [UInt8] {
        guard contributions > 0 else { throw EncryptionError.nothingToSum }
        return products.flatMap { $0.bigEndianBytes(count: scheme.shape.bytesPerUnit) ?? [] }
    }
}

/// Opens sums of `DamgardJurikScheme`, one ciphertext at a time.
package struct DamgardJurikOpener: Opener {
    private let key: PaillierPrivateKey
    private let scheme: DamgardJurikScheme

    package var sealing: Sealing { scheme.sealing }
    package var shape: PayloadShape { scheme.shape }

    /// - Parameter scheme: of the same key.
    package init(key: PaillierPrivateKey, scheme: DamgardJurikScheme) {
        precondition(key.publicKey == scheme.key, "a scheme of another key")
        self.key = key
        self.scheme = scheme
    }

    package func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try sealing.check(other)
        try checkCount(contributions)
        let all = shape.values(ofUnits: units)
        return try sum.withContiguousBytes { bytes in
            try scheme.check(bytes, units: units)
            return try key.withDecryption(degree: scheme.equations.degree) { decryption in
                try [UInt64](unsafeUninitializedCapacity: all.count) { target, filled in
                    try Parallel.forEachBlock(of: units.count, size: 1, threads: threads) { block in
                        let unit = units.lowerBound + block.lowerBound
                        guard let plaintext = decryption.plaintext(of: Integer(bigEndian: shape.unit(unit, of: bytes)))
                        else { throw EncryptionError.ciphertextOutsideSubgroup(index: unit) }
                        try unpack(plaintext, unit: unit, into: target, of: all, contributions: contributions)
                    }
                    filled = all.count
                }
            }
        }
    }
}
