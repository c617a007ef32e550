package import Federation
package import Sodium
internal import Synchronization

/// Suite `secagg`: one cloud's values under its masks of one round (Bonawitz et al., CCS 2017). A unit is eight values, of as
/// many bits as a slot has, packed without gaps, the first in the lowest bits: `width` bytes.
///
/// Unlike the other suites' a scheme belongs to one cloud and one round, and seals one vector once, its parts in order.
package struct MaskedScheme: AdditiveScheme {
    package let sealing: Sealing
    package let shape: PayloadShape
    let ring: PackedRing
    private let masks: Masks?

    /// For aggregate: adds what clouds have sealed under the masks that `agreement` names, and cannot seal.
    package init(agreement: Digest, layout: VectorLayout, slots: SlotLayout) {
        self.init(agreement: agreement, layout: layout, slots: slots, masks: nil)
    }

    init(agreement: Digest, layout: VectorLayout, slots: SlotLayout, streams: MaskStreams) {
        self.init(agreement: agreement, layout: layout, slots: slots, masks: Masks(streams))
    }

    private init(agreement: Digest, layout: VectorLayout, slots: SlotLayout, masks: Masks?) {
        sealing = Sealing(
            suite: .secagg, key: nil, profile: nil, layout: layout.digest, slots: slots, masks: agreement)
        shape = PayloadShape(values: layout.count, valuesPerUnit: 8, bytesPerUnit: slots.width)
        ring = PackedRing(width: slots.width)
        self.masks = masks
    }

    /// Units that are worked on at a time: about 64 KiB, a multiple of what ends with a word and a block of ChaCha20.
    var blockSize: Int { max(64, 65_536 / shape.bytesPerUnit / 64 * 64) }

    package func seal(part values: UnsafeBufferPointer<UInt32>, units: Range<Int>, threads: Int) throws -> [UInt8] {
        try checkValues(values, units: units)
        guard let masks else { throw MaskingError.noMasks }
        try masks.spend(units)
        let first = shape.values(ofUnits: units).lowerBound
        return [UInt8](unsafeUninitializedCapacity: units.count * shape.bytesPerUnit) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            Parallel.forEachBlock(of: units.count, size: blockSize, threads: threads) { block in
                let units = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
                let places = shape.values(ofUnits: units)
                let row = UnsafeMutableRawBufferPointer(rebasing: target[shape.bytes(ofUnits: block)])
                pack(
                    UnsafeBufferPointer(rebasing: values[places.lowerBound - first..<places.upperBound - first]),
                    to: row)
                masks.streams.apply(to: row, at: shape.bytes(ofUnits: units).lowerBound, in: ring)
            }
            filled = units.count * shape.bytesPerUnit
        }
    }

    /// Writes values without gaps; zeros after the last.
    private func pack(_ values: UnsafeBufferPointer<UInt32>, to row: UnsafeMutableRawBufferPointer) {
        let width = UInt64(sealing.slots.width)
        var word: UInt64 = 0
        var filled: UInt64 = 0
        var offset = 0
        for value in values {
            word |= UInt64(value) &<< filled
            filled &+= width
            if filled >= 64 {
                row.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
                offset &+= 8
                filled &-= 64
                // What is left of the value; nothing if it ended with the word. Widths are at most 44.
                word = UInt64(value) &>> (width &- filled)
            }
        }
        while offset < row.count {
            row[offset] = UInt8(truncatingIfNeeded: word)
            word >>= 8
            offset += 1
        }
    }

    /// A masked value may be any: there is nothing in it to check.
    package func makeAccumulator(checking: InverseCheck) -> any Accumulator {
        RowAccumulator(sealing: sealing, shape: shape) { [ring] row, total in ring.add(row, to: total) }
    }

    /// The masks of one contribution, used up from the first unit to the last.
    private final class Masks: Sendable {
        let streams: MaskStreams
        private let spent = Mutex(0)

        init(_ streams: MaskStreams) { self.streams = streams }

        func spend(_ units: Range<Int>) throws(MaskingError) {
            let isFresh = spent.withLock { spent in
                guard units.lowerBound >= spent else { return false }
                spent = units.upperBound
                return true
            }
            guard isFresh else { throw .masksSpent }
        }
    }
}
