/// The newest of what came: adding to a full one drops the oldest.
package struct Ring<Element: Sendable>: Sendable {
    private var kept: [Element] = []
    private var start = 0
    package let capacity: Int

    package init(_ capacity: Int) { self.capacity = max(1, capacity) }

    package var count: Int { kept.count }
    package var last: Element? {
        guard !kept.isEmpty else { return nil }
        return kept[(start + kept.count - 1) % kept.count]
    }

    package mutating func append(_ element: Element) {
        guard kept.count == capacity else {
            kept.append(element)
            return
        }
        kept[start] = element
        start = (start + 1) % capacity
    }

    /// The oldest first.
    package var elements: [Element] { Array(kept[start...]) + kept[..<start] }

    /// The newest so many, the oldest of them first.
    package func suffix(_ number: Int) -> [Element] {
        let number = min(max(0, number), kept.count)
        return (kept.count - number..<kept.count).map { kept[(start + $0) % kept.count] }
    }
}

extension Ring: Equatable where Element: Equatable {
    package static func == (left: Ring, right: Ring) -> Bool { left.elements == right.elements }
}
