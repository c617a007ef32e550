/// A metric that every stage can have, named after Prometheus' conventions: base units, `_total` for what only grows.
package struct Meter: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    package let name: String
    package let kind: Kind
    package let text: String
    /// The labels' names, beside those that say which stage it is.
    package let labels: [String]

    package init(_ name: String, _ kind: Kind, _ text: String, labels: [String] = []) {
        self.name = name
        self.kind = kind
        self.text = text
        self.labels = labels
    }

    package static func == (left: Meter, right: Meter) -> Bool { left.name == right.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// How an event counts into a metric.
package enum MeterRule: Sendable {
    /// One more; labelled with a field's value, if there is one.
    case counts(Meter, by: EventField? = nil)
    /// A field's value more.
    case adds(Meter, EventField)
    /// The field's value, from now on.
    case sets(Meter, EventField)
}
