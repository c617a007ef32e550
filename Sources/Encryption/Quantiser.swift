package import Federation
internal import Sodium

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
        try quantised(values, rounding: rounding)
    }

    package func quantise(_ values: [Double], rounding: Rounding) throws -> QuantisedVector {
        try quantised(values, rounding: rounding)
    }

    private func quantised<Value: RealValue>(_ values: [Value], rounding: Rounding) throws -> QuantisedVector {
        guard values.count == layout.count else {
            throw EncryptionError.wrongValueCount(expected: layout.count, found: values.count)
        }
        var clipped: [Int] = []
        let result = try [UInt32](unsafeUninitializedCapacity: values.count) { target, filled in
            try values.withUnsafeBufferPointer { values in
                var start = 0
                for segment in layout.segments {
                    let part = start..<(start + segment.count)
                    clipped.append(
                        try quantise(
                            UnsafeBufferPointer(rebasing: values[part]), of: segment, rounding: rounding,
                            into: UnsafeMutableBufferPointer(rebasing: target[part])))
                    start = part.upperBound
                }
            }
            filled = values.count
        }
        return QuantisedVector(values: result, clipped: clipped)
    }

    /// Quantises one segment and returns how many of its values were clipped.
    private func quantise<Value: RealValue>(
        _ values: UnsafeBufferPointer<Value>, of segment: VectorLayout.Segment, rounding: Rounding,
        into target: UnsafeMutableBufferPointer<UInt32>
    ) throws -> Int {
        // Exactly 1 for counts, whose range is the number of steps.
        let scale = steps / segment.range
        let (steps, bias) = (steps, bias)
        var clipped = 0
        var isFinite = true

        /// x / delta + 2^(b-1), in 1...2^b - 1: above 0, so that truncation is the floor.
        func biased(_ value: Value) -> Double {
            let x = value.real
            isFinite = isFinite && x.isFinite
            if x.magnitude > segment.range { clipped += 1 }
            // A value that is not finite is refused below; until then it must not reach a conversion, which would trap.
            return min(max((x.isFinite ? x : 0) * scale, -steps), steps) + bias
        }

        switch rounding {
        case .nearest:
            for index in values.indices { target[index] = UInt32(biased(values[index]) + 0.5) }
        case .stochastic(let stream):
            try stream.forEachBlock(of: segment) { block, words in
                for index in block {
                    let value = biased(values[index])
                    let floor = UInt32(value)
                    let word = words.loadUnaligned(fromByteOffset: (index - block.lowerBound) * 4, as: UInt32.self)
                    let threshold = Double(UInt32(littleEndian: word)) * 0x1p-32
                    target[index] = threshold < value - Double(floor) ? floor + 1 : floor
                }
            }
        }
        guard isFinite else { throw EncryptionError.notFinite(segment: segment.name) }
        return clipped
    }

    /// The real sums behind opened ones: of `contributions` quantised vectors.
    package func dequantise(_ sums: [UInt64], contributions: Int) throws(EncryptionError) -> [Double] {
        guard sums.count == layout.count else {
            throw .wrongValueCount(expected: layout.count, found: sums.count)
        }
        guard (1...SlotLayout.maximumCohort).contains(contributions) else {
            throw .wrongContributionCount(found: contributions, cohort: SlotLayout.maximumCohort)
        }
        let offset = Int64(contributions) << Int64(bits - 1)
        let largest = UInt64(contributions) * ((1 << UInt64(bits)) - 1)
        for index in sums.indices where sums[index] < UInt64(contributions) || sums[index] > largest {
            throw .sumOutOfRange(index: index, contributions: contributions)
        }
        return [Double](unsafeUninitializedCapacity: sums.count) { target, filled in
            var index = 0
            for segment in layout.segments {
                let delta = segment.range / steps
                for _ in 0..<segment.count {
                    target[index] = delta * Double(Int64(sums[index]) - offset)
                    index += 1
                }
            }
            filled = sums.count
        }
    }
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
}

extension Float: RealValue {
    fileprivate var real: Double { Double(self) }
}

extension Double: RealValue {
    fileprivate var real: Double { self }
}
