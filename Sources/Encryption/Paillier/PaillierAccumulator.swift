internal import BigInteger
internal import Sodium

/// The running product mod n^2, unit by unit: memory does not grow with the number of contributions. It is not blinded
/// anew, so anyone with the contributions can recompute it.
final class PaillierAccumulator: Accumulator {
    private let scheme: PaillierScheme
    private let products: any CiphertextProducts
    private let checking: InverseCheck
    private(set) var contributions = 0

    init(scheme: PaillierScheme, checking: InverseCheck) {
        self.scheme = scheme
        self.checking = checking
        products =
            switch scheme.arithmetic {
            case .portable: PortableProducts(key: scheme.key, shape: scheme.shape)
            case .lanes: LaneProducts(key: scheme.key, shape: scheme.shape)
            }
    }

    func add(_ payload: some ContiguousCollection, sealing: Sealing, threads: Int) throws {
        try scheme.sealing.check(sealing)
        guard contributions < scheme.sealing.slots.cohort else {
            throw EncryptionError.cohortFull(cohort: scheme.sealing.slots.cohort)
        }
        try payload.withContiguousBytes { bytes in
            // The products are kept only once everything is checked: a refused contribution must leave no trace.
            let (validation, units) = (PaillierValidation(scheme), 0..<scheme.shape.units)
            switch checking {
            case .eachContribution:
                try validation.check(bytes, units: units, threads: threads) {
                    products.residue(adding: bytes, units: $0)
                }
            case .sum:
                try validation.checkRanges(bytes, units: units, threads: threads) { block in
                    for unit in products.add(bytes, units: block) where !validation.isInvertible(unit, in: bytes) {
                        throw EncryptionError.ciphertextNotInvertible(index: unit)
                    }
                }
            }
        }
        products.keep()
        contributions += 1
    }

    func sum() throws -> [UInt8] {
        guard contributions > 0 else { throw EncryptionError.nothingToSum }
        if checking == .sum, products.residue.greatestCommonDivisor(scheme.key.n.value) != 1 {
            throw EncryptionError.sumNotInvertible
        }
        let byteCount = scheme.shape.byteCount
        return [UInt8](unsafeUninitializedCapacity: byteCount) { target, filled in
            products.write(to: UnsafeMutableRawBufferPointer(target))
            filled = byteCount
        }
    }
}
