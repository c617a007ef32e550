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
        // Most of the time its file has more, and the folder need not be looked at.
        try read(SpoolSegment(folder: folder, first: place.segment), maximumBytes: maximumBytes, into: &batch)
        if !batch.lines.isEmpty { return batch }
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
        let length = lseek(file, 0, SEEK_END)
        if length < off_t(place.offset) {
            // The folder was emptied, and the stage has begun anew: from its first event on.
            place = Place(ordinal: segment.first, segment: segment.first, offset: 0)
        }
        let most = max(maximumBytes, EventLine.maximumBytes)
        let (offset, wanted) = (off_t(place.offset), min(most, Int(length) - Int(place.offset)))
        guard wanted > 0 else { return }
        var code: Int32 = 0
        let buffer = [UInt8](unsafeUninitializedCapacity: wanted) { target, count in
            let read = pread(file, target.baseAddress, wanted, offset)
            if read < 0 { code = errno }
            count = max(0, read)
        }
        guard code == 0 || code == EINTR else { throw SpoolFault("read \(segment.path)", code) }
        var ends: [Int] = []
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var start = 0
            while start < bytes.count, let end = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start) {
                start = UnsafeRawPointer(end) - base + 1
                ends.append(start - 1)
            }
        }
        var start = 0
        batch.lines.reserveCapacity(batch.lines.count + ends.count)
        for end in ends {
            batch.lines.append(buffer[start..<end])
            start = end + 1
            place.ordinal += 1
        }
        if start == 0, buffer.count == most { start = most }  // no line of ours is that long: stepped over
        place.offset += UInt64(start)
    }
}
