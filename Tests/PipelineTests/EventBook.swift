import Federation
import Foundation
import Synchronization

/// One line of a stage's log, or the end of its process (`exited`, with `status`, or `killed`, with `signal`).
struct StageEvent: Sendable {
    let stage: StageName
    let name: String
    let fields: [String: String]
    let line: String

    var round: Int? { fields["round"].flatMap { Int($0) } }

    init(_ stage: StageName, name: String, fields: [String: String], line: String) {
        self.stage = stage
        self.name = name
        self.fields = fields
        self.line = line
    }

    /// A line that is no event (a complaint before the log stands) is one all the same, called `text`.
    init(_ stage: StageName, line: String) {
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let name = object?["event"] as? String
        self.init(stage, name: name ?? "text", fields: object?.mapValues { "\($0)" } ?? [:], line: line)
    }
}

/// The events of all stages of a run, in the order in which they came; whoever waits for one is woken by it.
final class EventBook: Sendable {
    private struct Waiter {
        let number: Int
        let matches: @Sendable (StageEvent) -> Bool
        let resume: CheckedContinuation<StageEvent?, Never>
    }

    private struct Trigger {
        let matches: @Sendable (StageEvent) -> Bool
        let act: @Sendable () -> Void
    }

    private struct State {
        var triggers: [Trigger] = []
        var events: [StageEvent] = []
        var waiters: [Waiter] = []
        var issued = 0
    }

    private let state = Mutex(State())

    var all: [StageEvent] { state.withLock { $0.events } }

    /// Acts on the first such event, on the thread that has read it: before anything that waits for its turn.
    func when(_ matches: @escaping @Sendable (StageEvent) -> Bool, _ act: @escaping @Sendable () -> Void) {
        state.withLock { $0.triggers.append(Trigger(matches: matches, act: act)) }
    }

    func add(_ event: StageEvent) {
        let due = state.withLock { state in
            let due = state.triggers.filter { $0.matches(event) }
            state.triggers.removeAll { $0.matches(event) }
            return due
        }
        for trigger in due { trigger.act() }
        let woken = state.withLock { state in
            state.events.append(event)
            let woken = state.waiters.filter { $0.matches(event) }
            state.waiters.removeAll { $0.matches(event) }
            return woken
        }
        for waiter in woken { waiter.resume.resume(returning: event) }
    }

    /// The first event that matches, past or to come; nil if none comes within `seconds`.
    func first(within seconds: Int, _ matches: @escaping @Sendable (StageEvent) -> Bool) async -> StageEvent? {
        await withCheckedContinuation { continuation in
            let (past, number) = state.withLock { state -> (StageEvent?, Int) in
                if let past = state.events.first(where: matches) { return (past, 0) }
                state.issued += 1
                state.waiters.append(Waiter(number: state.issued, matches: matches, resume: continuation))
                return (nil, state.issued)
            }
            if let past { return continuation.resume(returning: past) }
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { [self] in
                let late = state.withLock { state in
                    let late = state.waiters.first { $0.number == number }
                    state.waiters.removeAll { $0.number == number }
                    return late
                }
                late?.resume.resume(returning: nil)
            }
        }
    }
}
