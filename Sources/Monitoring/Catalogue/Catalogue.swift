/// Every event that a stage can tell.
package enum Catalogue {
    package static let sections: [(title: String, kinds: [EventKind])] = [
        ("Life of a stage", EventKind.ofStages),
        ("Links, keys and peers", EventKind.ofLinks),
        ("Data and training", EventKind.ofTraining),
        ("Encryption", EventKind.ofEncryption),
        ("Rounds", EventKind.ofRounds),
        ("Differential privacy", EventKind.ofPrivacy),
        ("Transfers", EventKind.ofTransfers),
        ("Told by the monitor", EventKind.ofMonitor),
    ]

    package static let kinds: [EventKind] = sections.flatMap(\.kinds)

    private static let byName = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    package static func kind(_ name: String) -> EventKind? { byName[name] }

    /// What is wrong with an event by the catalogue: an unknown name, another level, a field that it does not declare or that
    /// holds something else.
    package static func faults(of event: Event) -> [String] {
        guard let kind = kind(event.name) else { return ["\(event.name) is not in the catalogue"] }
        var faults: [String] = []
        if kind.level != event.level {
            faults.append("\(event.name) is \(event.level), the catalogue says \(kind.level)")
        }
        for (field, value) in event.fields.pairs {
            guard let declared = kind.fields.first(where: { $0.name == field.name }) else {
                faults.append("\(event.name) has no field \(field.name)")
                continue
            }
            if !declared.holds(value) { faults.append("\(event.name): \(field.name) is no \(declared.kind)") }
        }
        return faults
    }
}
