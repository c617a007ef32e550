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

    package func seal(_ values: [UInt32], units: Range<Int>, threads: Int) throws -> [UInt8] {
        try checkValues(values, units: units)
        let width = shape.bytesPerUnit
        return [UInt8](unsafeUninitializedCapacity: units.count * width) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            for (position, unit) in units.enumerated() {
                Words.write(UInt64(values[unit]), to: target, at: position * width, width)
            }
            filled = units.count * width
        }
    }

    package func makeAccumulator() -> any Accumulator { ClearAccumulator(scheme: self) }

    package func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try sealing.check(other)
        try checkCount(contributions)
        return try sum.withContiguousBytes { bytes in
            try shape.check(byteCount: bytes.count)
            return try [UInt64](unsafeUninitializedCapacity: units.count) { target, filled in
                for (position, unit) in units.enumerated() {
                    target[position] = Words.read(bytes, at: unit * shape.bytesPerUnit, shape.bytesPerUnit)
                }
                filled = units.count
                try checkRange(
                    UnsafeMutableBufferPointer(rebasing: target[..<units.count]), from: units.lowerBound,
                    contributions: contributions)
            }
        }
    }
}

final class ClearAccumulator: Accumulator {
    private let scheme: ClearScheme
    private var total: [UInt8]
    private(set) var contributions = 0

    init(scheme: ClearScheme) {
        self.scheme = scheme
        total = [UInt8](repeating: 0, count: scheme.shape.byteCount)
    }

    func add(_ payload: some ContiguousCollection, sealing: Sealing, threads: Int) throws {
        try scheme.sealing.check(sealing)
        guard contributions < scheme.sealing.slots.cohort else {
            throw EncryptionError.cohortFull(cohort: scheme.sealing.slots.cohort)
        }
        let shape = scheme.shape
        let slots = scheme.sealing.slots
        try payload.withContiguousBytes { bytes in
            try shape.check(byteCount: bytes.count)
            for index in 0..<shape.units {
                let value = Words.read(bytes, at: index * shape.bytesPerUnit, shape.bytesPerUnit)
                guard value >= 1, value <= slots.largestValue else {
                    throw EncryptionError.valueOutOfRange(index: index, bits: slots.bits)
                }
            }
            total.withUnsafeMutableBytes { total in
                for index in 0..<shape.units {
                    let offset = index * shape.bytesPerUnit
                    let sum =
                        Words.read(UnsafeRawBufferPointer(total), at: offset, shape.bytesPerUnit)
                        + Words.read(bytes, at: offset, shape.bytesPerUnit)
                    Words.write(sum, to: total, at: offset, shape.bytesPerUnit)
                }
            }
        }
        contributions += 1
    }

    func sum() throws -> [UInt8] {
        guard contributions > 0 else { throw EncryptionError.nothingToSum }
        return total
    }
}

/// Words of one to eight bytes, most significant first.
private enum Words {
    @inline(__always)
    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ width: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in offset..<offset + width { value = value << 8 | UInt64(bytes[index]) }
        return value
    }

    @inline(__always)
    static func write(_ value: UInt64, to bytes: UnsafeMutableRawBufferPointer, at offset: Int, _ width: Int) {
        var value = value
        for index in stride(from: offset + width - 1, through: offset, by: -1) {
            bytes[index] = UInt8(truncatingIfNeeded: value)
            value >>= 8
        }
    }
}
