internal import BigInteger

extension SumReader {
    /// The values in the slots of a decrypted unit, each checked to be a sum of `contributions` quantised ones, after the
    /// counter: it lies lowest, where nothing that is wrong elsewhere carries to.
    ///
    /// - Parameter target: of the values `all`, among which the unit's are.
    func unpack(
        _ plaintext: Integer, unit: Int, into target: UnsafeMutableBufferPointer<UInt64>, of all: Range<Int>,
        contributions: Int
    ) throws(EncryptionError) {
        let own = shape.values(ofUnit: unit)
        let values = UnsafeMutableBufferPointer(
            rebasing: target[own.lowerBound - all.lowerBound..<own.upperBound - all.lowerBound])
        let slotBits = (values.count + 1) * sealing.slots.width
        let limbs = LimbBuffer(count: (max(plaintext.bitWidth, slotBits) + Limb.bitWidth - 1) / Limb.bitWidth)
        plaintext.writeLimbs(to: limbs.base, count: limbs.count)
        guard sealing.slots.counter(limbs.base) == UInt64(contributions) else {
            throw EncryptionError.miscounted(ciphertext: unit, contributions: contributions)
        }
        guard sealing.slots.unpack(limbs.base, count: limbs.count, from: 1, into: values) else {
            throw EncryptionError.sumOverflows(ciphertext: unit)
        }
        try checkRange(values, from: own.lowerBound, contributions: contributions)
    }
}
