package import Federation
package import Monitoring

/// An event as a list shows it: short, and without anything that a terminal would obey.
package struct EventNote: Sendable, Equatable {
    /// What an event's fields are cut to; a view keeps many of them.
    package static let maximumText = 280

    /// Nanoseconds since 1970, UTC.
    package let time: UInt64
    package let level: EventLevel
    package let stage: StageName
    package let name: String
    package let round: UInt32
    package let sequence: UInt64
    /// Its reason first, then the other fields as `name=value`, in the catalogue's order; what is long and seldom read comes last.
    package let text: String

    package init(_ event: Event) {
        time = event.time
        level = event.level
        stage = event.stage
        name = EventNote.printable(event.name, atMost: 64)
        round = event.round.value
        sequence = event.sequence
        var parts: [String] = []
        if case .text(let reason)? = event.fields[.reason] { parts.append(reason) }
        let declared = Catalogue.kind(event.name)?.fields.map(\.name) ?? []
        func place(_ name: String) -> Int {
            if EventNote.last.contains(name) { return declared.count + 1 }
            return declared.firstIndex(of: name) ?? declared.count
        }
        let others = event.fields.pairs.filter { $0.field.name != EventField.reason.name }.enumerated()
        for (_, (field, value)) in others.sorted(by: {
            (place($0.element.field.name), $0.offset) < (place($1.element.field.name), $1.offset)
        }) {
            parts.append("\(field.name)=\(EventNote.shown(value))")
        }
        text = EventNote.printable(parts.joined(separator: "  "), atMost: EventNote.maximumText)
    }

    private static let last: Set<String> = [
        EventField.key.name, EventField.root.name, EventField.folder.name, EventField.card.name,
        EventField.digest.name, EventField.opening.name, EventField.adapter.name,
    ]

    /// Reals to four digits, digests to eight: what follows is noise to a reader.
    private static func shown(_ value: EventValue) -> String {
        switch value {
        case .real(let number): Figures.short(number)
        case .text(let text) where isDigest(text): "\(text.prefix(8))…"
        case .list(let values): "[" + values.map(shown).joined(separator: ",") + "]"
        default: value.shown
        }
    }

    /// 32 bytes or more in hexadecimal.
    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count >= 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Without control characters, nor those that turn the direction of text round (Unicode's bidirectional controls).
    package static func printable(_ text: String, atMost maximum: Int) -> String {
        var result = String.UnicodeScalarView()
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < maximum else {
                result.append("…")
                break
            }
            switch scalar.value {
            case 0..<32, 127...159, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
