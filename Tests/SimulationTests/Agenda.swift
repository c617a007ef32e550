/// What is to happen in a simulated federation, in the order of virtual time; what falls on the same microsecond happens in
/// the order in which it was planned. A binary heap (Williams 1964).
struct Agenda<Happening> {
    private var heap: [(time: Int, order: Int, happening: Happening)] = []
    private var planned = 0

    var isEmpty: Bool { heap.isEmpty }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].order) < (heap[right].time, heap[right].order)
    }

    mutating func plan(_ happening: Happening, at time: Int) {
        heap.append((time, planned, happening))
        planned += 1
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (time: Int, happening: Happening)? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.time, first.happening)
    }
}
