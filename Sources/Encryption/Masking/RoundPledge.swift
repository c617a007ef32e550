import Federation
internal import Synchronization

/// What a cloud has done in a masked round and may not do a second time: mask, and decide on survivors. It goes with the
/// round's secrets, so that everything made of them keeps to it, whatever rosters and agreements aggregate hands out.
final class RoundPledge: Sendable {
    private struct State {
        var hasMasked: Bool
        var decision: MaskDecision?
    }

    private let state: Mutex<State>

    /// - Parameter decision: what the journal of an earlier life holds. Whoever has decided has masked before.
    init(hasMasked: Bool = false, decision: MaskDecision? = nil) {
        state = Mutex(State(hasMasked: hasMasked || decision != nil, decision: decision))
    }

    var decision: MaskDecision? { state.withLock { $0.decision } }

    func mask() throws(MaskingError) {
        let isFirst = state.withLock { state in
            defer { state.hasMasked = true }
            return !state.hasMasked
        }
        guard isFirst else { throw .masksSpent }
    }

    /// The same decision again is no second one.
    func decide(_ decision: MaskDecision) throws(MaskingError) {
        let isAccepted = state.withLock { state in
            if let earlier = state.decision { return earlier == decision }
            state.decision = decision
            return true
        }
        guard isAccepted else { throw .secondSurvivorSet }
    }
}
