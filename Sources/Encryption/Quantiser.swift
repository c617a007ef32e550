package import Federation
package import Sodium

/// Turns real values into small integers that add up, and sums of them back (docs/architecture.md, "Sums are exact").
///
/// For a segment of range tau and b bits: delta = tau / (2^(b-1) - 1), q = round(clip(x, -tau, tau) / delta),
/// u = q + 2^(b-1), in 1...2^b - 1. A sum U of K values decodes to delta * (U - K * 2^(b-1)).
package struct Quantiser: Sendable {
    package let layout: VectorLayout
    package let bits: Int

    package init(layout: VectorLayout, bits: Int) throws(EncryptionError) {
        guard SlotLayout.allowedBits.contains(bits) else {
            throw .invalidSlots("expected 2 to 32 bits for a value, found \(bits)")
        }
        self.layout = layout
        self.bits = bits
    }

    package enum Rounding: Sendable {
        /// To the nearest step, halves up: for statistics, where whole numbers must stay whole.
        case nearest
        /// Up with the probability of the fraction, so that the error's mean is 0: for updates.
        case stochastic(StochasticRounding)
    }

    /// 2^(bits-1) - 1 steps on either side of zero.
    private var steps: Double { Double((1 << (bits - 1)) - 1) }
    private var bias: Double { Double(1 << (bits - 1)) }

    package func quantise(_ values: [Float], rounding: Rounding) throws -> QuantisedVector {
        try values.withUnsafeBufferPointer { try quantised($0, times: 1, rounding: rounding) }
    }

    package func quantise(_ values: [Double], rounding: Rounding) throws -> QuantisedVector {
        try values.withUnsafeBufferPointer { try quantised($0, times: 1, rounding: rounding) }
    }

    /// The same of the little-endian f32 values in `bytes`, each times `weight`, without a copy of them.
    package func quantise(
        f32 bytes: some ContiguousCollection, times weight: Float, rounding: Rounding
    ) throws -> QuantisedVector {
        try bytes.withContiguousBytes { bytes in
            guard bytes.count == layout.count * 4 else {
                throw EncryptionError.wrongValueCount(expected: layout.count, found: bytes.count / 4)
            }
            guard Int(bitPattern: bytes.baseAddress) & 3 == 0 else {
                // Somebody's slice from the middle of a buffer.
                let copy = [Float](unsafeUninitializedCapacity: layout.count) { target, filled in
                    UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
                    filled = layout.count
                }
                return try copy.withUnsafeBufferPointer { try quantised($0, times: weight, rounding: rounding) }
            }
            return try bytes.withMemoryRebound(to: Float.self) {
                try quantised($0, times: weight, rounding: rounding)
            }
        }
    }

    private func quantised<Value: RealValue>(
        _ values: UnsafeBufferPointer<Value>, times weight: Value, rounding: Rounding
    ) throws -> QuantisedVector {
        guard values.count == layout.count else {
            throw EncryptionError.wrongValueCount(expected: layout.count, found: values.count)
        }
        var clipped: [Int] = []
        let result = try [UInt32](unsafeUninitializedCapacity: values.count) { target, filled in
            var start = 0
            for segment in layout.segments {
                let part = start..<(start + segment.count)
                clipped.append(
                    try quantise(
                        UnsafeBufferPointer(rebasing: values[part]), times: weight, of: segment, rounding: rounding,
                        into: UnsafeMutableBufferPointer(rebasing: target[part])))
                start = part.upperBound
            }
            filled = values.count
        }
        return QuantisedVector(values: result, clipped: clipped)
    }

    /// Quantises one segment and returns how many of its values were clipped.
    private func quantise<Value: RealValue>(
        _ values: UnsafeBufferPointer<Value>, times weight: Value, of segment: VectorLayout.Segment, rounding: Rounding,
        into target: UnsafeMutableBufferPointer<UInt32>
    ) throws -> Int {
        // Exactly 1 for counts, whose range is the number of steps.
        let steps = Steps(count: steps, bias: bias, scale: steps / segment.range, range: segment.range)
        var tally = Steps.Tally()
        switch rounding {
        case .nearest:
            for index in values.indices {
                target[index] = Steps.whole(Steps.floor(steps.biased((values[index] * weight).real, &tally) + 0.5))
            }
        case .stochastic(let stream):
            try stream.forEachBlock(of: segment) { block, words in
                let values = UnsafeBufferPointer(rebasing: values[block])
                let target = UnsafeMutableBufferPointer(rebasing: target[block])
                // Its own variables and no overflow checks: then the compiler makes it a loop over several at a time.
                var local = Steps.Tally()
                for index in 0..<values.count {
                    let value = steps.biased((values[index] * weight).real, &local)
                    let floor = Steps.floor(value)
                    let word = words.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)
                    let threshold = Double(UInt32(littleEndian: word)) * 0x1p-32
                    target[index] = Steps.whole(threshold < value - floor ? floor + 1 : floor)
                }
                tally.clipped += local.clipped
                tally.isFinite = tally.isFinite && local.isFinite
            }
        }
        guard tally.isFinite else { throw EncryptionError.notFinite(segment: segment.name) }
        return tally.clipped
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
        let offset = Int64(contributions) << Int64(bits - 1)
        let largest = UInt64(contributions) * ((1 << UInt64(bits)) - 1)
        for index in sums.indices where sums[index] < UInt64(contributions) || sums[index] > largest {
            throw .sumOutOfRange(index: range.lowerBound + index, contributions: contributions)
        }
        return [Double](unsafeUninitializedCapacity: sums.count) { target, filled in
            var start = 0
            for segment in layout.segments {
                let delta = segment.range / steps
                let part = range.clamped(to: start..<start + segment.count)
                for index in part {
                    let place = index - range.lowerBound
                    target[place] = delta * Double(Int64(sums[place]) - offset)
                }
                start += segment.count
            }
            filled = sums.count
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
private protocol RealValue {
    var real: Double { get }
    static func * (left: Self, right: Self) -> Self
}

extension Float: RealValue {
    fileprivate var real: Double { Double(self) }
}

extension Double: RealValue {
    fileprivate var real: Double { self }
}
