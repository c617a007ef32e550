/// Finds by time which stay of a group a measurement belongs to, in the logarithm of the group's stays. Where windows of a group
/// overlap, the stay that comes first in the stays' table has it.
struct StayWindows {
    /// From `begin` to the next segment's, in seconds.
    private struct Segment {
        let begin: Int
        let stay: Int?
    }

    private let timelines: [[Segment]]

    /// - Parameters:
    ///   - start: of a member, in seconds on the clock of the rows.
    ///   - before: seconds before the start that belong to a stay.
    ///   - window: seconds after it, above 0.
    init(_ groups: StayGroups, start: (Int) -> Int, before: Int, window: Int) {
        timelines = groups.stays.map { stays in
            let sorted = stays.map { (start: start($0), stay: $0) }.sorted { $0 < $1 }
            var segments: [Segment] = []
            segments.reserveCapacity(2 * sorted.count)
            // All windows are of one length, so they close in the order in which they open: a sliding minimum over `sorted`, kept as
            // the places of those that no later one hides.
            var open: [Int] = []
            var front = 0
            var (opened, closed) = (0, 0)
            while closed < sorted.count {
                let closing = sorted[closed].start + window
                let time = opened < sorted.count ? min(sorted[opened].start - before, closing) : closing
                while closed < opened, sorted[closed].start + window == time { closed += 1 }
                while opened < sorted.count, sorted[opened].start - before == time {
                    while open.count > front, sorted[open[open.count - 1]].stay > sorted[opened].stay {
                        open.removeLast()
                    }
                    open.append(opened)
                    opened += 1
                }
                while front < open.count, open[front] < closed { front += 1 }
                let stay = front < open.count ? sorted[open[front]].stay : nil
                if segments.last?.stay != stay { segments.append(Segment(begin: time, stay: stay)) }
            }
            return segments
        }
    }

    /// - Returns: a place among the cohort's members; nil if `time` is in no window of the group.
    func stay(_ group: Int, at time: Int) -> Int? {
        let segments = timelines[group]
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].begin <= time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : segments[low - 1].stay
    }
}
