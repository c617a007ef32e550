/// Values of `width` bits one after the other without gaps, the first in the lowest bits of the first byte: what a contribution
/// and a sum have in clear. The unused bits of the last byte are 0.
struct PackedRow: Hashable, Sendable {
    /// Bits of a value, 2...44: those of a slot.
    let width: Int
    let values: Int

    var byteCount: Int { (values * width + 7) / 8 }
    private var mask: UInt64 { (1 << UInt64(width)) - 1 }

    /// The value at `place`.
    func value(_ place: Int, in bytes: UnsafeRawBufferPointer) -> UInt64 {
        let (first, shift) = (place * width).quotientAndRemainder(dividingBy: 8)
        // At most 7 + 44 bits, so eight bytes hold it; near the end there are fewer.
        guard first + 8 > bytes.count else {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: first, as: UInt64.self))
            return word >> UInt64(shift) & mask
        }
        var word: UInt64 = 0
        for offset in (first..<bytes.count).reversed() { word = word << 8 | UInt64(bytes[offset]) }
        return word >> UInt64(shift) & mask
    }

    /// Whether the bits after the last value are 0.
    func endsClean(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let used = values * width % 8
        guard used > 0, let last = bytes.last else { return true }
        return last >> UInt8(used) == 0
    }

    /// Fills a row from its first value to its last.
    struct Writer {
        private let row: PackedRow
        private var bytes: [UInt8] = []
        private var word: UInt64 = 0
        private var filled: UInt64 = 0
        private var taken = 0

        init(_ row: PackedRow) { self.row = row }

        mutating func append(_ value: UInt32) {
            word |= UInt64(value) &<< filled
            filled &+= UInt64(row.width)
            // A word has room for one more value of at most 44 bits while fewer than eight bits wait.
            while filled >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
                filled &-= 8
            }
        }

        /// What has been filled since the last time.
        mutating func take() -> [UInt8] {
            defer {
                taken += bytes.count
                bytes.removeAll(keepingCapacity: true)
            }
            return bytes
        }

        mutating func finish() -> [UInt8] {
            if filled > 0 { bytes.append(UInt8(truncatingIfNeeded: word)) }
            precondition(taken + bytes.count == row.byteCount, "as many values as the row is for")
            return bytes
        }
    }
}
