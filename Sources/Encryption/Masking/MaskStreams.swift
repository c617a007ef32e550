import Sodium

/// The masks that one party adds or removes: key streams, each with a sign, cut into the ring's values.
struct MaskStreams: Sendable {
    enum Sign: Sendable {
        case plus, minus

        var opposite: Sign { self == .plus ? .minus : .plus }
    }

    /// One key for each sign, in order.
    private let keys: SecretBytes
    private let signs: [Sign]

    /// Masks for `signs`, whose keys `fill` writes, 32 bytes each.
    init(signs: [Sign], fill: (_ key: (Int) -> UnsafeMutableRawBufferPointer) throws -> Void) throws {
        keys = try SecretBytes(count: signs.count * MaskStream.keyByteCount) { target in
            try fill { index in
                UnsafeMutableRawBufferPointer(
                    rebasing: target[index * MaskStream.keyByteCount..<(index + 1) * MaskStream.keyByteCount])
            }
        }
        self.signs = signs
    }

    /// Adds all masks to `row`, which starts at byte `offset` of the payload, a multiple of a unit.
    func apply(to row: UnsafeMutableRawBufferPointer, at offset: Int, in ring: PackedRing) {
        guard !row.isEmpty else { return }
        let (block, skipped) = offset.quotientAndRemainder(dividingBy: MaskStream.blockByteCount)
        let stream = UnsafeMutableRawBufferPointer.allocate(byteCount: skipped + row.count, alignment: 64)
        defer {
            wipe(stream)
            stream.deallocate()
        }
        let mask = UnsafeRawBufferPointer(rebasing: stream[skipped...])
        keys.withUnsafeBytes { keys in
            for (index, sign) in signs.enumerated() {
                let key = UnsafeRawBufferPointer(
                    rebasing: keys[index * MaskStream.keyByteCount..<(index + 1) * MaskStream.keyByteCount])
                MaskStream.fill(stream, key: key, block: block)
                switch sign {
                case .plus: ring.add(mask, to: row)
                case .minus: ring.subtract(mask, from: row)
                }
            }
        }
    }
}
