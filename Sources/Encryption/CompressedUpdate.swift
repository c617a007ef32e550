package import Federation

/// An update as an opening's compression has it sent: what was left out before is added to it, and of the whole the opening's places go
/// on; what does not is to be added to the next.
///
/// Nothing that is sent is longer than the opening's clip norm, whatever was left out before.
package final class CompressedUpdate {
    private let opening: Opening
    private let plan: CompressionPlan
    /// The delta and what was left out before it.
    private var whole: [Float]
    /// The values to be sealed, in the order of `Opening.sealed`, not yet times the cloud's weight.
    package private(set) var sent: [Float]

    /// Nil for an opening that compresses nothing.
    ///
    /// - Parameters:
    ///   - delta: little-endian f32 values, in the opening's layout.
    ///   - residual: what `residual(after:weight:)` gave before; nil for none.
    package init?(_ opening: Opening, delta: UnsafeRawBufferPointer, residual: [Float]?) throws(EncryptionError) {
        guard let plan = opening.compression else { return nil }
        let values = opening.layout.count
        guard delta.count == values * MemoryLayout<Float>.size else {
            throw .wrongValueCount(expected: values, found: delta.count / MemoryLayout<Float>.size)
        }
        if let residual, residual.count != values {
            throw .wrongValueCount(expected: values, found: residual.count)
        }
        self.opening = opening
        self.plan = plan
        whole = (0..<values).map { place in
            let value = delta.loadUnaligned(fromByteOffset: place * MemoryLayout<Float>.size, as: Float.self)
            return value + (residual?[place] ?? 0)
        }
        if let places = plan.places {
            sent = []
            sent.reserveCapacity(places.count)
            for place in 0..<values where places.contains(place) { sent.append(whole[place]) }
        } else {
            sent = whole
        }
        let norm = sent.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard opening.clipNorm > 0, norm > opening.clipNorm else { return }
        let factor = opening.clipNorm / norm
        for index in sent.indices { sent[index] = Float(Double(sent[index]) * factor) }
    }

    deinit {
        // A cloud's own update, in clear.
        for index in whole.indices { whole[index] = 0 }
        for index in sent.indices { sent[index] = 0 }
    }

    /// What the sum will not have of this update: what lies at other places, was cut off, and was rounded away; nil where the opening
    /// wants none of it kept.
    ///
    /// - Parameters:
    ///   - quantised: what was made of `sent` times `weight`.
    ///   - weight: the cloud's folded weight.
    package func residual(after quantised: [UInt32], weight: Float) throws(EncryptionError) -> [Float]? {
        guard plan.feedback > 0 else { return nil }
        let quantiser = try Quantiser(layout: opening.sealed, bits: opening.bits)
        let counted = try quantiser.dequantise(quantised.map(UInt64.init), contributions: 1)
        var next = 0
        return whole.indices.map { place in
            var left = Double(whole[place])
            if plan.places?.contains(place) ?? true {
                left -= counted[next] / Double(weight)
                next += 1
            }
            return Float(plan.feedback * left)
        }
    }
}
