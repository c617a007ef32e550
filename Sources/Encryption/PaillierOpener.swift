internal import BigInteger
package import Federation
package import Sodium

/// Opens sums with the private key: the one place where plaintext sums come into being.
package struct PaillierOpener: Opener {
    private let key: PaillierPrivateKey
    package let sealing: Sealing
    package let shape: PayloadShape

    package init(key: PaillierPrivateKey, layout: VectorLayout, slots: SlotLayout) {
        let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
        self.key = key
        sealing = scheme.sealing
        shape = scheme.shape
    }

    package func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try sealing.check(other)
        try checkCount(contributions)
        let all = shape.values(ofUnits: units)
        return try sum.withContiguousBytes { bytes in
            try PaillierValidation(key: key.publicKey, shape: shape).check(bytes, units: units, threads: threads)
            return try key.withDecryption { decryption in
                try [UInt64](unsafeUninitializedCapacity: all.count) { target, filled in
                    try Parallel.forEachBlock(of: units.count, size: 4, threads: threads) { block in
                        for unit in units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound {
                            let values = shape.values(ofUnit: unit)
                            let place = values.lowerBound - all.lowerBound..<values.upperBound - all.lowerBound
                            try open(
                                UnsafeRawBufferPointer(rebasing: bytes[shape.bytes(ofUnit: unit)]), unit: unit,
                                with: decryption, into: UnsafeMutableBufferPointer(rebasing: target[place]),
                                contributions: contributions)
                        }
                    }
                    filled = all.count
                }
            }
        }
    }

    private func open(
        _ ciphertext: UnsafeRawBufferPointer, unit: Int, with decryption: PaillierDecryption,
        into values: UnsafeMutableBufferPointer<UInt64>, contributions: Int
    ) throws {
        let limbs = LimbBuffer(count: key.publicKey.n.limbCount)
        decryption.plaintext(of: Integer(bigEndian: ciphertext)).writeLimbs(to: limbs.base, count: limbs.count)
        guard sealing.slots.unpack(limbs.base, count: limbs.count, into: values) else {
            throw EncryptionError.sumOverflows(ciphertext: unit)
        }
        try checkRange(values, from: shape.values(ofUnit: unit).lowerBound, contributions: contributions)
    }
}
