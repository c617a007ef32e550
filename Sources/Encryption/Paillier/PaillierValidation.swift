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
        try check(payload, units: units, threads: threads) { block in
            switch arithmetic {
            case .portable: portableProduct(of: block, in: payload)
            case .lanes: laneProduct(of: block, in: payload)
            }
        }
    }

    /// The same, where the products of the ciphertexts of a block of units, mod n and up to a power of two, come out of other work.
    func check(
        _ payload: UnsafeRawBufferPointer, units: Range<Int>, threads: Int, product: (Range<Int>) -> Integer
    ) throws {
        let whole = Mutex<Integer>(1)
        try checkRanges(payload, units: units, threads: threads) { block in
            let blockProduct = product(block)
            whole.withLock { $0 = key.n.multiply($0, blockProduct) }
        }
        let share = whole.withLock { $0.greatestCommonDivisor(key.n.value) }
        guard share != 1 else { return }
        for unit in units where !isInvertible(unit, in: payload) {
            throw EncryptionError.ciphertextNotInvertible(index: unit)
        }
        preconditionFailure("a product shares a factor with n only if one of its terms does")
    }

    /// Checks the length of a payload, and that the ciphertexts `units` of it are in 0 < c < n^2; a block of them that is goes to `body`.
    func checkRanges(
        _ payload: UnsafeRawBufferPointer, units: Range<Int>, threads: Int, body: (Range<Int>) throws -> Void
    ) throws {
        try shape.check(byteCount: payload.count)
        try Parallel.forEachBlock(of: units.count, size: PaillierValidation.blockSize, threads: threads) { block in
            let block = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
            for unit in block { try checkRange(of: unit, in: payload) }
            try body(block)
        }
    }

    /// Ciphertexts that a thread takes at a time.
    private static let blockSize = 256

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
        let product = ResidueProduct(key)
        let ciphertext = LimbBuffer(count: key.nSquared.limbCount)
        for unit in units {
            ResidueBytes.read(shape.unit(unit, of: payload), into: ciphertext.base, count: ciphertext.count)
            product.multiply(ciphertext.base)
        }
        return product.product
    }

    /// The same times some power of two, which shares no factor with n.
    private func laneProduct(of units: Range<Int>, in payload: UnsafeRawBufferPointer) -> Integer {
        let modulus = key.lanesOrTrap.square
        let multiplier = LaneSquareMultiplier(modulus)
        let check = LaneResidueProduct(modulus)
        let ciphertexts = modulus.residues(count: 1)
        let split = LaneRows(count: 2, of: modulus.n)
        for group in units.groups {
            ciphertexts.readAll(width: shape.bytesPerUnit) { lane in
                lane < group.count ? shape.unit(group.lowerBound + lane, of: payload) : nil
            }
            multiplier.split(ciphertexts, into: split)
            check.multiply(split, 0)
        }
        return check.product
    }

    func isInvertible(_ unit: Int, in payload: UnsafeRawBufferPointer) -> Bool {
        Integer(bigEndian: shape.unit(unit, of: payload)).greatestCommonDivisor(key.n.value) == 1
    }
}
