import BigInteger
import Federation
package import Sodium

/// Removes the masks that are left in the sum of one set of survivors: publish's, from `Unmasking`.
package struct MaskOpener: Opener {
    package let sealing: Sealing
    package let shape: PayloadShape
    private let scheme: MaskedScheme
    private let streams: MaskStreams
    private let survivors: Int

    init(agreement: Digest, layout: VectorLayout, slots: SlotLayout, survivors: Int, streams: MaskStreams) {
        scheme = MaskedScheme(agreement: agreement, layout: layout, slots: slots)
        sealing = scheme.sealing
        shape = scheme.shape
        self.streams = streams
        self.survivors = survivors
    }

    package func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try sealing.check(other)
        try checkCount(contributions)
        guard contributions == survivors else {
            throw MaskingError.wrongSurvivorCount(found: contributions, expected: survivors)
        }
        return try sum.withContiguousBytes { bytes in
            try shape.check(byteCount: bytes.count)
            let places = shape.values(ofUnits: units)
            return try [UInt64](unsafeUninitializedCapacity: places.count) { target, filled in
                try Parallel.forEachBlock(of: units.count, size: scheme.blockSize, threads: threads) { block in
                    let units = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
                    let part = shape.values(ofUnits: units)
                    let values = UnsafeMutableBufferPointer(
                        rebasing: target[part.lowerBound - places.lowerBound..<part.upperBound - places.lowerBound])
                    let row = UnsafeRawBufferPointer(rebasing: bytes[shape.bytes(ofUnits: units)])
                    guard open(row, units: units, into: values) else {
                        throw EncryptionError.sumOverflows(ciphertext: units.upperBound - 1)
                    }
                    try checkRange(values, from: part.lowerBound, contributions: contributions)
                }
                filled = places.count
            }
        }
    }

    /// False if something lies beyond the last value, where every cloud had zeros.
    private func open(
        _ bytes: UnsafeRawBufferPointer, units: Range<Int>, into values: UnsafeMutableBufferPointer<UInt64>
    ) -> Bool {
        // Whole words, so that values can be read from them.
        let row = UnsafeMutableRawBufferPointer.allocate(byteCount: (bytes.count + 7) / 8 * 8, alignment: 8)
        defer {
            wipe(row)
            row.deallocate()
        }
        row.initializeMemory(as: UInt8.self, repeating: 0)
        row.copyMemory(from: bytes)
        streams.apply(
            to: UnsafeMutableRawBufferPointer(rebasing: row[..<bytes.count]),
            at: shape.bytes(ofUnits: units).lowerBound, in: scheme.ring)
        return row.withMemoryRebound(to: Limb.self) { words in
            guard let base = words.baseAddress else { return true }
            return sealing.slots.unpack(UnsafePointer(base), count: words.count, from: 0, into: values)
        }
    }
}
