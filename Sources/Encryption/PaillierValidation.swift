internal import BigInteger
internal import Synchronization

/// The check of ciphertexts that came from a peer: 0 < c < n^2 and gcd(c, n) = 1.
///
/// One gcd serves a whole payload: the product of all c mod n is prime to n exactly if each c is.
struct PaillierValidation {
    let key: PaillierPublicKey
    let shape: PayloadShape

    /// Checks the length of a payload, and the ciphertexts `units` of it.
    func check(_ payload: UnsafeRawBufferPointer, units: Range<Int>, threads: Int) throws {
        try shape.check(byteCount: payload.count)
        let product = Mutex<Integer>(1)
        try Parallel.forEachBlock(of: units.count, size: 64, threads: threads) { block in
            let blockProduct = try self.product(
                of: units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound, in: payload)
            product.withLock { $0 = key.n.multiply($0, blockProduct) }
        }
        let share = product.withLock { $0.greatestCommonDivisor(key.n.value) }
        guard share != 1 else { return }
        for unit in units where !isInvertible(unit, in: payload) {
            throw EncryptionError.ciphertextNotInvertible(index: unit)
        }
        preconditionFailure("a product shares a factor with n only if one of its terms does")
    }

    /// The product mod n of the ciphertexts of a block, each checked to lie in 0..<n^2 and not to be 0.
    private func product(of units: Range<Int>, in payload: UnsafeRawBufferPointer) throws(EncryptionError) -> Integer {
        let square = ModularMultiplier(key.nSquared)
        let multiplier = ModularMultiplier(key.n)
        let ciphertext = LimbBuffer(count: key.nSquared.limbCount)
        let residue = LimbBuffer(count: key.n.limbCount)
        let product = LimbBuffer(count: key.n.limbCount)
        product.base[0] = 1
        for unit in units {
            ResidueBytes.read(bytes(of: unit, in: payload), into: ciphertext.base, count: ciphertext.count)
            guard square.isNonZeroResidue(ciphertext.base) else {
                let isZero = (0..<ciphertext.count).allSatisfy { ciphertext.base[$0] == 0 }
                throw isZero ? .ciphertextIsZero(index: unit) : .ciphertextTooLarge(index: unit)
            }
            multiplier.reduce(ciphertext.base, count: ciphertext.count, into: residue.base)
            multiplier.multiply(product.base, by: residue.base)
        }
        return Integer(limbs: product.base, count: product.count)
    }

    private func isInvertible(_ unit: Int, in payload: UnsafeRawBufferPointer) -> Bool {
        Integer(bigEndian: bytes(of: unit, in: payload)).greatestCommonDivisor(key.n.value) == 1
    }

    private func bytes(of unit: Int, in payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: payload[shape.bytes(ofUnit: unit)])
    }
}
