import Federation
import Foundation
import StageKit
import Synchronization

/// A post with somebody at it: keeps what comes out, and wakes whoever waits for something.
final class Desk: Sendable {
    struct Nothing: Error, CustomStringConvertible {
        let description: String
    }

    private struct Waiter {
        let number: Int
        let matches: @Sendable (PostEvent) -> Bool
        let resume: CheckedContinuation<PostEvent?, Never>
    }

    private struct State {
        var events: [PostEvent] = []
        var waiters: [Waiter] = []
        var issued = 0
        var isOpen: Bool
        var unhandled: [PostEvent] = []
    }

    let post: Post
    private let state: Mutex<State>

    /// - Parameter handles: whether events count as handled as they come; if not, `handleAll` does it.
    init(_ plan: PostPlan, handles: Bool = true) throws {
        post = try Post(plan)
        state = Mutex(State(isOpen: handles))
        Task { [self] in
            for await event in post.events { take(event) }
        }
    }

    private func take(_ event: PostEvent) {
        let (woken, isOpen) = state.withLock { state in
            state.events.append(event)
            let woken = state.waiters.filter { $0.matches(event) }
            let numbers = Set(woken.map(\.number))
            state.waiters.removeAll { numbers.contains($0.number) }
            if !state.isOpen { state.unhandled.append(event) }
            return (woken, state.isOpen)
        }
        if isOpen { post.handled(event) }
        for waiter in woken { waiter.resume.resume(returning: event) }
    }

    func handleAll() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.unhandled = [] }
            return state.unhandled
        }
        for event in waiting { post.handled(event) }
    }

    var events: [PostEvent] { state.withLock { $0.events } }
    var messages: [WireMessage] { events.compactMap { if case .message(let message) = $0 { message } else { nil } } }

    /// The first event that matches, past or to come.
    @discardableResult
    func first(_ what: String, within seconds: Int = 30, _ matches: @escaping @Sendable (PostEvent) -> Bool)
        async throws -> PostEvent
    {
        let found = await withCheckedContinuation { continuation in
            let (past, number) = state.withLock { state -> (PostEvent?, Int) in
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
        guard let found else { throw Nothing(description: "no \(what) in \(seconds) s; there was \(events.suffix(8))") }
        return found
    }

    /// The first message that matches, past or to come.
    @discardableResult
    func message(_ what: String, _ matches: @escaping @Sendable (WireMessage) -> Bool) async throws -> WireMessage {
        let event = try await first(what) { if case .message(let message) = $0 { matches(message) } else { false } }
        guard case .message(let message) = event else { throw Nothing(description: what) }
        return message
    }

    /// Sends a message until something that matches comes: a connection that breaks off, as on a busy machine, takes what is on
    /// its way with it, and who speaks for a stage here says everything once.
    func answer(
        _ what: String, to message: WireMessage, of stage: StageName,
        _ matches: @escaping @Sendable (WireMessage) -> Bool
    ) async throws {
        for _ in 0..<60 {
            post.publish(message, topic: Topic.to(stage))
            do {
                try await first(what, within: 1) {
                    if case .message(let message) = $0 { matches(message) } else { false }
                }
                return
            } catch is Nothing { continue }
        }
        throw Nothing(description: "no \(what) in a minute")
    }

    func refusal(_ text: String) async throws {
        try await first("refusal with \"\(text)\"") { event in
            if case .refused(_, let reason) = event { reason.contains(text) } else { false }
        }
    }

    func joined(_ stage: StageName) async throws {
        try await first("\(stage) joining") { if case .joined(let other) = $0 { other == stage } else { false } }
    }

    /// Waits until `count` turns of the loop have passed, from the first event on, in which nothing came.
    func quiet(turns count: Int) async throws {
        let turns = Mutex(0)
        try await first("quiet") { event in
            turns.withLock { turns in
                if case .tick = event { turns += 1 } else { turns = 0 }
                return turns >= count
            }
        }
    }

    /// Says hello until the hub has heard it: a connection that breaks off takes what is on its way with it.
    func say(_ message: WireMessage, to hub: StageName, until desk: Desk) async throws {
        for _ in 0..<60 {
            post.push(message, to: hub)
            do {
                try await desk.first("hello \(message.epoch)", within: 1) { event in
                    if case .message(let other) = event {
                        other.sender == message.sender && other.epoch == message.epoch
                    } else {
                        false
                    }
                }
                return
            } catch is Nothing { continue }
        }
        throw Nothing(
            description:
                "no hello \(message.epoch) of \(message.sender); \(desk.post) had \(desk.events.filter { if case .tick = $0 { false } else { true } }.suffix(12)), this one \(events.filter { if case .tick = $0 { false } else { true } }.suffix(12))"
        )
    }

    func hears(_ sequence: UInt64, of hub: Desk, _ message: WireMessage) async throws {
        for _ in 0..<60 {
            hub.post.publish(message, topic: Topic.all)
            do {
                try await first("beat \(sequence)", within: 1) { event in
                    if case .message(let other) = event { other.sequence == sequence } else { false }
                }
                return
            } catch is Nothing { continue }
        }
        throw Nothing(
            description:
                "beat \(sequence) was not heard; \(hub.events.filter { if case .tick = $0 { false } else { true } }.suffix(12)), this one \(events.filter { if case .tick = $0 { false } else { true } }.suffix(22))"
        )
    }
}
