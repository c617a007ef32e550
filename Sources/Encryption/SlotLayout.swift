package import BigInteger

/// How quantised values lie in a plaintext: equal slots, each wide enough for the sum of a whole cohort, the first value
/// in the lowest bits.
///
/// A quantised value u lies in 1...2^b - 1, so a sum over K clouds is below 2^b * K, and b + ceil(log2 K) bits hold it.
/// No slot can carry into the next, whatever the cohort's honest members send.
package struct SlotLayout: Hashable, Sendable, CustomStringConvertible {
    package static let allowedBits = 2...32
    package static let maximumCohort = 4096

    /// Bits of one quantised value.
    package let bits: Int
    /// The most contributions that a sum can hold.
    package let cohort: Int
    /// Bits of one slot.
    package let width: Int

    package init(bits: Int, cohort: Int) throws(EncryptionError) {
        guard SlotLayout.allowedBits.contains(bits) else {
            throw .invalidSlots("expected 2 to 32 bits for a value, found \(bits)")
        }
        guard (1...SlotLayout.maximumCohort).contains(cohort) else {
            throw .invalidSlots("expected a cohort of 1 to \(SlotLayout.maximumCohort), found \(cohort)")
        }
        self.bits = bits
        self.cohort = cohort
        width = bits + (Int.bitWidth - (cohort - 1).leadingZeroBitCount)  // ceil(log2 cohort); 0 for 1
    }

    /// 2^bits - 1.
    package var largestValue: UInt64 { (1 << UInt64(bits)) - 1 }

    /// The slots of a plaintext below a modulus of `modulusBits` bits: all in the lowest modulusBits - 1, so that a full
    /// plaintext is below the modulus.
    package func slots(modulusBits: Int) -> Int { (modulusBits - 1) / width }

    package var description: String { "\(width)-bit slots (\(bits)-bit values, up to \(cohort) contributions)" }

    /// Writes `values` into the slots of `limbs`, `count` limbs long, and zeros above them.
    package func pack(_ values: UnsafeBufferPointer<UInt32>, into limbs: UnsafeMutablePointer<Limb>, count: Int) {
        precondition(values.count * width <= count * Limb.bitWidth, "the values do not fit")
        var limb: Limb = 0
        var filled = 0
        var next = 0
        for value in values {
            limb |= Limb(value) << Limb(filled)
            filled += width
            if filled >= Limb.bitWidth {
                limbs[next] = limb
                next += 1
                filled -= Limb.bitWidth
                // What is left of the value; nothing if it ended with the limb.
                limb = Limb(value) >> Limb(width - filled)
            }
        }
        if next < count { limbs[next] = limb }
        for index in (next + 1)..<max(count, next + 1) { limbs[index] = 0 }
    }

    /// Reads the slots of `limbs` into `values`; false if a bit above them is set.
    package func unpack(
        _ limbs: UnsafePointer<Limb>, count: Int, into values: UnsafeMutableBufferPointer<UInt64>
    ) -> Bool {
        precondition(values.count * width <= count * Limb.bitWidth, "more values than slots")
        let mask: Limb = (1 << Limb(width)) - 1
        var position = 0
        for index in values.indices {
            let (limb, shift) = position.quotientAndRemainder(dividingBy: Limb.bitWidth)
            var value = limbs[limb] >> Limb(shift)
            if shift + width > Limb.bitWidth { value |= limbs[limb + 1] << Limb(Limb.bitWidth - shift) }
            values[index] = UInt64(value & mask)
            position += width
        }
        var (limb, shift) = position.quotientAndRemainder(dividingBy: Limb.bitWidth)
        var above: Limb = 0
        while limb < count {
            above |= limbs[limb] >> Limb(shift)
            shift = 0
            limb += 1
        }
        return above == 0
    }
}
