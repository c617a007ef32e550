import Federation

/// The pair of connections by which a stage reaches a hub: work one way, news the other.
final class SimulatedLink {
    let dialler: SimulatedProcess
    let hub: SimulatedProcess
    var isUp = false
    /// The hub has the dialler's subscription: news before that are lost.
    var isSubscribed = false
    /// Which connection this is; what is on the way belongs to one.
    var generation = 0
    /// What the last connection still brings, though it is broken: what would arrive up to then.
    var leftovers = (generation: 0, until: 0)
    var isConnecting = false
    var cutUntil = 0
    var stalledUntil = 0
    var dropped = (oneIn: 0, until: 0)
    /// What the dialler could not send yet. It is in its memory, and dies with it.
    var waiting: [WireMessage] = []
    var lastArrivalOfWork = 0
    var lastArrivalOfNews = 0

    init(dialler: SimulatedProcess, hub: SimulatedProcess) {
        self.dialler = dialler
        self.hub = hub
    }
}

/// A message on its way.
struct Parcel {
    let link: SimulatedLink
    let generation: Int
    let isWork: Bool
    let message: WireMessage
    let arrival: Int
}
