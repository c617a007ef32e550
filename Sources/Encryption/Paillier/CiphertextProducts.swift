internal import BigInteger

/// A product mod n^2 for each unit of a payload. Different units may be worked on at the same time, where they are in different
/// runs of eight counted from 0.
protocol CiphertextProducts: AnyObject {
    /// Takes the ciphertexts `units` of a checked payload for the products so far.
    func set(_ payload: UnsafeRawBufferPointer, units: Range<Int>)
    /// Multiplies the ciphertexts `units` of a checked payload into the products.
    func multiply(_ payload: UnsafeRawBufferPointer, units: Range<Int>)
    /// Writes all products, of `factors` payloads each.
    func write(to target: UnsafeMutableRawBufferPointer, factors: Int)
}

/// One at a time.
final class PortableProducts: CiphertextProducts {
    private let shape: PayloadShape
    private let modulus: Modulus
    private let products: LimbBuffer

    init(key: PaillierPublicKey, shape: PayloadShape) {
        self.shape = shape
        modulus = key.nSquared
        products = LimbBuffer(count: shape.units * key.nSquared.limbCount)
    }

    func set(_ payload: UnsafeRawBufferPointer, units: Range<Int>) {
        for unit in units {
            ResidueBytes.read(shape.unit(unit, of: payload), into: product(unit), count: modulus.limbCount)
        }
    }

    func multiply(_ payload: UnsafeRawBufferPointer, units: Range<Int>) {
        let multiplier = ModularMultiplier(modulus)
        let factor = LimbBuffer(count: modulus.limbCount)
        for unit in units {
            ResidueBytes.read(shape.unit(unit, of: payload), into: factor.base, count: factor.count)
            multiplier.multiply(product(unit), by: factor.base)
        }
    }

    func write(to target: UnsafeMutableRawBufferPointer, factors: Int) {
        for unit in 0..<shape.units {
            ResidueBytes.write(product(unit), count: modulus.limbCount, to: shape.unit(unit, of: target))
        }
    }

    private func product(_ unit: Int) -> UnsafeMutablePointer<Limb> { products.base + unit * modulus.limbCount }
}

/// Eight at a time: a product of k ciphertexts is kept as itself times R^(1 - k), which is made good when it is written.
final class LaneProducts: CiphertextProducts {
    private let shape: PayloadShape
    private let modulus: LaneModulus
    private let products: LaneRows

    init(key: PaillierPublicKey, shape: PayloadShape) {
        self.shape = shape
        modulus = key.lanesOrTrap.nSquared
        products = LaneRows(count: (shape.units + laneCount - 1) / laneCount, of: modulus)
    }

    func set(_ payload: UnsafeRawBufferPointer, units: Range<Int>) {
        for unit in units {
            products.read(shape.unit(unit, of: payload), row: unit / laneCount, lane: unit % laneCount)
        }
    }

    func multiply(_ payload: UnsafeRawBufferPointer, units: Range<Int>) {
        precondition(units.lowerBound.isMultiple(of: laneCount), "units in runs of eight")
        let multiplier = LaneMultiplier(modulus)
        let factors = LaneRows(count: 1, of: modulus)
        for group in units.groups {
            for (lane, unit) in group.enumerated() { factors.read(shape.unit(unit, of: payload), lane: lane) }
            let row = group.lowerBound / laneCount
            multiplier.multiply(products, row, by: factors, into: products, row)
        }
    }

    func write(to target: UnsafeMutableRawBufferPointer, factors: Int) {
        let multiplier = LaneMultiplier(modulus)
        let radix = modulus.radix(factors)
        let result = LaneRows(count: 1, of: modulus)
        for group in (0..<shape.units).groups {
            multiplier.multiply(products, group.lowerBound / laneCount, by: radix, into: result, 0)
            multiplier.makeCanonical(result)
            for (lane, unit) in group.enumerated() { result.write(lane: lane, to: shape.unit(unit, of: target)) }
        }
    }
}
