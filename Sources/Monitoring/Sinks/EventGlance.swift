/// What can be told of an event's line without reading it whole: `EventLine` writes time and level first.
package enum EventGlance {
    private static let opening = Array(#"{"time":""#.utf8)
    private static let middle = Array(#"","level":""#.utf8)
    private static let timeLength = 30

    /// Its time as it is written, which sorts as bytes; nil for what is no event's line.
    package static func time(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let start = line.startIndex + opening.count
        guard line.count > opening.count + timeLength + middle.count, line.starts(with: opening) else { return nil }
        return line[start..<start + timeLength]
    }

    /// The same in nanoseconds since 1970.
    static func nanoseconds(_ line: ArraySlice<UInt8>) -> UInt64? { time(line).flatMap { Timestamp.parse($0.span) } }

    package static func level(_ line: ArraySlice<UInt8>) -> EventLevel? {
        guard time(line) != nil else { return nil }
        let rest = line[(line.startIndex + opening.count + timeLength)...]
        guard rest.starts(with: middle) else { return nil }
        switch rest[rest.startIndex + middle.count] {
        case UInt8(ascii: "d"): return .debug
        case UInt8(ascii: "i"): return .info
        case UInt8(ascii: "w"): return .warning
        case UInt8(ascii: "e"): return .error
        default: return nil
        }
    }
}
