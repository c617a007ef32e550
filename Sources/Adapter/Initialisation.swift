import Sodium

extension AdapterConfiguration {
    /// A's first values, row-major, of shape [rank, inputs]: the same for every cloud of a run, by the run seed and the
    /// tensor's name alone.
    ///
    /// PEFT draws A by `kaiming_uniform_(a=sqrt(5))`: uniform in ±sqrt(6 / ((1 + 5) inputs)) = ±1 / sqrt(inputs) (He et al.
    /// 2015). The draws here come from a ChaCha20 stream named by the tensor, keyed by BLAKE2b of the seed, so they need no
    /// library's generator and do not depend on the order in which tensors are made.
    package func initialA(_ module: AdaptedModule) throws -> [Float] {
        try initial(module.nameA, count: module.rank * module.inputs, columns: module.inputs)
    }

    /// The fixed B of `core`, of shape [outputs, rank], drawn likewise, in ±1 / sqrt(rank).
    package func initialB(_ module: AdaptedModule) throws -> [Float] {
        try initial(module.nameB, count: module.outputs * module.rank, columns: module.rank)
    }

    private func initial(_ name: String, count: Int, columns: Int) throws -> [Float] {
        var text = Array("tributary adapter initialisation 1 ".utf8)
        withUnsafeBytes(of: seed.littleEndian) { text.append(contentsOf: $0) }
        var key = Digest(of: text).bytes
        let stream = try SecretBytes(wiping: &key)  // not secret: KeyStream takes its key in this form
        let bytes = try KeyStream.bytes(count: 4 * count, secret: stream, label: name)
        let bound = Float(1 / Double(columns).squareRoot())
        return bytes.withUnsafeBytes { bytes in
            (0..<count).map { index in
                let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
                // 24 bits: 2u - 1 is exact in a Float, so the one rounding is that of the product.
                let unit = Float(word >> 8) * 0x1p-24
                return bound * (2 * unit - 1)
            }
        }
    }
}
