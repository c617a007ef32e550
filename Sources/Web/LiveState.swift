internal import Synchronization
package import View

/// The newest view, for whoever asks, and a wake-up for those who follow.
package final class LiveState: Sendable {
    private struct State {
        var view: FederationView
        var version: UInt64 = 0
        var followers: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var next: UInt64 = 0
    }

    private let state: Mutex<State>

    package init(_ view: FederationView) { state = Mutex(State(view: view)) }

    package var view: FederationView { state.withLock { $0.view } }
    package var followers: Int { state.withLock { $0.followers.count } }

    package func set(_ view: FederationView) {
        let followers = state.withLock { state in
            state.view = view
            state.version += 1
            return Array(state.followers.values)
        }
        for follower in followers { follower.yield() }
    }

    /// Ends every follower's stream.
    package func finish() {
        let followers = state.withLock { state in
            defer { state.followers = [:] }
            return Array(state.followers.values)
        }
        for follower in followers { follower.finish() }
    }

    /// Yields whenever there is something new, once for what came meanwhile; nil where too many follow already.
    func follow(atMost maximum: Int) -> AsyncStream<Void>? {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id: UInt64? = state.withLock { state in
            guard state.followers.count < maximum else { return nil }
            state.next += 1
            state.followers[state.next] = continuation
            return state.next
        }
        guard let id else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.followers[id] = nil }
        }
        continuation.yield()
        return stream
    }
}
