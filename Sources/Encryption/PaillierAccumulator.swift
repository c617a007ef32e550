internal import BigInteger
internal import Sodium

/// The running product mod n^2, unit by unit: memory does not grow with the number of contributions. It is not blinded
/// anew, so anyone with the contributions can recompute it.
final class PaillierAccumulator: Accumulator {
    private let scheme: PaillierScheme
    private let products: LimbBuffer
    private(set) var contributions = 0

    init(scheme: PaillierScheme) {
        self.scheme = scheme
        products = LimbBuffer(count: scheme.shape.units * scheme.key.nSquared.limbCount)
    }

    func add(_ payload: some ContiguousCollection, sealing: Sealing, threads: Int) throws {
        try scheme.sealing.check(sealing)
        guard contributions < scheme.sealing.slots.cohort else {
            throw EncryptionError.cohortFull(cohort: scheme.sealing.slots.cohort)
        }
        try payload.withContiguousBytes { bytes in
            // First every check, then every product: a refused contribution must leave no trace.
            try PaillierValidation(key: scheme.key, shape: scheme.shape).check(
                bytes, units: 0..<scheme.shape.units, threads: threads)
            Parallel.forEachBlock(of: scheme.shape.units, size: 64, threads: threads) { block in
                multiply(bytes, units: block)
            }
        }
        contributions += 1
    }

    private func multiply(_ payload: UnsafeRawBufferPointer, units: Range<Int>) {
        let multiplier = ModularMultiplier(scheme.key.nSquared)
        let count = scheme.key.nSquared.limbCount
        let factor = LimbBuffer(count: count)
        for unit in units {
            let bytes = UnsafeRawBufferPointer(rebasing: payload[scheme.shape.bytes(ofUnit: unit)])
            let product = products.base + unit * count
            if contributions == 0 {
                ResidueBytes.read(bytes, into: product, count: count)
            } else {
                ResidueBytes.read(bytes, into: factor.base, count: count)
                multiplier.multiply(product, by: factor.base)
            }
        }
    }

    func sum() throws -> [UInt8] {
        guard contributions > 0 else { throw EncryptionError.nothingToSum }
        let shape = scheme.shape
        let count = scheme.key.nSquared.limbCount
        return [UInt8](unsafeUninitializedCapacity: shape.byteCount) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            for unit in 0..<shape.units {
                ResidueBytes.write(
                    products.base + unit * count, count: count,
                    to: UnsafeMutableRawBufferPointer(rebasing: target[shape.bytes(ofUnit: unit)]))
            }
            filled = shape.byteCount
        }
    }
}
