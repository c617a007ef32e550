import Federation
internal import Sodium

/// How an update is divided in a round that does not encrypt all of it: which quantised values go into ciphertexts, and how the
/// others lie behind these in clear (docs/protocol.md, "Selective encryption").
struct SelectiveSplit: Sendable {
    /// Of the quantised values: the update's, or under equation 4 the update's twice, the first time times omega.
    let values: VectorLayout
    /// Which of them are encrypted.
    let mask: ValueMask
    /// Those as a layout of their own, named by the mask: what is sealed for one mask is not added to what is sealed for another.
    let encrypted: VectorLayout
    let clear: PackedRow
    let slots: SlotLayout
    let noiseDeviation: Double
    /// Under equation 4 alone.
    let omega: Float?

    /// Nil where all is encrypted.
    init?(_ opening: Opening, slots: SlotLayout) throws(EncryptionError) {
        guard let encryption = opening.encryption else { return nil }
        do throws(FederationError) {
            switch encryption {
            case .selective(let mask, _):
                (values, self.mask, omega) = (opening.layout, mask, nil)
            case .literal(let omega):
                let segments = opening.layout.segments
                let again = segments.enumerated().map { index, segment in
                    VectorLayout.Segment(name: "clear/\(index)", shape: segment.shape, range: segment.range)
                }
                values = try VectorLayout(segments + again)
                mask = try ValueMask(places: 0..<opening.layout.count, of: values.count)
                self.omega = Float(omega)
            }
            encrypted = try VectorLayout([
                .init(name: "encrypted/\(mask.digest)", shape: [mask.count], range: 1)
            ])
        } catch { throw .invalidSplit("\(error)") }
        guard mask.values == values.count else {
            throw .wrongValueCount(expected: values.count, found: mask.values)
        }
        clear = PackedRow(width: slots.width, values: mask.values - mask.count)
        noiseDeviation = opening.noiseDeviation
        self.slots = slots
    }

    /// The update's values as they are quantised, folded with `weight`: with noise on those in clear, or twice under equation 4.
    func prepare(
        _ bytes: UnsafeRawBufferPointer, times weight: Float, noise: @escaping GaussianNoise.Source
    ) throws -> [Float] {
        let count = bytes.count / MemoryLayout<Float>.size
        guard bytes.count == count * MemoryLayout<Float>.size, count * (omega == nil ? 1 : 2) == values.count else {
            throw EncryptionError.wrongValueCount(expected: values.count / (omega == nil ? 1 : 2), found: count)
        }
        func value(_ place: Int) -> Float {
            bytes.loadUnaligned(fromByteOffset: place * MemoryLayout<Float>.size, as: Float.self)
        }
        if let omega {
            return (0..<count).map { value($0) * omega } + (0..<count).map { value($0) * (1 - omega) }
        }
        var result = (0..<count).map { value($0) * weight }
        let gaussian = GaussianNoise(deviation: noiseDeviation, source: noise)
        for start in stride(from: 0, to: count, by: SelectiveSplit.blockValues) {
            let block = start..<min(start + SelectiveSplit.blockValues, count)
            let draws = try gaussian.values(block.count - mask.count(in: block))
            var next = 0
            for place in block where !mask.contains(place) {
                result[place] = Float(Double(result[place]) + draws[next])
                next += 1
            }
        }
        return result
    }

    /// Values that noise is drawn for, or sums are opened of, at a time.
    static let blockValues = 1 << 16
    /// The same where a value costs a few instructions: blocks stay in the processor's cache, and come from the heap. Larger ones are new
    /// pages each time (`tributary_return_memory`), which cost more than the arithmetic.
    static let cachedValues = 1 << 13

    /// Checks what a cloud sent in clear: its length, and that each value is a quantised one.
    func check(_ bytes: UnsafeRawBufferPointer) throws(EncryptionError) {
        guard clear.endsClean(bytes) else { throw .clearPartOverflows }
        let largest = slots.largestValue
        var index = 0
        for place in 0..<mask.values where !mask.contains(place) {
            let value = clear.value(index, in: bytes)
            guard value > 0, value <= largest else { throw .valueOutOfRange(index: place, bits: slots.bits) }
            index += 1
        }
    }
}
