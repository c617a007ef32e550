import StageKit

/// A payload on its way to the disk. Whoever waits for the end goes on by the actor's own queue: a task's `value` would go by
/// that of all threads, and the order of things would be another each time (docs/architecture.md, "Simulated faults").
@StageActor
final class Syncing {
    private var result: Result<Void, any Error>?
    private var waiting: CheckedContinuation<Void, any Error>?

    init(_ payload: Payload, _ context: StageContext) {
        Task {
            do {
                try await context.offload { try payload.sync() }
                end(.success(()))
            } catch { end(.failure(error)) }
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        self.result = result
        waiting?.resume(with: result)
        waiting = nil
    }

    /// Returns once it is on the disk; throws what has gone wrong. For one caller.
    func end() async throws {
        if let result { return try result.get() }
        try await withCheckedThrowingContinuation { waiting = $0 }
    }
}
