internal import BigInteger

/// A product mod n^2 for each unit of a payload, made anew for each payload added: until `keep` the products are as before. Different
/// units may be worked on at the same time, where they are in different runs of eight counted from 0.
protocol CiphertextProducts: AnyObject {
    /// Multiplies the ciphertexts `units` of a payload into the products, or takes them for these if there are none yet. Answers
    /// which of them may be multiples of n: all that are.
    func add(_ payload: UnsafeRawBufferPointer, units: Range<Int>) -> [Int]
    /// The same, but answers the product mod n of these ciphertexts, up to a power of two.
    func residue(adding payload: UnsafeRawBufferPointer, units: Range<Int>) -> Integer
    /// Keeps what was added for all units.
    func keep()
    /// The product mod n of all that is kept, up to a power of two.
    var residue: Integer { get }
    /// Writes all products.
    func write(to target: UnsafeMutableRawBufferPointer)
}

/// One at a time.
final class PortableProducts: CiphertextProducts {
    private let key: PaillierPublicKey
    private let shape: PayloadShape
    private var products: LimbBuffer
    private var next: LimbBuffer
    private var isEmpty = true

    init(key: PaillierPublicKey, shape: PayloadShape) {
        self.key = key
        self.shape = shape
        products = LimbBuffer(count: shape.units * key.nSquared.limbCount)
        next = LimbBuffer(count: shape.units * key.nSquared.limbCount)
    }

    func add(_ payload: UnsafeRawBufferPointer, units: Range<Int>) -> [Int] {
        let residues = ModularMultiplier(key.n)
        let residue = LimbBuffer(count: key.n.limbCount)
        var found: [Int] = []
        add(payload, units) { unit, ciphertext in
            residues.reduce(ciphertext, count: key.nSquared.limbCount, into: residue.base)
            if (0..<residue.count).allSatisfy({ residue.base[$0] == 0 }) { found.append(unit) }
        }
        return found
    }

    func residue(adding payload: UnsafeRawBufferPointer, units: Range<Int>) -> Integer {
        let all = ResidueProduct(key)
        add(payload, units) { all.multiply($1) }
        return all.product
    }

    var residue: Integer {
        let all = ResidueProduct(key)
        for unit in 0..<shape.units { all.multiply(products.base + unit * key.nSquared.limbCount) }
        return all.product
    }

    /// - Parameter each: is lent each ciphertext.
    private func add(_ payload: UnsafeRawBufferPointer, _ units: Range<Int>, each: (Int, UnsafePointer<Limb>) -> Void) {
        let width = key.nSquared.limbCount
        let multiplier = ModularMultiplier(key.nSquared)
        let factor = LimbBuffer(count: width)
        for unit in units {
            ResidueBytes.read(shape.unit(unit, of: payload), into: factor.base, count: width)
            each(unit, factor.base)
            let target = next.base + unit * width
            if isEmpty {
                target.update(from: factor.base, count: width)
            } else {
                target.update(from: products.base + unit * width, count: width)
                multiplier.multiply(target, by: factor.base)
            }
        }
    }

    func keep() {
        swap(&products, &next)
        isEmpty = false
    }

    func write(to target: UnsafeMutableRawBufferPointer) {
        let width = key.nSquared.limbCount
        for unit in 0..<shape.units {
            ResidueBytes.write(products.base + unit * width, count: width, to: shape.unit(unit, of: target))
        }
    }
}

/// The product mod n of many ciphertexts.
struct ResidueProduct: ~Copyable {
    private let multiplier: ModularMultiplier
    private let residue: LimbBuffer
    private let all: LimbBuffer
    private let width: Int

    init(_ key: PaillierPublicKey) {
        multiplier = ModularMultiplier(key.n)
        residue = LimbBuffer(count: key.n.limbCount)
        all = LimbBuffer(count: key.n.limbCount)
        all.base[0] = 1
        width = key.nSquared.limbCount
    }

    borrowing func multiply(_ ciphertext: UnsafePointer<Limb>) {
        multiplier.reduce(ciphertext, count: width, into: residue.base)
        multiplier.multiply(all.base, by: residue.base)
    }

    var product: Integer { Integer(limbs: all.base, count: all.count) }
}

/// Eight at a time: a product is kept as two rows mod n.
final class LaneProducts: CiphertextProducts {
    private let shape: PayloadShape
    private let modulus: LaneSquareModulus
    private var products: LaneRows
    private var next: LaneRows
    private var isEmpty = true

    init(key: PaillierPublicKey, shape: PayloadShape) {
        self.shape = shape
        modulus = key.lanesOrTrap.square
        let groups = (shape.units + laneCount - 1) / laneCount
        products = .unset(count: 2 * groups, of: modulus.n)
        next = .unset(count: 2 * groups, of: modulus.n)
    }

    func add(_ payload: UnsafeRawBufferPointer, units: Range<Int>) -> [Int] {
        let multiplier = LaneSquareMultiplier(modulus)
        var found: [Int] = []
        add(payload, units) { group, rows, row in
            let near = multiplier.lanesNearZero(rows, row)
            guard near != 0 else { return }
            found += (0..<group.count).filter { near & 1 << UInt8($0) != 0 }.map { group.lowerBound + $0 }
        }
        return found
    }

    func residue(adding payload: UnsafeRawBufferPointer, units: Range<Int>) -> Integer {
        let check = LaneResidueProduct(modulus)
        add(payload, units) { check.multiply($1, $2) }
        return check.product
    }

    var residue: Integer {
        let check = LaneResidueProduct(modulus)
        for group in (0..<shape.units).groups { check.multiply(products, group.lowerBound / laneCount * 2) }
        return check.product
    }

    /// - Parameter each: is lent the lower row, by its number, of every eight ciphertexts, with which these are.
    private func add(
        _ payload: UnsafeRawBufferPointer, _ units: Range<Int>, each: (Range<Int>, borrowing LaneRows, Int) -> Void
    ) {
        precondition(units.lowerBound.isMultiple(of: laneCount), "units in runs of eight")
        let multiplier = LaneSquareMultiplier(modulus)
        let ciphertexts = modulus.residues(count: 1)
        let split = LaneRows(count: 2, of: modulus.n)
        for group in units.groups {
            ciphertexts.readAll(width: shape.bytesPerUnit) { lane in
                lane < group.count ? shape.unit(group.lowerBound + lane, of: payload) : nil
            }
            let following = group.upperBound..<min(group.upperBound + laneCount, shape.units)
            LaneRows.prefetch(UnsafeRawBufferPointer(rebasing: payload[shape.bytes(ofUnits: following)]))
            let row = group.lowerBound / laneCount * 2
            if isEmpty {
                multiplier.split(ciphertexts, into: next, row)
                each(group, next, row)
            } else {
                multiplier.split(ciphertexts, into: split)
                each(group, split, 0)
                multiplier.multiply(products, row, by: split, 0, into: next, row)
            }
        }
    }

    func keep() {
        swap(&products, &next)
        isEmpty = false
    }

    func write(to target: UnsafeMutableRawBufferPointer) {
        let multiplier = LaneSquareMultiplier(modulus)
        let result = modulus.residues(count: 1)
        for group in (0..<shape.units).groups {
            multiplier.join(products, group.lowerBound / laneCount * 2, into: result)
            result.writeAll(width: shape.bytesPerUnit) { lane in
                lane < group.count ? shape.unit(group.lowerBound + lane, of: target) : nil
            }
        }
    }
}

/// The product mod n of many ciphertexts, up to a power of two, which shares no factor with n.
struct LaneResidueProduct: ~Copyable {
    private let modulus: LaneSquareModulus
    private let multiplier: LaneMultiplier
    private let products: LaneRows

    init(_ modulus: LaneSquareModulus) {
        self.modulus = modulus
        multiplier = LaneMultiplier(modulus.n)
        products = LaneRows(count: 1, of: modulus.n)
        for lane in 0..<laneCount { products.setToOne(lane: lane) }
    }

    /// Multiplies by a row of residues mod n.
    borrowing func multiply(_ residues: borrowing LaneRows, _ row: Int) {
        multiplier.multiply(products, 0, by: residues, row, into: products, 0)
    }

    var product: Integer {
        multiplier.makeCanonical(products)
        let limbs = LimbBuffer(count: modulus.n.modulus.limbCount)
        return (0..<laneCount).reduce(1) { result, lane in
            products.write(lane: lane, toLimbs: limbs.base, count: limbs.count)
            return modulus.n.modulus.multiply(result, Integer(limbs: limbs.base, count: limbs.count))
        }
    }
}
