internal import CLinux
internal import Federation
internal import Glibc
internal import Sodium
internal import ZeroMQ

/// What a consuming stage binds, and who is connected to it.
final class BoundHub {
    let terms: PostPlan.Hub
    let work: Socket
    let news: Socket
    let workMonitor: Socket
    let newsMonitor: Socket
    /// Bound before the others: without a handler CURVE lets every key in (RFC 27; tried). Nil over ipc.
    let zap: ZapHandler?
    var admission: Admission
    var connections: ConnectionBook
    /// The descriptors that take dials. libzmq owns them, and keeps them for as long as the sockets are bound.
    var listeners: [Int32] = []
    /// Over ipc: who speaks by a descriptor, only to name it when it ends.
    var local: [Int: String] = [:]

    final class ZapHandler {
        let socket: Socket

        init(in context: Context) throws {
            let handler = try Socket(.rep, in: context)
            try handler.set(.lingerMilliseconds(0))
            try handler.bind(Zap.endpoint)
            socket = handler
        }
    }

    init(_ plan: PostPlan, _ terms: PostPlan.Hub, in context: Context) throws {
        self.terms = terms
        admission = Admission(terms, keyring: plan.keyring)
        connections = ConnectionBook(limits: Self.connectionLimits())
        zap = terms.admitted == nil ? nil : try ZapHandler(in: context)
        let pull = try Socket(.pull, in: context)
        try PostLoop.prepare(pull, maximumFrame: WireMessage.maximumWorkFrameBytes)
        let xpub = try Socket(.xpub, in: context)
        // Only subscriptions come in here. Short ones: libzmq keeps a node of its tree for each byte of each, a hundred times what was
        // sent, and takes all that a peer has sent before it returns. With 20,000 of a KiB that was 13 s and 800 MB.
        try PostLoop.prepare(xpub, maximumFrame: Self.subscriptionBytes)
        // Without it a second subscriber to a topic raises no event (tried).
        try xpub.set(.verboseSubscriptions)
        let workWatch = try Socket(.pair, in: context)
        let newsWatch = try Socket(.pair, in: context)
        try pull.monitor(on: "inproc://monitor-work", events: SocketEvent.mask)
        try workWatch.connect("inproc://monitor-work")
        try xpub.monitor(on: "inproc://monitor-news", events: SocketEvent.mask)
        try newsWatch.connect("inproc://monitor-news")
        if terms.admitted != nil {
            try Self.serve(pull, domain: "work", plan)
            try Self.serve(xpub, domain: "news", plan)
        }
        try pull.bind(terms.work)
        try xpub.bind(terms.news)
        work = pull
        news = xpub
        workMonitor = workWatch
        newsMonitor = newsWatch
    }

    /// So many that the stage never runs out of descriptors: a journal that cannot be opened ends it.
    private static func connectionLimits() -> ConnectionBook.Limits {
        var limits = ConnectionBook.Limits()
        let descriptors = Int(tributary_raise_file_limit(UInt64(limits.all + reservedDescriptors)))
        limits.all = min(limits.all, max(descriptors - reservedDescriptors, descriptors / 2))
        limits.halfOpen = min(limits.halfOpen, limits.all / 2)
        limits.halfOpenOfAddress = min(limits.halfOpenOfAddress, limits.halfOpen / 2)
        return limits
    }

    /// A stage's topics have 60 at most; the longest frame of a CURVE handshake, which counts too, has 276 (RFC 26, INITIATE).
    private static let subscriptionBytes = 256

    /// For the stage's own files and sockets, and for connections that are accepted and not counted yet.
    private static let reservedDescriptors = 2048

    private static func serve(_ socket: borrowing Socket, domain: String, _ plan: PostPlan) throws {
        try socket.set(.zapDomain(domain))
        try socket.set(.enforceZapDomain)
        // Dialled and not accepted yet: the kernel holds so many.
        try socket.set(.backlog(512))
        try plan.curveSecret.withUnsafeBytes { try socket.serveCurve(secret: $0) }
    }

    /// Has the kernel drop dials of these addresses, and of no others. Answers why it does not, if so.
    func refuseDials(of hosts: [String]) -> String? {
        let addresses = hosts.compactMap(PeerAddress.parse)
        for listener in listeners where tributary_refuse_dials(listener, addresses, addresses.count) != 0 {
            return String(cString: strerror(errno))
        }
        return nil
    }

    /// Ends connections at once. libzmq owns their descriptors, so a number may be another's by now: only what still leads to the
    /// same peer is shut down.
    func cut(_ descriptors: [Int]) {
        for descriptor in descriptors {
            if let peer = connections.peer(of: descriptor), PeerAddress.of(descriptor) == peer {
                PeerAddress.shutDown(descriptor)
            } else {
                _ = connections.ended(descriptor)
            }
        }
    }
}
