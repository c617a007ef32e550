package import BigInteger

/// How quantised values lie in a plaintext: equal slots, each wide enough for the sum of a whole cohort. The lowest slot
/// counts: each contribution puts 1 there, so that a sum says how many are in it. The values follow, the first in the
/// lowest bits.
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

    /// The values that a plaintext of `plaintextBits` bits has room for, beside its counter.
    package func values(plaintextBits: Int) -> Int { plaintextBits / width - 1 }

    package var description: String { "\(width)-bit slots (\(bits)-bit values, up to \(cohort) contributions)" }

    /// Writes the counter of one contribution and `values` into the slots of `limbs`, `count` limbs long, and zeros above
    /// them.
    package func pack(_ values: UnsafeBufferPointer<UInt32>, into limbs: UnsafeMutablePointer<Limb>, count: Int) {
        precondition((values.count + 1) * width <= count * Limb.bitWidth, "the values do not fit")
        var limb: Limb = 1
        var filled = width
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

    /// The lowest slot: how many contributions say that they are in the sum.
    package func counter(_ limbs: UnsafePointer<Limb>) -> UInt64 { UInt64(limbs[0] & mask) }

    private var mask: Limb { (1 << Limb(width)) - 1 }

    /// Reads the slots of `limbs` from the one numbered `first` on into `values`; false if a bit above them is set.
    package func unpack(
        _ limbs: UnsafePointer<Limb>, count: Int, from first: Int, into values: UnsafeMutableBufferPointer<UInt64>
    ) -> Bool {
        precondition((first + values.count) * width <= count * Limb.bitWidth, "more values than slots")
        let mask = mask
        var position = first * width
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
