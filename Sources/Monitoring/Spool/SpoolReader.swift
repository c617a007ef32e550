internal import Glibc

/// Reads a stage's spool from a place on, as it grows. What the writer has removed meanwhile is told as lost.
package struct SpoolReader: Sendable {
    /// How far a reader has come; it may be kept, to go on there after a restart.
    package struct Place: Sendable, Equatable {
        /// The ordinal of the next event.
        package var ordinal: UInt64
        /// The file that it is in, by the ordinal of its first event, and how far in.
        var segment: UInt64
        var offset: UInt64

        package static let start = Place(ordinal: 0, segment: 0, offset: 0)

        init(ordinal: UInt64, segment: UInt64, offset: UInt64) {
            self.ordinal = ordinal
            self.segment = segment
            self.offset = offset
        }

        /// No spool is as large.
        private static let largestOffset: UInt64 = 1 << 50

        /// `ordinal segment offset`, in decimals.
        package var text: String { "\(ordinal) \(segment) \(offset)" }

        package init?(_ text: String) {
            let parts = text.split(separator: " ").map { UInt64($0) }
            guard parts.count == 3, let ordinal = parts[0], let segment = parts[1], let offset = parts[2],
                segment <= ordinal, ordinal <= SpoolSegment.lastOrdinal, offset <= Place.largestOffset
            else { return nil }
            self.init(ordinal: ordinal, segment: segment, offset: offset)
        }
    }

    package struct Batch: Sendable {
        /// Whole lines, without their ends.
        package var lines: [ArraySlice<UInt8>] = []
        /// Events before them that were removed before they were read.
        package var lost: UInt64 = 0
    }

    private let folder: String
    package private(set) var place: Place

    package init(folder: String, from place: Place = .start) {
        self.folder = folder
        self.place = place
    }

    /// Goes to the end: what comes from now on.
    package mutating func skipToEnd() throws(SpoolFault) {
        while try !next(maximumBytes: 1 << 20).lines.isEmpty {}
    }

    /// What has come since, up to so many bytes; nothing where nothing has.
    package mutating func next(maximumBytes: Int) throws(SpoolFault) -> Batch {
        var batch = Batch()
        while true {
            let segments = SpoolSegment.all(in: folder)
            guard let oldest = segments.first else { return batch }
            if !segments.contains(where: { $0.first == place.segment }) {
                // Its file is gone, or nothing has been read yet.
                let newer = segments.first { $0.first >= place.ordinal } ?? oldest
                if newer.first > place.ordinal { batch.lost += newer.first - place.ordinal }
                place = Place(ordinal: newer.first, segment: newer.first, offset: 0)
            }
            let segment = SpoolSegment(folder: folder, first: place.segment)
            let later = segments.first { $0.first > place.segment }
            try read(segment, maximumBytes: maximumBytes, into: &batch)
            guard batch.lines.isEmpty, let later else { return batch }
            // Read to its end, and it grows no more.
            if later.first > place.ordinal { batch.lost += later.first - place.ordinal }
            place = Place(ordinal: later.first, segment: later.first, offset: 0)
        }
    }

    private mutating func read(
        _ segment: SpoolSegment, maximumBytes: Int, into batch: inout Batch
    ) throws(SpoolFault) {
        let file = open(segment.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return }  // removed just now: the next look tells what is lost
            throw SpoolFault("open \(segment.path)", errno)
        }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: max(maximumBytes, EventLine.maximumBytes))
        if lseek(file, 0, SEEK_END) < off_t(place.offset) {
            // The folder was emptied, and the stage has begun anew: from its first event on.
            place = Place(ordinal: segment.first, segment: segment.first, offset: 0)
        }
        let count = pread(file, &buffer, buffer.count, off_t(place.offset))
        guard count > 0 else {
            if count < 0, errno != EINTR { throw SpoolFault("read \(segment.path)", errno) }
            return
        }
        var start = 0
        while let end = buffer[start..<count].firstIndex(of: UInt8(ascii: "\n")) {
            batch.lines.append(buffer[start..<end])
            start = end + 1
            place.ordinal += 1
        }
        if start == 0, count == buffer.count { start = count }  // no line of ours is that long: stepped over
        place.offset += UInt64(start)
    }
}
