internal import BigInteger

extension SumReader {
    /// The values in the slots of a decrypted unit, each checked to be a sum of `contributions` quantised ones.
    func unpack(
        _ plaintext: Integer, unit: Int, into values: UnsafeMutableBufferPointer<UInt64>, contributions: Int
    ) throws(EncryptionError) {
        let slotBits = values.count * sealing.slots.width
        let limbs = LimbBuffer(count: (max(plaintext.bitWidth, slotBits) + Limb.bitWidth - 1) / Limb.bitWidth)
        plaintext.writeLimbs(to: limbs.base, count: limbs.count)
        guard sealing.slots.unpack(limbs.base, count: limbs.count, into: values) else {
            throw EncryptionError.sumOverflows(ciphertext: unit)
        }
        try checkRange(values, from: shape.values(ofUnit: unit).lowerBound, contributions: contributions)
    }
}
