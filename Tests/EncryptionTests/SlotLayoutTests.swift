import BigInteger
import Encryption
import Testing

@Suite("Slots")
struct SlotLayoutTests {
    @Test("A slot holds the largest sum, and is never more than a bit wider than it must be")
    func width() throws {
        for bits in SlotLayout.allowedBits {
            for cohort in Array(1...70) + [127, 128, 129, 4095, 4096] {
                let slots = try SlotLayout(bits: bits, cohort: cohort)
                let largestSum = slots.largestValue * UInt64(cohort)
                // ceil(log2(largestSum + 1))
                let needed = UInt64.bitWidth - largestSum.leadingZeroBitCount
                #expect(slots.width == needed || slots.width == needed + 1)
                #expect(slots.width >= bits)
            }
        }
    }

    @Test("Widths and counts are those of docs/protocol.md")
    func examples() throws {
        #expect(try SlotLayout(bits: 8, cohort: 8).width == 11)
        #expect(try SlotLayout(bits: 8, cohort: 8).values(plaintextBits: 3071) == 278)
        #expect(try SlotLayout(bits: 8, cohort: 3).values(plaintextBits: 3071) == 306)
        #expect(try SlotLayout(bits: 16, cohort: 3).width == 18)
        #expect(try SlotLayout(bits: 16, cohort: 1).width == 16)
    }

    @Test("Bits and cohorts out of bounds are refused", arguments: [(1, 3), (33, 3), (8, 0), (8, -1), (8, 4097)])
    func bounds(bits: Int, cohort: Int) throws {
        _ = try SlotLayout(bits: 8, cohort: 3)
        #expect(throws: EncryptionError.self) { try SlotLayout(bits: bits, cohort: cohort) }
    }

    @Test("Sums at the limits come out of the slots they went into", arguments: [2, 7, 8, 13, 16, 24, 31, 32])
    func roundTrip(bits: Int) throws {
        for cohort in [1, 2, 3, 5, 64, 4096] {
            let slots = try SlotLayout(bits: bits, cohort: cohort)
            let count = slots.values(plaintextBits: 511)
            let largest = UInt32(slots.largestValue)
            for values in [
                [UInt32](repeating: largest, count: count), [UInt32](repeating: 1, count: count),
                (0..<count).map { $0.isMultiple(of: 2) ? largest : 1 }, [UInt32](repeating: largest, count: count / 2),
            ] {
                let limbs = LimbBuffer(count: 8)
                limbs.base.update(repeating: .max, count: 8)  // what was there before must not shine through
                values.withUnsafeBufferPointer { slots.pack($0, into: limbs.base, count: 8) }
                // The sum of a full cohort: every slot at its limit.
                let sum = Integer(limbs: limbs.base, count: 8) * Integer(cohort)
                #expect(sum.bitWidth <= 511)
                sum.writeLimbs(to: limbs.base, count: 8)
                var opened = [UInt64](repeating: 0, count: values.count)
                #expect(opened.withUnsafeMutableBufferPointer { slots.unpack(limbs.base, count: 8, from: 1, into: $0) })
                #expect(slots.counter(limbs.base) == UInt64(cohort))
                #expect(opened == values.map { UInt64($0) * UInt64(cohort) })
            }
        }
    }

    @Test("A bit above the last slot is seen, wherever it is")
    func overflow() throws {
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let limbs = LimbBuffer(count: 8)
        var opened = [UInt64](repeating: 0, count: 20)
        #expect(opened.withUnsafeMutableBufferPointer { slots.unpack(limbs.base, count: 8, from: 0, into: $0) })
        for bit in [200, 255, 256, 511] {
            (Integer(1) << bit).writeLimbs(to: limbs.base, count: 8)
            #expect(!opened.withUnsafeMutableBufferPointer { slots.unpack(limbs.base, count: 8, from: 0, into: $0) })
        }
        (Integer(1) << 199).writeLimbs(to: limbs.base, count: 8)
        #expect(opened.withUnsafeMutableBufferPointer { slots.unpack(limbs.base, count: 8, from: 0, into: $0) })
        #expect(opened[19] == 1 << 9)
    }
}
