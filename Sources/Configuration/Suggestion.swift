/// Guesses what a misspelt word was meant to be.
package enum Suggestion {
    /// The nearest of `candidates` if it is near enough to be a slip of the finger: one edit for each three characters,
    /// at least two.
    package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let allowed = max(2, word.count / 3)
        let word = Array(word.lowercased().prefix(64))
        var best: (distance: Int, candidate: String)?
        for candidate in candidates {
            let distance = distance(from: word, to: Array(candidate.lowercased().prefix(64)))
            guard distance <= allowed, distance < max(word.count, 1) else { continue }
            if let known = best, (known.distance, known.candidate) <= (distance, candidate) { continue }
            best = (distance, candidate)
        }
        return best?.candidate
    }

    /// ` (did you mean "x"?)`, or nothing.
    package static func hint(for word: String, among candidates: some Sequence<String>) -> String {
        nearest(to: word, among: candidates).map { " (did you mean \"\($0)\"?)" } ?? ""
    }

    /// Edits between two words where a swap of neighbours counts as one (the optimal string alignment distance).
    static func distance(from left: [Character], to right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(last[column + 1], current[column]) + 1
                cost = min(cost, last[column] + (character == other ? 0 : 1))
                if row > 0, column > 0, character == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
