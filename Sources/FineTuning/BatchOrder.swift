import Tokenization

/// SplitMix64 (Steele, Lea and Flood 2014): small, seeded, the same everywhere. Not for secrets.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// An endless order of batches that the seed decides: examples in shuffled epochs; within a window of some batches sorted by
/// length, so that little is padded; the window's batches shuffled again.
struct BatchOrder {
    private static let window = 8

    private let lengths: [Int]
    private let batchSize: Int
    private var generator: SeededGenerator
    private var epoch: [Int] = []
    private var ready: [[Int]] = []

    init(_ shard: TokenShard, batchSize: Int, seed: UInt64) {
        lengths = (0..<shard.count).map(shard.length)
        self.batchSize = min(batchSize, shard.count)
        generator = SeededGenerator(seed: seed)
    }

    /// Indices into the shard.
    mutating func next() -> [Int] {
        if ready.isEmpty { fill() }
        return ready.removeLast()
    }

    private mutating func fill() {
        // What is left of an epoch and does not fill a batch is passed over; each epoch it is others.
        if epoch.count < batchSize { epoch = shuffled(Array(0..<lengths.count)) }
        let count = min(batchSize * BatchOrder.window, epoch.count / batchSize * batchSize)
        let examples = epoch.suffix(count)
        epoch.removeLast(count)
        let sorted = examples.enumerated().sorted { left, right in
            let (l, r) = (lengths[left.element], lengths[right.element])
            return l != r ? l < r : left.offset < right.offset
        }
        let batches = stride(from: 0, to: sorted.count, by: batchSize).map { begin in
            sorted[begin..<begin + batchSize].map(\.element)
        }
        ready = shuffled(batches)
    }

    /// Fisher and Yates, written out: the standard library does not promise that its own shuffle stays as it is.
    private mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var elements = elements
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            // The multiply-shift reduction (Lemire 2019); its bias is below 2^-40 at these counts.
            let chosen = Int(generator.next().multipliedFullWidth(by: UInt64(last + 1)).high)
            elements.swapAt(last, chosen)
        }
        return elements
    }
}
