/// A field that events may have: the same name means the same thing, in the same unit, in every event.
package struct EventField: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case text, number, real, flag, list
    }

    package let name: String
    package let kind: Kind
    /// `seconds`, `bytes`; nil for what has none.
    package let unit: String?
    /// What it says, as docs/events.md prints it.
    package let text: String

    package init(_ name: String, _ kind: Kind, _ text: String, unit: String? = nil) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.text = text
    }

    package func holds(_ value: EventValue) -> Bool {
        switch (kind, value) {
        case (.text, .text), (.number, .number), (.real, .real), (.real, .number), (.flag, .flag), (.list, .list): true
        default: false
        }
    }
}

/// An event's own fields, in the order in which they were given.
package struct EventFields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package private(set) var pairs: [(field: EventField, value: EventValue)]

    package init(dictionaryLiteral elements: (EventField, EventValue)...) { pairs = elements }
    package init(_ pairs: [(field: EventField, value: EventValue)]) { self.pairs = pairs }

    package subscript(field: EventField) -> EventValue? {
        get { pairs.first { $0.field.name == field.name }?.value }
        set {
            pairs.removeAll { $0.field.name == field.name }
            if let newValue { pairs.append((field, newValue)) }
        }
    }

    package static func + (left: EventFields, right: EventFields) -> EventFields {
        EventFields(left.pairs + right.pairs)
    }

    package static func == (left: EventFields, right: EventFields) -> Bool {
        left.pairs.map(\.field.name) == right.pairs.map(\.field.name)
            && left.pairs.map(\.value) == right.pairs.map(\.value)
    }
}
