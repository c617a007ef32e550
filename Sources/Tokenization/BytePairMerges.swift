/// The merges of a byte-pair model (Sennrich, Haddow and Birch 2016, arXiv 1508.07909), applied in the order of their ranks.
struct BytePairMerges: Sendable {
    struct Merge: Sendable {
        let rank: Int32
        let result: Int32
    }

    /// By the two tokens, the left one in the upper half.
    private var merges: [UInt64: Merge] = [:]

    mutating func add(_ left: Int32, _ right: Int32, rank: Int32, result: Int32) -> Bool {
        merges.updateValue(Merge(rank: rank, result: result), forKey: BytePairMerges.key(left, right)) == nil
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private struct Candidate: Comparable {
        let rank: Int32
        let position: Int32
        let left: Int32
        let right: Int32
        let result: Int32

        static func < (one: Candidate, other: Candidate) -> Bool {
            (one.rank, one.position) < (other.rank, other.position)
        }
    }

    /// Merges until no pair of neighbours has a merge: the lowest rank first, the leftmost among equals. A linked list and a
    /// heap, so that one long word costs n log n.
    func apply(to symbols: [Int32]) -> [Int32] {
        guard symbols.count > 1, !merges.isEmpty else { return symbols }
        var symbols = symbols
        var next = (0..<symbols.count).map { Int32($0 + 1) }
        var previous = (0..<symbols.count).map { Int32($0 - 1) }
        let end = Int32(symbols.count)
        var heap = MinimumHeap<Candidate>()

        func offer(_ left: Int32) {
            guard left >= 0, next[Int(left)] < end else { return }
            let (a, b) = (symbols[Int(left)], symbols[Int(next[Int(left)])])
            guard let merge = merges[BytePairMerges.key(a, b)] else { return }
            heap.insert(Candidate(rank: merge.rank, position: left, left: a, right: b, result: merge.result))
        }

        for position in 0..<end { offer(position) }
        while let candidate = heap.removeMinimum() {
            let left = Int(candidate.position)
            // Skip what an earlier merge has changed.
            guard symbols[left] == candidate.left, next[left] < end, symbols[Int(next[left])] == candidate.right else {
                continue
            }
            let right = Int(next[left])
            symbols[left] = candidate.result
            symbols[right] = -1
            next[left] = next[right]
            if next[right] < end { previous[Int(next[right])] = Int32(left) }
            offer(previous[left])
            offer(Int32(left))
        }
        return symbols.filter { $0 >= 0 }
    }
}

/// A binary heap whose least element comes first.
private struct MinimumHeap<Element: Comparable> {
    private var elements: [Element] = []

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { break }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeMinimum() -> Element? {
        guard let last = elements.popLast() else { return nil }
        guard let first = elements.first else { return last }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < elements.count && elements[child] < elements[least] {
                least = child
            }
            guard least != parent else { return first }
            elements.swapAt(parent, least)
            parent = least
        }
    }
}
