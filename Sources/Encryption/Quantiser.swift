package import Federation

/// Turns real values into small integers that add up, and sums of them back (docs/architecture.md, "Sums are exact").
///
/// For a segment of range tau and b bits: delta = tau / (2^(b-1) - 1), q = round(clip(x, -tau, tau) / delta),
/// u = q + 2^(b-1), in 1...2^b - 1. A sum U of K values decodes to delta * (U - K * 2^(b-1)). Where noise is added to q, delta is
/// tau over fewer steps, so that the noise's tails have room.
package struct Quantiser: Sendable {
    package let layout: VectorLayout
    package let bits: Int

    /// - Parameter steps: on either side of zero; nil for all that the bits have.
    package init(layout: VectorLayout, bits: Int, steps: Int? = nil) throws(EncryptionError) {
        guard SlotLayout.allowedBits.contains(bits) else {
            throw .invalidSlots("expected 2 to 32 bits for a value, found \(bits)")
        }
        let most = (1 << (bits - 1)) - 1
        guard (1...most).contains(steps ?? most) else {
            throw .invalidSlots("expected 1 to \(most) steps in \(bits) bits, found \(steps ?? most)")
        }
        self.layout = layout
        self.bits = bits
        self.steps = Double(steps ?? most)
    }

    package enum Rounding: Sendable {
        /// To the nearest step, halves up: for statistics, where whole numbers must stay whole.
        case nearest
        /// Up with the probability of the fraction, so that the error's mean is 0: for updates.
        case stochastic(StochasticRounding)
    }

    /// On either side of zero: 2^(bits-1) - 1, or fewer.
    private let steps: Double
    private var bias: Double { Double(1 << (bits - 1)) }

    package func quantise(_ values: [Float], rounding: Rounding) throws -> QuantisedVector {
        try values.withUnsafeBufferPointer { try quantised($0, rounding: rounding) }
    }

    package func quantise(_ values: [Double], rounding: Rounding) throws -> QuantisedVector {
        try values.withUnsafeBufferPointer { try quantised($0, rounding: rounding) }
    }

    private func quantised<Value: RealValue>(
        _ values: UnsafeBufferPointer<Value>, rounding: Rounding
    ) throws -> QuantisedVector {
        var result: [UInt32] = []
        result.reserveCapacity(values.count)
        let clipped = try forEachBlock(of: values, times: 1, rounding: rounding) { result += $0 }
        return QuantisedVector(values: result, clipped: clipped)
    }

    /// Quantises the little-endian f32 values in `bytes`, each times `weight`, and lends them block by block in the layout's
    /// order. Answers for each segment how many of its values lay outside its range.
    package func forEachBlock(
        ofF32 bytes: UnsafeRawBufferPointer, times weight: Float, rounding: Rounding,
        _ body: (UnsafeBufferPointer<UInt32>) throws -> Void
    ) throws -> [Int] {
        try withValues(of: bytes, as: Float.self) {
            try forEachBlock(of: $0, times: weight, rounding: rounding, body)
        }
    }

    /// The same of little-endian f64 values.
    package func forEachBlock(
        ofF64 bytes: UnsafeRawBufferPointer, rounding: Rounding, _ body: (UnsafeBufferPointer<UInt32>) throws -> Void
    ) throws -> [Int] {
        try withValues(of: bytes, as: Double.self) { try forEachBlock(of: $0, times: 1, rounding: rounding, body) }
    }

    private func withValues<Value: RealValue, Result>(
        of bytes: UnsafeRawBufferPointer, as _: Value.Type, _ body: (UnsafeBufferPointer<Value>) throws -> Result
    ) throws -> Result {
        guard bytes.count == layout.count * MemoryLayout<Value>.size else {
            throw EncryptionError.wrongValueCount(expected: layout.count, found: bytes.count / MemoryLayout<Value>.size)
        }
        guard Int(bitPattern: bytes.baseAddress).isMultiple(of: MemoryLayout<Value>.alignment) else {
            // Somebody's slice from the middle of a buffer.
            let copy = [Value](unsafeUninitializedCapacity: layout.count) { target, filled in
                UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
                filled = layout.count
            }
            return try copy.withUnsafeBufferPointer(body)
        }
        return try bytes.withMemoryRebound(to: Value.self, body)
    }

    /// Values of a block at most: the streams of stochastic rounding have as many.
    private static var blockSize: Int { StochasticRounding.blockSize }

    private func forEachBlock<Value: RealValue>(
        of values: UnsafeBufferPointer<Value>, times weight: Value, rounding: Rounding,
        _ body: (UnsafeBufferPointer<UInt32>) throws -> Void
    ) throws -> [Int] {
        guard values.count == layout.count else {
            throw EncryptionError.wrongValueCount(expected: layout.count, found: values.count)
        }
        let block = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: min(Quantiser.blockSize, layout.count))
        defer {
            block.update(repeating: 0)  // an update's values, quantised
            block.deallocate()
        }
        block.initialize(repeating: 0)
        var clipped: [Int] = []
        var first = 0
        for segment in layout.segments {
            let values = UnsafeBufferPointer(rebasing: values[first..<first + segment.count])
            // Exactly 1 for counts, whose range is the number of steps.
            let steps = Steps(count: steps, bias: bias, scale: steps / segment.range, range: segment.range)
            var total = 0
            func take(_ part: Range<Int>, _ words: UnsafeRawBufferPointer?) throws {
                let target = UnsafeMutableBufferPointer(rebasing: block[..<part.count])
                let tally = steps.quantise(
                    UnsafeBufferPointer(rebasing: values[part]), times: weight, words: words, into: target)
                guard tally.isFinite else { throw EncryptionError.notFinite(segment: segment.name) }
                total += tally.clipped
                try body(UnsafeBufferPointer(target))
            }
            switch rounding {
            case .nearest:
                for start in stride(from: 0, to: segment.count, by: Quantiser.blockSize) {
                    try take(start..<min(start + Quantiser.blockSize, segment.count), nil)
                }
            case .stochastic(let stream): try stream.forEachBlock(of: segment, take)
            }
            clipped.append(total)
            first += segment.count
        }
        return clipped
    }

    /// Opened sums of the values `range` of the layout, as real ones; `sums` are theirs alone.
    package func dequantise(
        _ sums: [UInt64], of range: Range<Int>, contributions: Int
    ) throws(EncryptionError) -> [Double] {
        guard sums.count == range.count, range.upperBound <= layout.count else {
            throw .wrongValueCount(expected: range.count, found: sums.count)
        }
        guard (1...SlotLayout.maximumCohort).contains(contributions) else {
            throw .wrongContributionCount(found: contributions, cohort: SlotLayout.maximumCohort)
        }
        let least = UInt64(contributions)
        let span = least * ((1 << UInt64(bits)) - 1) - least
        if let index = sums.firstIndex(where: { $0 &- least > span }) {
            throw .sumOutOfRange(index: range.lowerBound + index, contributions: contributions)
        }
        // Sums are below 2^44, so that the low bits of a Double of 2^52 hold one exactly, and the difference is exact too.
        let zero = 0x1p52 + Double(Int64(contributions) << Int64(bits - 1))
        return sums.withUnsafeBufferPointer { sums in
            [Double](unsafeUninitializedCapacity: sums.count) { target, filled in
                var start = 0
                for segment in layout.segments {
                    let delta = segment.range / steps
                    let part = range.clamped(to: start..<start + segment.count)
                    for place in part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound {
                        target[place] = delta * (Double(bitPattern: (0x1p52).bitPattern | sums[place]) - zero)
                    }
                    start += segment.count
                }
                filled = sums.count
            }
        }
    }

    /// The real sums behind opened ones: of `contributions` quantised vectors.
    package func dequantise(_ sums: [UInt64], contributions: Int) throws(EncryptionError) -> [Double] {
        guard sums.count == layout.count else {
            throw .wrongValueCount(expected: layout.count, found: sums.count)
        }
        return try dequantise(sums, of: 0..<layout.count, contributions: contributions)
    }
}

/// The arithmetic of one segment, free of branches and calls.
private struct Steps {
    /// 2^(bits-1) - 1, and 2^(bits-1).
    let count: Double
    let bias: Double
    let scale: Double
    let range: Double

    struct Tally {
        var clipped = 0
        var isFinite = true
    }

    /// x / delta + 2^(b-1), in 1...2^b - 1: above 0, so that truncation is the floor.
    @inline(__always)
    func biased(_ x: Double, _ tally: inout Tally) -> Double {
        tally.isFinite = tally.isFinite && x.isFinite
        tally.clipped &+= x.magnitude > range ? 1 : 0
        // A value that is not finite is refused afterwards; until then it must not get any further.
        return min(max((x.isFinite ? x : 0) * scale, -count), count) + bias
    }

    /// Quantises `values`, each times `weight`: up or down as `words`, four bytes for each value, say; to the nearest without.
    func quantise<Value: RealValue>(
        _ values: UnsafeBufferPointer<Value>, times weight: Value, words: UnsafeRawBufferPointer?,
        into target: UnsafeMutableBufferPointer<UInt32>
    ) -> Tally {
        // Variables of its own and no overflow checks: then the compiler makes it a loop over several at a time.
        var tally = Tally()
        guard let words else {
            for index in 0..<values.count {
                target[index] = Self.whole(Self.floor(biased((values[index] * weight).real, &tally) + 0.5))
            }
            return tally
        }
        for index in 0..<values.count {
            let value = biased((values[index] * weight).real, &tally)
            let floor = Self.floor(value)
            let word = words.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)
            let threshold = Double(UInt32(littleEndian: word)) * 0x1p-32
            target[index] = Self.whole(threshold < value - floor ? floor + 1 : floor)
        }
        return tally
    }

    /// Of 0 ..< 2^51: adding 2^52 rounds to a whole number, to the nearest, which may be one too many.
    @inline(__always)
    static func floor(_ value: Double) -> Double {
        let nearest = (value + 0x1p52) - 0x1p52
        return nearest > value ? nearest - 1 : nearest
    }

    /// A whole number below 2^32: the low bits of it plus 2^52.
    @inline(__always)
    static func whole(_ value: Double) -> UInt32 { UInt32(truncatingIfNeeded: (value + 0x1p52).bitPattern) }
}

/// What goes into a seal.
package struct QuantisedVector: Equatable, Sendable {
    /// In the layout's order, each in 1...2^bits - 1.
    package let values: [UInt32]
    /// For each segment, how many values lay outside its range.
    package let clipped: [Int]

    package var clippedTotal: Int { clipped.reduce(0, +) }
}

/// Float or Double, widened without loss.
private protocol RealValue: ExpressibleByIntegerLiteral {
    var real: Double { get }
    static func * (left: Self, right: Self) -> Self
}

extension Float: RealValue {
    fileprivate var real: Double { Double(self) }
}

extension Double: RealValue {
    fileprivate var real: Double { self }
}
