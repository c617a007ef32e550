internal import Federation

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

extension Event {
    /// Name and fields on one line for people, without what a terminal would obey.
    package func summary(cutting maximum: Int = EventLine.maximumText) -> String {
        var text = name
        for (field, value) in fields.pairs {
            text += " \(field.name)="
            let shown = value.shown
            let isLong = shown.utf8.count > maximum
            for scalar in shown.unicodeScalars.prefix(isLong ? maximum : .max) {
                let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                text.unicodeScalars.append(isControl ? " " : scalar)
            }
            if isLong { text += "..." }
        }
        return text
    }

    /// The envelope's parts, as sinks that have named fields give them.
    package var envelope: [(name: String, value: EventValue)] {
        [
            ("run", .name(run)), ("cloud", .name(stage.cloud)), ("stage", .text(stage.kind.rawValue)),
            ("epoch", .number(Int(clamping: epoch))), ("sequence", .number(Int(clamping: sequence))),
            ("round", .round(round)), ("trace", .text(trace.description)),
        ]
    }
}
