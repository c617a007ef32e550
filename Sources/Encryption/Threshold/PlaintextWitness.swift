internal import BigInteger
internal import Federation
internal import Sodium
internal import Synchronization

/// What the sealer of a contribution knows of each ciphertext, kept from its sealing to its proof (`PlaintextProof`) in
/// memory that is wiped on release: 600 bytes or less for each ciphertext at 3072 bits.
///
/// Unchecked: each unit is written once, by the thread that seals it, and read after all are there, which `sealed`
/// counts.
package final class PlaintextWitness: @unchecked Sendable {
    let shape: PayloadShape
    private let slots: SlotLayout
    private let plaintextLimbs: Int
    private let exponentBytes: Int
    private let exponentLimbs: Int
    private let plaintexts: LimbBuffer
    private let exponents: LimbBuffer
    private let sealed = Atomic<Int>(0)

    /// For one payload of `scheme`.
    package init(for scheme: PaillierScheme) {
        shape = scheme.shape
        slots = scheme.sealing.slots
        plaintextLimbs = scheme.key.n.limbCount
        exponentBytes = scheme.exponentByteCount
        exponentLimbs = (exponentBytes + 7) / 8
        plaintexts = LimbBuffer(count: shape.units * plaintextLimbs)
        exponents = LimbBuffer(count: shape.units * exponentLimbs)
    }

    /// Keeps the values of consecutive units and the exponents that blind them, least significant byte first, one
    /// behind the other; there may be more of these.
    func record(_ values: UnsafeBufferPointer<UInt32>, units: Range<Int>, exponents bytes: UnsafeRawBufferPointer) {
        let width = exponentBytes
        precondition(units.upperBound <= shape.units && bytes.count >= units.count * width, "units of this payload")
        for (position, unit) in units.enumerated() {
            let part = position * shape.valuesPerUnit..<min((position + 1) * shape.valuesPerUnit, values.count)
            slots.pack(
                UnsafeBufferPointer(rebasing: values[part]), into: plaintexts.base + unit * plaintextLimbs,
                count: plaintextLimbs)
            let exponent = exponents.base + unit * exponentLimbs
            UnsafeMutableRawBufferPointer(start: exponent, count: exponentLimbs * 8)
                .copyBytes(from: bytes[position * width..<(position + 1) * width])
        }
        sealed.add(units.count, ordering: .acquiringAndReleasing)
    }

    /// The sums of the plaintexts and of the exponents, each times its weight.
    func sums(weights: [UInt8]) throws(ThresholdError) -> (plaintext: Integer, exponent: Integer) {
        let count = sealed.load(ordering: .acquiring)
        guard count == shape.units else { throw .incompleteWitness(sealed: count, units: shape.units) }
        var sums: (plaintext: Integer, exponent: Integer) = (0, 0)
        for unit in 0..<shape.units {
            let weight = BatchWeights.integer(weights, unit)
            sums.plaintext +=
                weight * Integer(limbs: plaintexts.base + unit * plaintextLimbs, count: plaintextLimbs)
            sums.exponent += weight * Integer(limbs: exponents.base + unit * exponentLimbs, count: exponentLimbs)
        }
        return sums
    }
}

extension RoundScheme {
    /// The same scheme, which records what it seals; nil under a suite that has no such proof.
    package func recording() -> (round: RoundScheme, witness: PlaintextWitness)? {
        guard let scheme = scheme as? PaillierScheme else { return nil }
        let witness = PlaintextWitness(for: scheme)
        return (
            RoundScheme(
                scheme: scheme.recording(witness), quantiser: quantiser, slots: slots, layout: layout, split: split,
                sumNoise: sumNoise),
            witness
        )
    }

    private init(
        scheme: any AdditiveScheme, quantiser: Quantiser, slots: SlotLayout, layout: VectorLayout,
        split: SelectiveSplit?, sumNoise: SumShare?
    ) {
        self.sumNoise = sumNoise
        self.scheme = scheme
        self.quantiser = quantiser
        self.slots = slots
        self.layout = layout
        self.split = split
    }
}
