internal import BigInteger
internal import Glibc
internal import Synchronization

/// The check of ciphertexts that came from a peer: 0 < c < n^2 and gcd(c, n) = 1.
///
/// One gcd serves a whole payload: the product of all c mod n is prime to n exactly if each c is.
struct PaillierValidation {
    private let key: PaillierPublicKey
    private let shape: PayloadShape
    private let arithmetic: Arithmetic
    /// n^2 as it would stand on the wire.
    private let limit: [UInt8]

    init(_ scheme: PaillierScheme) {
        key = scheme.key
        shape = scheme.shape
        arithmetic = scheme.arithmetic
        limit = key.nSquared.value.bigEndianBytes(count: shape.bytesPerUnit) ?? []
    }

    /// Checks the length of a payload, and the ciphertexts `units` of it.
    func check(_ payload: UnsafeRawBufferPointer, units: Range<Int>, threads: Int) throws {
        try shape.check(byteCount: payload.count)
        let product = Mutex<Integer>(1)
        try Parallel.forEachBlock(of: units.count, size: 256, threads: threads) { block in
            let block = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
            for unit in block { try checkRange(of: unit, in: payload) }
            let blockProduct =
                switch arithmetic {
                case .portable: portableProduct(of: block, in: payload)
                case .lanes: laneProduct(of: block, in: payload)
                }
            product.withLock { $0 = key.n.multiply($0, blockProduct) }
        }
        let share = product.withLock { $0.greatestCommonDivisor(key.n.value) }
        guard share != 1 else { return }
        for unit in units where !isInvertible(unit, in: payload) {
            throw EncryptionError.ciphertextNotInvertible(index: unit)
        }
        preconditionFailure("a product shares a factor with n only if one of its terms does")
    }

    private func checkRange(of unit: Int, in payload: UnsafeRawBufferPointer) throws(EncryptionError) {
        let bytes = shape.unit(unit, of: payload)
        guard bytes.contains(where: { $0 != 0 }) else { throw .ciphertextIsZero(index: unit) }
        let isBelow = limit.withUnsafeBytes { limit in
            guard let first = bytes.baseAddress, let second = limit.baseAddress, bytes.count == limit.count else {
                preconditionFailure("a ciphertext is as wide as n^2")
            }
            // The most significant byte comes first: the order of memory is that of numbers.
            return memcmp(first, second, bytes.count) < 0
        }
        guard isBelow else { throw .ciphertextTooLarge(index: unit) }
    }

    /// The product mod n of ciphertexts.
    private func portableProduct(of units: Range<Int>, in payload: UnsafeRawBufferPointer) -> Integer {
        let multiplier = ModularMultiplier(key.n)
        let ciphertext = LimbBuffer(count: key.nSquared.limbCount)
        let residue = LimbBuffer(count: key.n.limbCount)
        let product = LimbBuffer(count: key.n.limbCount)
        product.base[0] = 1
        for unit in units {
            ResidueBytes.read(shape.unit(unit, of: payload), into: ciphertext.base, count: ciphertext.count)
            multiplier.reduce(ciphertext.base, count: ciphertext.count, into: residue.base)
            multiplier.multiply(product.base, by: residue.base)
        }
        return Integer(limbs: product.base, count: product.count)
    }

    /// The same times some power of two, which shares no factor with n.
    private func laneProduct(of units: Range<Int>, in payload: UnsafeRawBufferPointer) -> Integer {
        let lanes = key.lanesOrTrap
        let multiplier = LaneMultiplier(lanes.n)
        let ciphertexts = LaneRows(count: 1, of: lanes.nSquared)
        let residues = LaneRows(count: 1, of: lanes.n)
        let products = LaneRows(count: 1, of: lanes.n)
        for lane in 0..<laneCount { products.setToOne(lane: lane) }
        for group in units.groups {
            for (lane, unit) in group.enumerated() { ciphertexts.read(shape.unit(unit, of: payload), lane: lane) }
            for lane in group.count..<laneCount { ciphertexts.setToOne(lane: lane) }
            multiplier.reduce(ciphertexts, into: residues)
            multiplier.multiply(products, 0, by: residues, into: products, 0)
        }
        multiplier.makeCanonical(products)
        let product = LimbBuffer(count: key.n.limbCount)
        return (0..<laneCount).reduce(1) { result, lane in
            products.write(lane: lane, toLimbs: product.base, count: product.count)
            return key.n.multiply(result, Integer(limbs: product.base, count: product.count))
        }
    }

    private func isInvertible(_ unit: Int, in payload: UnsafeRawBufferPointer) -> Bool {
        Integer(bigEndian: shape.unit(unit, of: payload)).greatestCommonDivisor(key.n.value) == 1
    }
}
