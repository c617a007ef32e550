internal import CMontgomery

/// The square of an odd modulus n, for eight residues at a time as rows modulo n (CMontgomery.h): half the work of a product modulo
/// n^2 as a whole.
///
/// Unchecked: all of it is written in the initialiser alone.
package final class LaneSquareModulus: @unchecked Sendable {
    package let n: LaneModulus
    package let square: Modulus
    let pair: tributary_lanes_pair_modulus
    let divisor: tributary_lanes_divisor
    private let correction: LimbBuffer
    private let reciprocal: LimbBuffer

    /// Nil where the arithmetic is not to be had (see `LaneModulus`).
    package init?(_ modulus: Modulus) {
        guard let n = LaneModulus(modulus, atLeast: LaneSquareModulus.digits(bits: modulus.value.bitWidth)) else {
            return nil
        }
        self.n = n
        square = Modulus(modulus.value * modulus.value)
        correction = LimbBuffer(count: n.digits)
        let row = LaneRows(count: 1, of: n)
        n.write((1 - n.radixPower(1)).modulo(modulus.value), toAllLanesOf: row.base)
        for digit in 0..<n.digits { correction.base[digit] = UInt(row.base[digit * laneCount]) }
        let length = LaneSquareModulus.length(bits: modulus.value.bitWidth)
        reciprocal = LaneSquareModulus.digits(
            of: (Integer(1) << (52 * (n.digits + length - 1))) / modulus.value, count: n.digits)
        divisor = tributary_lanes_divisor(
            modulus: n.constants, length: length,
            reciprocal: UnsafeRawPointer(reciprocal.base).assumingMemoryBound(to: UInt64.self))
        pair = tributary_lanes_pair_modulus(
            prime: n.constants, correction: UnsafeRawPointer(correction.base).assumingMemoryBound(to: UInt64.self))
    }

    /// A number in digits of 52 bits, one word each.
    private static func digits(of value: Integer, count: Int) -> LimbBuffer {
        let limbs = LimbBuffer(count: (52 * count + 63) / 64)
        value.writeLimbs(to: limbs.base, count: limbs.count)
        let digits = LimbBuffer(count: count)
        limbs.base.withMemoryRebound(to: UInt64.self, capacity: limbs.count) { limbs in
            digits.base.withMemoryRebound(to: UInt64.self, capacity: count) {
                tributary_lanes_split($0, count, 1, limbs, (52 * count + 63) / 64)
            }
        }
        return digits
    }

    /// Digits of a number of that many bits.
    private static func length(bits: Int) -> Int { (bits + 51) / 52 }

    /// The digits of rows mod n: those of any residue, or four more where `tributary_lanes_divisor` asks for them.
    package static func digits(bits: Int) -> Int {
        let digits = LaneModulus.digits(bits: bits)
        return 2 * bits + 8 <= 52 * (digits + length(bits: bits) - 1) ? digits : digits + 4
    }

    /// Bits by which R is longer than n.
    var slack: Int { LaneSquareModulus.slack(modulusBits: n.modulus.value.bitWidth) }

    package static func slack(modulusBits: Int) -> Int { 52 * digits(bits: modulusBits) - modulusBits }

    /// Digits of a residue mod n^2, as it comes from a wire and goes there.
    var residueDigits: Int { 2 * n.digits }

    /// `count` whole residues mod n^2.
    package func residues(count: Int) -> LaneRows { LaneRows(count: count, digits: residueDigits) }
}

extension LaneRows {
    /// Reads one residue for each lane, most significant byte first; missing ones are 1.
    package borrowing func readAll(row: Int = 0, width: Int, _ bytes: (_ lane: Int) -> UnsafeRawBufferPointer?) {
        precondition(width * 8 <= digits * 52, "the bytes do not fit the row")
        withUnsafeTemporaryAllocation(byteCount: width, alignment: 1) { one in
            one.initializeMemory(as: UInt8.self, repeating: 0)
            one[width - 1] = 1
            var addresses = InlineArray<8, UnsafePointer<UInt8>?> { lane in
                let source = bytes(lane) ?? UnsafeRawBufferPointer(one)
                precondition(source.count == width, "a residue of another width")
                return source.assumingMemoryBound(to: UInt8.self).baseAddress
            }
            withUnsafePointer(to: &addresses) { pointer in
                pointer.withMemoryRebound(to: UnsafePointer<UInt8>?.self, capacity: 8) {
                    tributary_lanes_read_all(self.row(row), digits, $0, width)
                }
            }
        }
    }

    /// Asks for bytes that will be read soon to be brought near, while something else is worked on.
    package static func prefetch(_ bytes: UnsafeRawBufferPointer) {
        tributary_lanes_prefetch_bytes(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
    }

    /// Writes the canonical residue of each lane that has a place, most significant byte first.
    package borrowing func writeAll(row: Int = 0, width: Int, _ bytes: (_ lane: Int) -> UnsafeMutableRawBufferPointer?)
    {
        var addresses = InlineArray<8, UnsafeMutablePointer<UInt8>?> { lane in
            guard let target = bytes(lane) else { return nil }
            precondition(target.count == width, "a residue of another width")
            return target.assumingMemoryBound(to: UInt8.self).baseAddress
        }
        withUnsafePointer(to: &addresses) { pointer in
            pointer.withMemoryRebound(to: UnsafeMutablePointer<UInt8>?.self, capacity: 8) {
                tributary_lanes_write_all(self.row(row), digits, $0, width)
            }
        }
    }
}
