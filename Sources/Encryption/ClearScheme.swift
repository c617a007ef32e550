package import Federation
package import Sodium

/// No encryption: each value is a word of the slot's width, rounded up to whole bytes, most significant byte first.
package struct ClearScheme: AdditiveScheme, Opener {
    package let sealing: Sealing
    package let shape: PayloadShape

    package init(layout: VectorLayout, slots: SlotLayout) {
        sealing = Sealing(suite: .clear, key: nil, profile: nil, layout: layout.digest, slots: slots)
        shape = PayloadShape(values: layout.count, valuesPerUnit: 1, bytesPerUnit: (slots.width + 7) / 8)
    }

    package func seal(
        part values: UnsafeBufferPointer<UInt32>, units: Range<Int>, threads: Int
    ) throws -> [UInt8] {
        try checkValues(values, units: units)
        let width = shape.bytesPerUnit
        return [UInt8](unsafeUninitializedCapacity: units.count * width) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            Words.of(width) { $0.write(values, to: target) }
            filled = units.count * width
        }
    }

    package func makeAccumulator(checking: InverseCheck) -> any Accumulator {
        let (width, slots) = (shape.bytesPerUnit, sealing.slots)
        return RowAccumulator(sealing: sealing, shape: shape) { row, total in
            if let index = Words.of(width, { $0.first(in: row, above: slots.largestValue) }) {
                throw EncryptionError.valueOutOfRange(index: index, bits: slots.bits)
            }
            Words.of(width) { $0.add(row, to: total) }
        }
    }

    package func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try sealing.check(other)
        try checkCount(contributions)
        return try sum.withContiguousBytes { bytes in
            try shape.check(byteCount: bytes.count)
            return try [UInt64](unsafeUninitializedCapacity: units.count) { target, filled in
                let words = UnsafeRawBufferPointer(rebasing: bytes[shape.bytes(ofUnits: units)])
                Words.of(shape.bytesPerUnit) { $0.read(words, into: target) }
                filled = units.count
                try checkRange(
                    UnsafeMutableBufferPointer(rebasing: target[..<units.count]), from: units.lowerBound,
                    contributions: contributions)
            }
        }
    }
}

/// Rows of words of one width, most significant byte first.
private protocol WordRow {
    func write(_ values: UnsafeBufferPointer<UInt32>, to bytes: UnsafeMutableRawBufferPointer)
    func read(_ bytes: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<UInt64>)
    /// The first word that is 0 or above `largest`.
    func first(in bytes: UnsafeRawBufferPointer, above largest: UInt64) -> Int?
    func add(_ bytes: UnsafeRawBufferPointer, to total: UnsafeMutableRawBufferPointer)
}

private enum Words {
    /// The widths of common settings as machine words, which the compiler handles several at a time; the others byte by byte.
    static func of<Result>(_ width: Int, _ body: (any WordRow) -> Result) -> Result {
        switch width {
        case 1: body(MachineWords<UInt8>())
        case 2: body(MachineWords<UInt16>())
        case 4: body(MachineWords<UInt32>())
        default: body(AnyWords(width: width))
        }
    }
}

/// Every sum fits: a word is as wide as a slot at least.
private struct MachineWords<Word: FixedWidthInteger & UnsignedInteger & Sendable>: WordRow {
    private static var width: Int { MemoryLayout<Word>.size }

    @inline(__always)
    private func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Word {
        Word(bigEndian: bytes.loadUnaligned(fromByteOffset: index &* Self.width, as: Word.self))
    }

    func write(_ values: UnsafeBufferPointer<UInt32>, to bytes: UnsafeMutableRawBufferPointer) {
        for index in 0..<values.count {
            bytes.storeBytes(
                of: Word(truncatingIfNeeded: values[index]).bigEndian, toByteOffset: index &* Self.width, as: Word.self)
        }
    }

    func read(_ bytes: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<UInt64>) {
        for index in 0..<bytes.count / Self.width { values[index] = UInt64(truncatingIfNeeded: word(bytes, index)) }
    }

    func first(in bytes: UnsafeRawBufferPointer, above largest: UInt64) -> Int? {
        let limit = Word(clamping: largest)
        let count = bytes.count / Self.width
        // All at once, as nearly always none is; then the place of the one that is.
        var isSpoiled = false
        for index in 0..<count {
            let word = word(bytes, index)
            isSpoiled = isSpoiled || word == 0 || word > limit
        }
        return isSpoiled ? (0..<count).first { word(bytes, $0) == 0 || word(bytes, $0) > limit } : nil
    }

    func add(_ bytes: UnsafeRawBufferPointer, to total: UnsafeMutableRawBufferPointer) {
        for index in 0..<bytes.count / Self.width {
            let sum = word(UnsafeRawBufferPointer(total), index) &+ word(bytes, index)
            total.storeBytes(of: sum.bigEndian, toByteOffset: index &* Self.width, as: Word.self)
        }
    }
}

/// One to eight bytes.
private struct AnyWords: WordRow {
    let width: Int

    @inline(__always)
    private func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        var value: UInt64 = 0
        for place in index * width..<(index + 1) * width { value = value << 8 | UInt64(bytes[place]) }
        return value
    }

    @inline(__always)
    private func store(_ value: UInt64, to bytes: UnsafeMutableRawBufferPointer, _ index: Int) {
        var value = value
        for place in (index * width..<(index + 1) * width).reversed() {
            bytes[place] = UInt8(truncatingIfNeeded: value)
            value >>= 8
        }
    }

    func write(_ values: UnsafeBufferPointer<UInt32>, to bytes: UnsafeMutableRawBufferPointer) {
        for index in 0..<values.count { store(UInt64(values[index]), to: bytes, index) }
    }

    func read(_ bytes: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<UInt64>) {
        for index in 0..<bytes.count / width { values[index] = word(bytes, index) }
    }

    func first(in bytes: UnsafeRawBufferPointer, above largest: UInt64) -> Int? {
        (0..<bytes.count / width).first { word(bytes, $0) == 0 || word(bytes, $0) > largest }
    }

    func add(_ bytes: UnsafeRawBufferPointer, to total: UnsafeMutableRawBufferPointer) {
        for index in 0..<bytes.count / width {
            store(word(UnsafeRawBufferPointer(total), index) + word(bytes, index), to: total, index)
        }
    }
}
