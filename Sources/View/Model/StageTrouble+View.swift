package import Launching

extension StageTrouble {
    /// Nanoseconds since 1970.
    package var sinceNanoseconds: UInt64 { UInt64(max(0, min(since, 1e10)) * 1e9) }

    /// Whether it is an event of the past and not a state that lasts.
    package var isPast: Bool { kind == .killed }

    /// `clock: release/publish: its clock is 9.0 s ahead of this host's`; of a kill, which is the stage's own, the text alone.
    package var finding: String { isPast ? text : "\(kind.rawValue): \(about): \(text)" }

    /// How long it has lasted, or how long ago it was.
    func age(at now: UInt64) -> String { Figures.age(now > sinceNanoseconds ? now - sinceNanoseconds : 0) }

    /// What hinders, in a word or two for a sentence; nil for what is over or said by the stage's state.
    var hindrance: String? {
        switch kind {
        case .clock: "a clock that is off"
        case .version: "a peer of another version"
        case .round: "a round that is given up again and again"
        case .disk: "a full disk"
        case .still: "a process that stands still"
        case .killed, .failed: nil
        }
    }

    /// Without anything that a terminal would obey, and bounded.
    var printable: StageTrouble {
        func printable(_ text: String) -> String { EventNote.printable(text, atMost: EventNote.maximumText) }
        return StageTrouble(
            kind: kind, about: printable(about), text: printable(text), remedy: printable(remedy),
            since: since.isFinite ? since : 0)
    }
}
