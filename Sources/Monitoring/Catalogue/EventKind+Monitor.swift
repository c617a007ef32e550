/// What the monitor tells of a stage, in the stage's place.
extension EventKind {
    package static let eventsLost = EventKind(
        "events_lost", .warning,
        "The spool had no room for so many events of the stage until this sink took them; `sequence` is 0.",
        [.events, .sink])

    static let ofMonitor: [EventKind] = [.eventsLost]
}

extension EventField {
    package static let events = EventField("events", .number, "events of the stage that were removed unsent")
    package static let sink = EventField("sink", .text, "the sink that they were kept for")
}
