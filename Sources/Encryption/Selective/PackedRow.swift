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

    /// Those at `places`, in their order.
    func values(_ places: Range<Int>, in bytes: UnsafeRawBufferPointer) -> [UInt64] {
        // Up to here each lies in eight bytes of the row, and can be read without a look at where that ends.
        let whole = bytes.count < 8 ? 0 : ((bytes.count - 7) * 8 - 1) / width + 1
        let end = min(max(whole, places.lowerBound), places.upperBound)
        return [UInt64](unsafeUninitializedCapacity: places.count) { target, filled in
            for place in places.lowerBound..<end {
                let bit = place &* width
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self))
                target[place &- places.lowerBound] = word &>> UInt64(bit & 7) & mask
            }
            for place in end..<places.upperBound { target[place - places.lowerBound] = value(place, in: bytes) }
            filled = places.count
        }
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

        /// - Parameter short: the value of an element, no longer than a slot.
        @inline(__always)
        mutating func append<Value>(_ values: [Value], as short: (Value) -> UInt32) {
            var (word, filled) = (word, filled)
            let start = bytes.count
            let added = (Int(filled) + values.count * row.width) / 32 * 4
            bytes.append(contentsOf: repeatElement(0, count: added))
            bytes.withUnsafeMutableBytes { bytes in
                var place = start
                for value in values {
                    // Fewer than 32 bits wait, so there is room for a value's; a slot's are more, but 0 above them.
                    word |= UInt64(short(value)) &<< filled
                    filled &+= UInt64(row.width)
                    while filled >= 32 {
                        bytes.storeBytes(
                            of: UInt32(truncatingIfNeeded: word).littleEndian, toByteOffset: place, as: UInt32.self)
                        place &+= 4
                        word >>= 32
                        filled &-= 32
                    }
                }
            }
            (self.word, self.filled) = (word, filled)
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
            for first in stride(from: 0, to: filled, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> first)) }
            precondition(taken + bytes.count == row.byteCount, "as many values as the row is for")
            return bytes
        }
    }
}
