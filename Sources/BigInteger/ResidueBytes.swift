/// Residues between memory (limbs, least significant first) and wire (bytes, most significant first, fixed width).
package enum ResidueBytes {
    /// Reads `bytes` into `count` limbs, zeros on top; bytes.count must be at most 8 * count.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<Limb>, count: Int
    ) {
        precondition(bytes.count <= count * MemoryLayout<Limb>.size, "the bytes do not fit the limbs")
        var end = bytes.count
        for index in 0..<count {
            if end >= 8 {
                target[index] = Limb(bigEndian: bytes.loadUnaligned(fromByteOffset: end - 8, as: Limb.self))
                end -= 8
            } else {
                var limb: Limb = 0
                for offset in 0..<end { limb = limb << 8 | Limb(bytes[offset]) }
                target[index] = limb
                end = 0
            }
        }
    }

    /// Writes limbs into `target`, most significant byte first; what does not fit must be zero.
    package static func write(
        _ limbs: UnsafePointer<Limb>, count: Int, to target: UnsafeMutableRawBufferPointer
    ) {
        var end = target.count
        for index in 0..<count {
            var limb = limbs[index]
            if end >= 8 {
                target.storeBytes(of: limb.bigEndian, toByteOffset: end - 8, as: Limb.self)
                end -= 8
            } else {
                while end > 0 {
                    end -= 1
                    target[end] = UInt8(truncatingIfNeeded: limb)
                    limb >>= 8
                }
                precondition(limb == 0, "the limbs do not fit the bytes")
            }
        }
    }
}
