internal import Federation
internal import Sodium
internal import ZeroMQ

/// A dialled hub: its sockets as they are now. A class, because optionals and arrays of noncopyable sockets are awkward to borrow
/// from; not sendable, so it stays on its thread like the sockets themselves.
final class HubLine {
    final class Sockets {
        let work: Socket
        let news: Socket
        let monitor: Socket
        /// Of `work`, which may be refused where `news` is let in: the hub's keys may change between the two.
        let workMonitor: Socket
        /// The key that the hub is expected to show; nil over ipc.
        let serverKey: [UInt8]?
        let opened: ContinuousClock.Instant

        /// - Parameter number: names the monitor; no two in a process have the same.
        init(_ plan: PostPlan, _ dial: PostPlan.Dial, serverKey: [UInt8]?, in context: Context, number: Int) throws {
            let push = try Socket(.push, in: context)
            let sub = try Socket(.sub, in: context)
            try PostLoop.prepare(push, maximumFrame: 1 << 10)
            // Openings and releases are long; nobody but publish makes any.
            try PostLoop.prepare(
                sub,
                maximumFrame: dial.hub.kind == .publish
                    ? WireMessage.maximumFrameBytes : WireMessage.maximumWorkFrameBytes)
            // A peer that is not there must not fill a pipe that is lost with it.
            try push.set(.immediate(true))
            try sub.set(.subscribe(Topic.all))
            try sub.set(.subscribe(Topic.to(plan.stage)))
            if let serverKey {
                try plan.curveSecret.withUnsafeBytes { secret in
                    try push.dialCurve(server: serverKey, publicKey: plan.curvePublic, secret: secret)
                    try sub.dialCurve(server: serverKey, publicKey: plan.curvePublic, secret: secret)
                }
            }
            let watch = try Socket(.pair, in: context)
            try sub.monitor(on: "inproc://monitor-\(number)", events: SocketEvent.mask)
            try watch.connect("inproc://monitor-\(number)")
            let workWatch = try Socket(.pair, in: context)
            try push.monitor(on: "inproc://monitor-\(number)-work", events: SocketEvent.mask)
            try workWatch.connect("inproc://monitor-\(number)-work")
            try push.connect(dial.work)
            try sub.connect(dial.news)
            work = push
            news = sub
            monitor = watch
            workMonitor = workWatch
            self.serverKey = serverKey
            opened = .now
        }

        deinit {
            news.stopMonitor()
            work.stopMonitor()
        }
    }

    let dial: PostPlan.Dial
    /// When to dial anew: a hub that has refused a key is not tried again by libzmq, and may have its card a little later.
    var redialAt: ContinuousClock.Instant?
    var hub: StageName { dial.hub }
    /// Of its connection to the hub's work, while it stands.
    var descriptor: Int?
    /// Nil where none of the hub's keys counts: nothing is said to it then, and nothing heard.
    private(set) var sockets: Sockets?

    init(_ dial: PostPlan.Dial, _ sockets: Sockets?) {
        self.dial = dial
        self.sockets = sockets
    }

    func close() { sockets = nil }
    func reopen(_ sockets: Sockets) {
        self.sockets = sockets
        redialAt = nil
    }
}
