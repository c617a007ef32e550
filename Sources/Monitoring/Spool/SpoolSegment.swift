internal import Glibc

/// A file of a spool: the ordinal of its first event is its name, so that a reader knows what was removed before it came.
struct SpoolSegment: Comparable {
    static let suffix = ".jsonl"
    private static let digits = 16
    /// What a name has digits for.
    static let lastOrdinal: UInt64 = 9_999_999_999_999_999

    let folder: String
    /// Events of a stage are numbered from 0 over all its epochs.
    let first: UInt64

    var path: String {
        let text = String(first)
        return "\(folder)/" + String(repeating: "0", count: max(0, Self.digits - text.count)) + text + Self.suffix
    }

    static func < (left: SpoolSegment, right: SpoolSegment) -> Bool { left.first < right.first }

    /// Those that there are, the oldest first; whatever else lies in the folder is none.
    static func all(in folder: String) -> [SpoolSegment] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var segments: [SpoolSegment] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasSuffix(suffix), name.utf8.count == digits + suffix.utf8.count,
                name.utf8.first != UInt8(ascii: "+"), let first = UInt64(name.dropLast(suffix.count))
            else { continue }
            segments.append(SpoolSegment(folder: folder, first: first))
        }
        return segments.sorted()
    }
}
