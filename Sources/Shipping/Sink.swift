internal import Monitoring

/// What became of a delivery that did not fail.
struct Receipt {
    /// Events that the collector will not have, however often they are sent.
    var refused = 0
    var reason = ""
}

/// A connection to a collector; one thread uses it.
protocol Sink: AnyObject {
    /// Whether entries must have been read.
    var takesEvents: Bool { get }
    /// How long what was delivered may still turn out not to have been: protocols without acknowledgements tell of a broken
    /// connection only after it has taken more.
    var settlesAfter: Duration { get }
    /// Returns when the collector has them, as far as the protocol can tell. Whatever it throws, all of them are sent again.
    func deliver(_ entries: [SpooledEvent]) throws -> Receipt
    /// Looks whether the collector is still there, where that can be told without sending.
    func check() throws
    /// The last call: makes sure that everything has arrived, as far as it can.
    func finish() throws
}

extension Sink {
    func check() throws {}
    func finish() throws {}
}
