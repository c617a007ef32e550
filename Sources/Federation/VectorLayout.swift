package import Sodium

/// The shape of what a round sums: named segments, one after the other, row-major inside each.
///
/// Every value of a segment lies in [-range, range] (clipped to it) and is summed on the integer grid of step
/// `range / (2^(bits-1) - 1)`, so that 0 is on the grid, and counts are exact when range is `2^(bits-1) - 1`.
package struct VectorLayout: Hashable, Sendable {
    package struct Segment: Hashable, Sendable {
        /// A tensor's name as PEFT writes it, or a statistic's: printable ASCII, at most 256 characters.
        package let name: String
        package let shape: [Int]
        package let range: Double

        package init(name: String, shape: [Int], range: Double) {
            self.name = name
            self.shape = shape
            self.range = range
        }

        package var count: Int { shape.reduce(1, *) }
    }

    /// At most this many values in one layout: 2^28, one GiB as f32.
    package static let maximumCount = 1 << 28
    package static let maximumSegments = 16_384

    package let segments: [Segment]
    /// The number of values over all segments.
    package let count: Int

    package init(_ segments: [Segment]) throws(FederationError) {
        guard !segments.isEmpty, segments.count <= VectorLayout.maximumSegments else {
            throw .invalidLayout("expected 1 to \(VectorLayout.maximumSegments) segments, found \(segments.count)")
        }
        var names: Set<String> = []
        var total = 0
        for segment in segments {
            guard !segment.name.isEmpty, segment.name.utf8.count <= 256,
                segment.name.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
            else {
                throw .invalidLayout("segment name \"\(segment.name.prefix(64))\" is not 1 to 256 printable characters")
            }
            guard names.insert(segment.name).inserted else {
                throw .invalidLayout("segment \(segment.name) appears twice")
            }
            guard segment.range.isFinite, segment.range > 0 else {
                throw .invalidLayout("segment \(segment.name): range \(segment.range) is not a positive number")
            }
            guard !segment.shape.isEmpty, segment.shape.count <= 4 else {
                throw .invalidLayout(
                    "segment \(segment.name): expected 1 to 4 dimensions, found \(segment.shape.count)")
            }
            var count = 1
            for dimension in segment.shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
                guard dimension > 0, !overflow, product <= VectorLayout.maximumCount else {
                    throw .invalidLayout("segment \(segment.name): shape \(segment.shape) is out of bounds")
                }
                count = product
            }
            total += count
            guard total <= VectorLayout.maximumCount else {
                throw .invalidLayout("more than \(VectorLayout.maximumCount) values")
            }
        }
        self.segments = segments
        self.count = total
    }

    /// What is left of it where only the values at `places` are summed: of each segment as many as there are places in it, in order;
    /// segments without any are not in it.
    package func selecting(_ places: ValueMask) -> VectorLayout {
        var first = 0
        let left = segments.compactMap { segment -> Segment? in
            defer { first += segment.count }
            let count = places.count(in: first..<first + segment.count)
            return count > 0 ? Segment(name: segment.name, shape: [count], range: segment.range) : nil
        }
        return VectorLayout(part: left, count: places.count)
    }

    /// A part of a layout that was checked.
    private init(part segments: [Segment], count: Int) {
        self.segments = segments
        self.count = count
    }

    /// The same with other ranges, one for each segment.
    package func ranging(over ranges: [Double]) throws(FederationError) -> VectorLayout {
        guard ranges.count == segments.count else {
            throw .invalidLayout("\(ranges.count) ranges for \(segments.count) segments")
        }
        return try VectorLayout(
            zip(segments, ranges).map { Segment(name: $0.name, shape: $0.shape, range: $1) })
    }

    /// Names the layout: BLAKE2b over its canonical text, one `name shape range` line for each segment. The range is
    /// written as its IEEE 754 bits, so that no printing rule can change the digest.
    package var digest: Digest {
        let hasher = Digest.Hasher()
        for segment in segments {
            let shape = segment.shape.map(String.init).joined(separator: "x")
            hasher.update(Array("\(segment.name) \(shape) \(String(segment.range.bitPattern, radix: 16))\n".utf8))
        }
        return hasher.finish()
    }
}
