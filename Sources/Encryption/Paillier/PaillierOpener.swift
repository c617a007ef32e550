package import BigInteger
package import Federation
package import Sodium

/// Opens sums with the private key: the one place where plaintext sums come into being.
package struct PaillierOpener: Opener {
    private let key: PaillierPrivateKey
    private let scheme: PaillierScheme

    package var sealing: Sealing { scheme.sealing }
    package var shape: PayloadShape { scheme.shape }

    /// - Parameter arithmetic: one of those that this machine has.
    package init(
        key: PaillierPrivateKey, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest
    ) {
        self.key = key
        scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    package func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try sealing.check(other)
        try checkCount(contributions)
        let all = shape.values(ofUnits: units)
        return try sum.withContiguousBytes { bytes in
            try PaillierValidation(scheme).check(bytes, units: units, threads: threads)
            return try key.withDecryption { decryption in
                let lanes = scheme.arithmetic == .lanes ? try LaneDecryption(decryption) : nil
                return try [UInt64](unsafeUninitializedCapacity: all.count) { target, filled in
                    // Eight cost as much as one where they go side by side.
                    try Parallel.forEachBlock(of: units.count, size: laneCount, threads: threads) { block in
                        let block = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
                        let ciphertexts = UnsafeRawBufferPointer(rebasing: bytes[shape.bytes(ofUnits: block)])
                        let plaintexts =
                            lanes?.plaintexts(of: ciphertexts, width: shape.bytesPerUnit)
                            ?? block.map { decryption.plaintext(of: Integer(bigEndian: shape.unit($0, of: bytes))) }
                        for (unit, plaintext) in zip(block, plaintexts) {
                            guard let plaintext else { throw EncryptionError.ciphertextOutsideSubgroup(index: unit) }
                            try unpack(plaintext, unit: unit, into: target, of: all, contributions: contributions)
                        }
                    }
                    filled = all.count
                }
            }
        }
    }
}
