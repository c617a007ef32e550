/// Rows of values modulo 2^width, packed without gaps, the first value in the lowest bits of little-endian words: added and
/// subtracted as they lie there, so that masks are never unpacked.
///
/// The top bit of each value is taken apart from the bits below: these add up without reaching into the next value, and a
/// carry from one word into the next belongs to the value that lies over both. (Lamport, CACM 1975, "Multiple byte
/// processing with full-word instructions", over words chained by their carries.)
struct PackedRing: Hashable, Sendable {
    /// Bits of a value, 2...64.
    let width: Int
    /// The top bits of 64 values, which fill `width` words.
    private let tops: [UInt64]

    init(width: Int) {
        precondition((2...64).contains(width), "values of 2 to 64 bits")
        self.width = width
        var tops = [UInt64](repeating: 0, count: width)
        for value in 1...64 {
            let bit = value * width - 1
            tops[bit / 64] |= 1 << UInt64(bit % 64)
        }
        self.tops = tops
    }

    /// target += bytes, from a value that starts at both their first bits.
    func add(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        combine(target, bytes) { left, right, top, carry in
            let (sum, first) = (left & ~top).addingReportingOverflow(right & ~top)
            let (whole, second) = sum.addingReportingOverflow(carry)
            carry = first || second ? 1 : 0
            return whole ^ ((left ^ right) & top)
        }
    }

    /// target -= bytes.
    func subtract(_ bytes: UnsafeRawBufferPointer, from target: UnsafeMutableRawBufferPointer) {
        combine(target, bytes) { left, right, top, borrow in
            let (difference, first) = (left | top).subtractingReportingOverflow(right & ~top)
            let (whole, second) = difference.subtractingReportingOverflow(borrow)
            borrow = first || second ? 1 : 0
            return whole ^ (~(left ^ right) & top)
        }
    }

    @inline(__always)
    private func combine(
        _ target: UnsafeMutableRawBufferPointer, _ bytes: UnsafeRawBufferPointer,
        _ body: (UInt64, UInt64, UInt64, inout UInt64) -> UInt64
    ) {
        precondition(target.count == bytes.count, "rows of the same length")
        let words = target.count / 8
        tops.withUnsafeBufferPointer { tops in
            var chain: UInt64 = 0
            var place = 0
            for index in 0..<words {
                let offset = index &* 8
                let left = UInt64(littleEndian: target.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let right = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let result = body(left, right, tops[place], &chain)
                target.storeBytes(of: result.littleEndian, toByteOffset: offset, as: UInt64.self)
                place = place &+ 1 == width ? 0 : place &+ 1
            }
            // The last bytes as a word that is filled up with zeros; what leaves its used part is nobody's.
            let rest = words * 8..<target.count
            guard !rest.isEmpty else { return }
            var (left, right): (UInt64, UInt64) = (0, 0)
            for offset in rest.reversed() {
                left = left << 8 | UInt64(target[offset])
                right = right << 8 | UInt64(bytes[offset])
            }
            var result = body(left, right, tops[place], &chain)
            for offset in rest {
                target[offset] = UInt8(truncatingIfNeeded: result)
                result >>= 8
            }
        }
    }
}
