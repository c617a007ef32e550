import Synchronization

/// Whether there is nothing to seal: read by the threads that make blinding meanwhile.
final class IdleFlag: Sendable {
    private let state = Atomic<Bool>(false)

    var value: Bool { state.load(ordering: .relaxed) }
    func set(_ isIdle: Bool) { state.store(isIdle, ordering: .relaxed) }
}
