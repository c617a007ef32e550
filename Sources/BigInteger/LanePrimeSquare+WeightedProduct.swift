internal import CMontgomery

extension LanePrimeSquare {
    /// `Modulus.weightedProduct`, each of the eight lanes at work on another byte of the weights: all of them multiply
    /// by the same value, but into buckets of their own.
    ///
    /// - Parameter values: the modulus of the values, which this was made with.
    package func weightedProduct(
        of count: Int, weights: UnsafeRawBufferPointer, weightBytes: Int, values modulus: LaneModulus,
        _ value: (Int) -> UnsafeRawBufferPointer
    ) -> Integer {
        precondition(weights.count == count * weightBytes, "a weight for each value")
        precondition(weightBytes.isMultiple(of: laneCount), "weights of whole groups of eight bytes")
        var result: Integer = 1
        for place in stride(from: weightBytes - laneCount, through: 0, by: -laneCount) {
            let buckets = LaneBuckets(of: self)
            let read = LaneRows(count: 1, of: modulus)
            for start in stride(from: 0, to: count, by: laneCount) {
                let group = start..<min(start + laneCount, count)
                for (lane, index) in group.enumerated() { read.read(value(index), lane: lane) }
                buckets.take(read)
                for (lane, index) in group.enumerated() {
                    buckets.multiply(byLane: lane) { weights[index * weightBytes + place + $0] }
                }
            }
            for product in buckets.products().reversed() {
                for _ in 0..<8 { result = square.multiply(result, result) }
                result = square.multiply(result, product)
            }
        }
        return result
    }
}

/// 256 products for each lane, as single rows of pairs in Montgomery form: 2 MiB at 3072 bits.
private struct LaneBuckets: ~Copyable {
    private static let perLane = 256
    private let square: LanePrimeSquare
    /// Digits of a pair.
    private let width: Int
    private let buckets: UnsafeMutablePointer<UInt64>
    /// Eight values as single rows.
    private let values: UnsafeMutablePointer<UInt64>
    /// Pairs of rows: the values, then what is multiplied.
    private let rows: LaneRows
    private let scratch: LaneRows

    init(of square: LanePrimeSquare) {
        self.square = square
        let digits = square.prime.digits
        width = 2 * digits
        rows = LaneRows(count: 6, digits: digits)
        scratch = .scratch(words: tributary_lanes_pair_scratch_words(digits))
        values = .allocate(capacity: laneCount * width)
        values.initialize(repeating: 0, count: laneCount * width)
        buckets = .allocate(capacity: LaneBuckets.perLane * laneCount * width)
        // All 1: to multiply by it costs a product, and so would be the choice between that and a copy.
        for lane in 0..<laneCount {
            for digit in 0..<width {
                values[lane * width + digit] = square.constants.row(LanePrimeSquare.one)[digit * 8]
            }
        }
        for place in stride(from: 0, to: LaneBuckets.perLane * laneCount, by: laneCount) {
            (buckets + place * width).initialize(from: values, count: laneCount * width)
        }
    }

    deinit {
        buckets.deallocate()
        values.deallocate()
    }

    private func bucket(_ digit: Int, _ lane: Int) -> UnsafeMutablePointer<UInt64> {
        buckets + (digit * laneCount + lane) * width
    }

    /// Takes the values of a row for `multiply`.
    borrowing func take(_ read: borrowing LaneRows) {
        square.readPairs(read, 0, into: rows, 0, scratch: scratch)
        let targets = SingleRows { values + $0 * width }
        targets.withPointers { tributary_lanes_scatter($0, rows.row(0), width) }
    }

    /// Multiplies the value that came in `lane` into one bucket of each lane.
    borrowing func multiply(byLane lane: Int, digit: (Int) -> UInt8) {
        SingleRows { _ in values + lane * width }.withEntries { tributary_lanes_gather(rows.row(2), $0, width) }
        let targets = SingleRows { bucket(Int(digit($0)), $0) }
        targets.withEntries { tributary_lanes_gather(rows.row(4), $0, width) }
        withUnsafePointer(to: square.pair) {
            tributary_lanes_pair_multiply(rows.row(4), rows.row(4), rows.row(2), $0, scratch.base)
        }
        targets.withPointers { tributary_lanes_scatter($0, rows.row(4), width) }
    }

    /// prod B_k^k over the buckets of each lane.
    consuming func products() -> [Integer] {
        let (running, sum, factor) = (rows.row(0), rows.row(2), rows.row(4))
        withUnsafePointer(to: square.pair) { pair in
            for digit in (1..<LaneBuckets.perLane).reversed() {
                let entries = SingleRows { bucket(digit, $0) }
                if digit == LaneBuckets.perLane - 1 {
                    entries.withEntries { tributary_lanes_gather(running, $0, width) }
                    entries.withEntries { tributary_lanes_gather(sum, $0, width) }
                    continue
                }
                entries.withEntries { tributary_lanes_gather(factor, $0, width) }
                tributary_lanes_pair_multiply(running, running, factor, pair, scratch.base)
                tributary_lanes_pair_multiply(sum, sum, running, pair, scratch.base)
            }
            let one = square.constants.row(LanePrimeSquare.plainOne)
            tributary_lanes_pair_multiply(sum, sum, one, pair, scratch.base)
        }
        return square.integers(rows, 2, count: laneCount)
    }
}
