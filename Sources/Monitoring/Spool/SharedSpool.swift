internal import Synchronization

/// A stage's spool for several readers, each at its own place: what one of them has read and parsed the others take as it is, as
/// long as it is at hand. Whoever is further behind than that reads for itself; nobody waits for another, but for the time
/// that it takes to read 64 KiB of a file.
package final class SharedSpool: Sendable {
    /// What was read of the spool at once.
    package struct Batch: Sendable {
        package let start: SpoolReader.Place
        package let end: SpoolReader.Place
        package let events: [SpooledEvent]
        /// Events before them that were removed before they were read.
        package let lost: UInt64
        /// Of its lines.
        package let bytes: Int

        /// What of it comes from `place` on; nil where that is no place between its lines.
        func from(_ place: SpoolReader.Place) -> Batch? {
            if place == start { return self }
            guard lost == 0, place.segment == start.segment, place.segment == end.segment,
                place.ordinal > start.ordinal,
                place.ordinal < end.ordinal
            else { return nil }
            let skipped = events.prefix(Int(place.ordinal - start.ordinal)).reduce(0) { $0 + $1.line.count + 1 }
            guard start.offset + UInt64(skipped) == place.offset else { return nil }
            let rest = Array(events.dropFirst(Int(place.ordinal - start.ordinal)))
            return Batch(start: place, end: end, events: rest, lost: 0, bytes: bytes - skipped)
        }
    }

    /// Bytes of lines that are kept for readers that have yet to come; what they say takes some four times as much.
    static let kept = 512 << 10
    private static let readAtOnce = 64 << 10

    private struct State {
        var reader = EventReader()
        /// One after the other without a gap.
        var batches: [Batch] = []
        var bytes = 0
        /// Of each reader that keeps up, the ordinal that it wants next.
        var wants: [Int: UInt64] = [:]
    }

    private let folder: String
    private let wanted: EventLevel?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - wanted: what is of this level and above is parsed; nothing where it is nil.
    ///   - readers: how many there are; they call themselves 0, 1 and so on.
    package init(folder: String, parsing wanted: EventLevel?, readers: Int) {
        self.folder = folder
        self.wanted = wanted
        var state = State()
        for number in 0..<readers { state.wants[number] = 0 }
        self.state = Mutex(state)
    }

    /// What comes after `place`, for the reader of this number: batches that follow on one another, together about `maximumBytes`
    /// unless the first has more. None where there is nothing.
    package func next(
        after place: SpoolReader.Place, for number: Int, maximumBytes: Int
    ) throws(SpoolFault) -> [Batch] {
        try state.withLock { state throws(SpoolFault) in
            state.wants[number] = place.ordinal
            drop(&state)
            for (index, batch) in state.batches.enumerated() {
                guard let first = batch.from(place) else { continue }
                var found = [first]
                var bytes = first.bytes
                for later in state.batches[(index + 1)...] {
                    bytes += later.bytes
                    if bytes > maximumBytes { break }
                    found.append(later)
                }
                return found
            }
            return try read(place, &state).map { [$0] } ?? []
        }
    }

    /// This reader goes on later, and somewhere else: nothing is kept for it until then.
    package func leave(_ number: Int) {
        state.withLock { state in
            state.wants[number] = nil
            drop(&state)
        }
    }

    private func read(_ place: SpoolReader.Place, _ state: inout State) throws(SpoolFault) -> Batch? {
        var reader = SpoolReader(folder: folder, from: place)
        let found = try reader.next(maximumBytes: Self.readAtOnce)
        if reader.place == place { return nil }
        var events: [SpooledEvent] = []
        events.reserveCapacity(found.lines.count)
        for line in found.lines { events.append(SpooledEvent(line, wanted: wanted, &state.reader)) }
        let bytes = found.lines.reduce(0) { $0 + $1.count }
        let batch = Batch(start: place, end: reader.place, events: events, lost: found.lost, bytes: bytes)
        keep(batch, &state)
        return batch
    }

    /// What goes on where the others end is for all; what is further on begins anew; what lies before is of use to nobody else.
    private func keep(_ batch: Batch, _ state: inout State) {
        if let last = state.batches.last, last.end != batch.start {
            let isNewer = batch.start.ordinal > last.end.ordinal
            // Ordinals that go back: the folder was emptied.
            guard isNewer || batch.end.ordinal < batch.start.ordinal else { return }
            state.batches = []
            state.bytes = 0
        }
        state.batches.append(batch)
        state.bytes += batch.bytes
        drop(&state)
    }

    /// Lets go of what all have, and of what would be too much.
    private func drop(_ state: inout State) {
        let oldest = state.wants.values.min() ?? .max
        while let first = state.batches.first,
            first.end.ordinal <= oldest || state.bytes > Self.kept && state.batches.count > 1
        {
            state.bytes -= first.bytes
            state.batches.removeFirst()
        }
    }
}
