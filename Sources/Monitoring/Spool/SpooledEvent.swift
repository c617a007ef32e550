/// An event as it lies in a spool: its line, and what that says. An object, so that several sinks share one.
package final class SpooledEvent: Sendable {
    /// Without its end.
    package let line: ArraySlice<UInt8>
    /// Nil for a line that is none of an event.
    package let level: EventLevel?
    /// Nanoseconds since 1970; 0 where the line does not say it.
    package let time: UInt64
    /// Nil where nobody wants to know what the line says, and where it cannot be read.
    package let event: Event?

    /// What a spool does not hold: an event that is told in another's place.
    package init(_ event: Event) {
        line = EventLine.bytes(event).dropLast()
        level = event.level
        time = event.time
        self.event = event
    }

    /// - Parameter reader: reads what is of `wanted` and above; nothing where that is nil.
    init(_ line: ArraySlice<UInt8>, wanted: EventLevel?, _ reader: inout EventReader) {
        self.line = line
        level = EventGlance.level(line)
        guard let level else {
            (time, event) = (0, nil)
            return
        }
        if let wanted, level >= wanted {
            event = SpooledEvent.read(line, &reader)
        } else {
            event = nil
        }
        time = event?.time ?? EventGlance.nanoseconds(line) ?? 0
    }

    /// Nil for a line that is none: whoever ships it counts it.
    private static func read(_ line: ArraySlice<UInt8>, _ reader: inout EventReader) -> Event? {
        do { return try reader.event(line) } catch { return nil }
    }
}
