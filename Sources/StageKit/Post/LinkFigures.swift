internal import CLinux
internal import Federation
internal import Monitoring

/// What goes over a stage's links, and what the kernel knows of them. On the post's thread.
final class LinkFigures {
    private let meters: Meters
    private var nextLook = ContinuousClock.now
    private var jitters: [StageName: InterarrivalJitter] = [:]
    /// When a chunk last came from a hub.
    private var lastBulk: [StageName: ContinuousClock.Instant] = [:]
    private let start = ContinuousClock.now
    /// Longer than hubs beat apart: a beat that comes sooner after a chunk may have waited behind it.
    private static let quiet = Duration.seconds(3)

    init(_ meters: Meters) { self.meters = meters }

    func received(_ bytes: Int, from peer: StageName) {
        meters.add(Double(bytes), to: .linkBytes, [peer.description, "received"])
        meters.add(to: .linkMessages, [peer.description, "received"])
    }

    /// A message of a hub that is dialled. Its beats carry the time at which they were made.
    func heard(_ message: WireMessage, from hub: StageName, _ now: ContinuousClock.Instant) {
        if !message.bulk.isEmpty { lastBulk[hub] = now }
        guard let sent = message.time else { return }
        if let last = lastBulk[hub], now - last < Self.quiet {
            jitters[hub]?.skip()
            return
        }
        jitters[hub, default: InterarrivalJitter()].take(
            sent: Double(sent) / 1000, arrived: (now - start) / .seconds(1))
        if let jitter = jitters[hub]?.seconds { meters.set(.linkJitter, [hub.description], to: jitter) }
    }

    func sent(_ bytes: Int, _ frames: [[UInt8]], by route: Post.Route) {
        let peer = addressee(route, frames.first)
        meters.add(Double(bytes), to: .linkBytes, [peer, "sent"])
        meters.add(to: .linkMessages, [peer, "sent"])
    }

    /// News go to one subscriber, or to all.
    private func addressee(_ route: Post.Route, _ topic: [UInt8]?) -> String {
        switch route {
        case .work(let hub): hub.description
        case .followers: "followers"
        case .news: topic.flatMap { Topic.addressee($0)?.description } ?? "all"
        }
    }

    /// Once a second.
    func isDue(_ now: ContinuousClock.Instant) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now + .seconds(1)
        return true
    }

    func waits(_ bytes: Int, dropped: Int, for route: Post.Route) {
        let peer = addressee(route, nil)
        meters.set(.outboxBytes, [peer], to: Double(bytes))
        meters.set(.outboxDropped, [peer], to: Double(dropped))
    }

    /// Over ipc there is nothing to know. A descriptor is libzmq's, and may be another connection's for a moment: a figure that
    /// is wrong once.
    func look(at descriptor: Int, to peer: String) {
        var figures = tributary_tcp_figures()
        guard tributary_tcp_info(Int32(truncatingIfNeeded: descriptor), &figures) == 0, figures.round_trip > 0 else {
            return
        }
        meters.set(.roundTrip, [peer], to: Double(figures.round_trip) * 1e-6)
        if figures.least_round_trip > 0, figures.least_round_trip < .max {
            meters.set(.leastRoundTrip, [peer], to: Double(figures.least_round_trip) * 1e-6)
        }
        if figures.delivery_rate > 0 { meters.set(.goodput, [peer], to: Double(figures.delivery_rate)) }
        meters.set(.retransmissions, [peer], to: Double(figures.segments_sent_again))
    }
}
