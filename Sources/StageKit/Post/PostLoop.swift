internal import Federation
internal import Glibc
internal import Sodium
internal import ZeroMQ

/// The post's thread: its sockets, what waits to be sent, and the poll over both. Sockets are not thread-safe, and being
/// noncopyable they cannot leave this object, nor, not being sendable, can it leave its thread.
final class PostLoop {
    /// What waits for one socket. Bounded: past the bound the oldest is dropped, and the protocol sends it again.
    private struct Queue {
        static let limitBytes = 64 << 20
        var messages: [[[UInt8]]] = []
        var bytes = 0
        var dropped = 0

        mutating func append(_ frames: [[UInt8]]) {
            messages.append(frames)
            bytes += frames.reduce(0) { $0 + $1.count }
            while bytes > Queue.limitBytes, messages.count > 1 {
                bytes -= messages.removeFirst().reduce(0) { $0 + $1.count }
                dropped += 1
            }
        }
    }

    /// A dialled hub: its two sockets and the monitor of its news. A class, because optionals and arrays of noncopyable
    /// sockets are awkward to borrow from; not sendable, so it stays on this thread like the sockets themselves.
    private final class Line {
        let dial: PostPlan.Dial
        var hub: StageName { dial.hub }
        /// When to dial anew: libzmq does not try a hub again that has refused a key, and it may have its card a little later.
        var redialAt: ContinuousClock.Instant?
        let work: Socket
        let news: Socket
        let monitor: Socket

        init(dial: PostPlan.Dial, work: consuming Socket, news: consuming Socket, monitor: consuming Socket) {
            self.dial = dial
            self.work = work
            self.news = news
            self.monitor = monitor
        }

        func redial() throws {
            redialAt = nil
            work.disconnect(dial.work)
            news.disconnect(dial.news)
            try work.connect(dial.work)
            try news.connect(dial.news)
        }
    }

    /// How long after a refusal a hub is dialled again.
    private static let refusalPause = Duration.seconds(2)

    /// What a consuming stage binds.
    private final class Hub {
        let work: Socket
        let news: Socket
        let monitor: Socket

        init(work: consuming Socket, news: consuming Socket, monitor: consuming Socket) {
            self.work = work
            self.news = news
            self.monitor = monitor
        }
    }

    private final class ZapHandler {
        let socket: Socket
        init(_ socket: consuming Socket) { self.socket = socket }
    }

    private let plan: PostPlan
    private let wake: Int32
    private let zap: ZapHandler?
    private let hub: Hub?
    private let lines: [Line]
    private var queues: [Post.Route: Queue] = [:]
    /// Who is at the other end of each connection to the hub's work, by descriptor: only to name it when it ends.
    private var connections: [Int: String] = [:]

    init(_ plan: PostPlan, in context: Context, wake: Int32) throws {
        self.plan = plan
        self.wake = wake
        if let hub = plan.hub {
            if hub.admitted != nil {
                // Before any other socket: without a handler CURVE lets every key in (RFC 27; tried).
                let handler = try Socket(.rep, in: context)
                try handler.set(.lingerMilliseconds(0))
                try handler.bind(Zap.endpoint)
                zap = ZapHandler(handler)
            } else {
                zap = nil
            }
            let pull = try Socket(.pull, in: context)
            try Self.prepare(pull, maximumFrame: WireMessage.maximumWorkFrameBytes)
            try pull.monitor(on: "inproc://monitor-work", events: SocketEvent.mask)
            let watch = try Socket(.pair, in: context)
            try watch.connect("inproc://monitor-work")
            let xpub = try Socket(.xpub, in: context)
            // Only subscriptions come in here.
            try Self.prepare(xpub, maximumFrame: 1 << 10)
            // Without it a second subscriber to a topic raises no event (tried).
            try xpub.set(.verboseSubscriptions)
            if hub.admitted != nil {
                try Self.serve(pull, domain: "work", plan)
                try Self.serve(xpub, domain: "news", plan)
            }
            try pull.bind(hub.work)
            try xpub.bind(hub.news)
            self.hub = Hub(work: pull, news: xpub, monitor: watch)
        } else {
            zap = nil
            hub = nil
        }
        lines = try plan.dials.enumerated().map { index, dial in
            let push = try Socket(.push, in: context)
            let sub = try Socket(.sub, in: context)
            try Self.prepare(push, maximumFrame: 1 << 10)
            // Openings and releases are long; nobody but publish makes any.
            try Self.prepare(
                sub,
                maximumFrame: dial.hub.kind == .publish
                    ? WireMessage.maximumFrameBytes : WireMessage.maximumWorkFrameBytes)
            // A peer that is not there must not fill a pipe that is lost with it.
            try push.set(.immediate(true))
            try sub.set(.subscribe(Topic.all))
            try sub.set(.subscribe(Topic.to(plan.stage)))
            if let server = dial.serverKey {
                try plan.curveSecret.withUnsafeBytes { secret in
                    try push.dialCurve(server: server, publicKey: plan.curvePublic, secret: secret)
                    try sub.dialCurve(server: server, publicKey: plan.curvePublic, secret: secret)
                }
            }
            let watch = try Socket(.pair, in: context)
            try sub.monitor(on: "inproc://monitor-\(index)", events: SocketEvent.mask)
            try watch.connect("inproc://monitor-\(index)")
            try push.connect(dial.work)
            try sub.connect(dial.news)
            return Line(dial: dial, work: push, news: sub, monitor: watch)
        }
    }

    /// Messages that libzmq keeps of one peer while we leave them unread: its own 1000 would be gigabytes of the largest.
    private static let highWaterMark: Int32 = 128
    /// What CURVE adds to a frame (RFC 26: a MESSAGE command's name, nonce, authenticator and flags).
    private static let curveOverhead = 64

    private static func prepare(_ socket: borrowing Socket, maximumFrame: Int) throws {
        try socket.set(.lingerMilliseconds(500))
        try socket.set(.maximumMessageSize(bytes: Int64(maximumFrame + curveOverhead)))
        try socket.set(.receiveHighWaterMark(messages: highWaterMark))
        try socket.set(.handshakeMilliseconds(5_000))
        try socket.set(.heartbeatMilliseconds(2_000))
        try socket.set(.heartbeatTimeoutMilliseconds(10_000))
        try socket.set(.reconnectMilliseconds(50))
        try socket.set(.reconnectMaximumMilliseconds(2_000))
    }

    private static func serve(_ socket: borrowing Socket, domain: String, _ plan: PostPlan) throws {
        try socket.set(.zapDomain(domain))
        try socket.set(.enforceZapDomain)
        try plan.curveSecret.withUnsafeBytes { try socket.serveCurve(secret: $0) }
    }

    // MARK: The loop

    /// Runs until the post is told to stop, or a socket fails.
    func run(post: Post) {
        var stopBy: ContinuousClock.Instant?
        while true {
            let (batch, isStopping) = post.takeOutgoing()
            for (route, frames) in batch { queues[route, default: Queue()].append(frames) }
            do {
                try flush()
                if isStopping {
                    stopBy = stopBy ?? .now + .seconds(2)
                    if let stopBy, queues.values.allSatisfy({ $0.messages.isEmpty }) || .now >= stopBy { return }
                }
                for line in lines { if let time = line.redialAt, .now >= time { try line.redial() } }
                try wait(post: post, milliseconds: isStopping ? 20 : 100)
            } catch {
                post.deliver(.failed("\(error)"))
                return
            }
        }
    }

    private func flush() throws {
        if let hub { try flush(.news, through: hub.news) }
        for line in lines { try flush(.work(line.hub), through: line.work) }
    }

    private func flush(_ route: Post.Route, through socket: borrowing Socket) throws {
        guard var queue = queues[route], !queue.messages.isEmpty else { return }
        var sent = 0
        for frames in queue.messages {
            guard try socket.send(frames) else { break }
            queue.bytes -= frames.reduce(0) { $0 + $1.count }
            sent += 1
        }
        queue.messages.removeFirst(sent)
        queues[route] = queue
    }

    private func isWaiting(_ route: Post.Route) -> Bool { queues[route].map { !$0.messages.isEmpty } ?? false }

    private func wait(post: Post, milliseconds: Int) throws {
        let reads = !post.isFull
        var items = [PollItem(descriptor: wake)]
        func add(_ socket: borrowing Socket, input: Bool, output: Bool) {
            items.append(PollItem(socket, forInput: input, forOutput: output))
        }
        if let zap { add(zap.socket, input: true, output: false) }
        if let hub {
            add(hub.work, input: reads, output: false)
            add(hub.news, input: reads, output: isWaiting(.news))
            add(hub.monitor, input: true, output: false)
        }
        for line in lines {
            add(line.work, input: false, output: isWaiting(.work(line.hub)))
            add(line.news, input: reads, output: false)
            add(line.monitor, input: true, output: false)
        }
        try poll(&items, milliseconds: milliseconds)
        if !items.contains(where: { $0.canReceive || $0.canSend }) {
            post.deliver(.tick)
            return
        }
        if items[0].canReceive {
            var count: UInt64 = 0
            _ = withUnsafeMutableBytes(of: &count) { Glibc.read(wake, $0.baseAddress, 8) }
        }
        if let zap { try answer(zap.socket, post: post) }
        if let hub, let terms = plan.hub {
            if reads { try receive(hub.work, at: terms, post: post) }
            if reads { try listen(hub.news, peers: terms.peers, post: post) }
            try watch(hub.monitor, hub: nil, post: post)
        }
        for line in lines {
            if reads { try read(line.news, from: line.hub, post: post) }
            try watch(line.monitor, hub: line.hub, post: post)
        }
    }

    // MARK: What comes in

    /// At most this many messages are read from one socket before the others have their turn.
    private static let turn = 64

    private func answer(_ zap: borrowing Socket, post: Post) throws {
        for _ in 0..<Self.turn {
            guard let message = try zap.receive(maximumFrames: 10) else { return }
            guard let request = Zap.Request(message) else {
                _ = try zap.send([Array("1.0".utf8), [], Array("500".utf8), [], [], []])
                continue
            }
            if let key = request.key, let stage = plan.hub?.admitted?[key] {
                _ = try zap.send(request.admitted(as: stage.description))
            } else {
                _ = try zap.send(request.refused())
                guard !post.isFull else { continue }  // who knocks without a key does not fill the memory
                let name = request.key.map { "key \(Hex.encode($0.prefix(4)))…" }
                post.deliver(
                    .handshake(
                        peer: request.address,
                        reason: "\(name ?? "mechanism \(request.mechanism)") is not in this federation's keys"))
            }
        }
    }

    private func receive(_ socket: borrowing Socket, at hub: PostPlan.Hub, post: Post) throws {
        for _ in 0..<Self.turn {
            guard !post.isFull, let message = try socket.receive() else { return }
            let peer = message.userID ?? "ipc"
            if let descriptor = message.descriptor, let stage = message.userID { connections[descriptor] = stage }
            do {
                let wire = try WireMessage(frames: message.frames)
                guard wire.document.count <= WireMessage.workDocumentBytes else {
                    throw FederationError.malformed(
                        place: "message",
                        "a document of \(wire.document.count) bytes, a hub takes \(WireMessage.workDocumentBytes)")
                }
                if hub.admitted != nil {
                    guard wire.sender.description == message.userID else {
                        throw FederationError.malformed(
                            place: "envelope.from", "says \(wire.sender), its key is \(peer)'s")
                    }
                }
                guard hub.peers.contains(wire.sender) else {
                    throw FederationError.malformed(place: "envelope.from", "\(wire.sender) has no business here")
                }
                if hub.admitted == nil, let descriptor = message.descriptor {
                    connections[descriptor] = wire.sender.description
                }
                post.deliver(.message(wire))
            } catch {
                post.deliver(.refused(peer: peer, reason: "\(error)"))
            }
        }
    }

    private func read(_ socket: borrowing Socket, from hub: StageName, post: Post) throws {
        for _ in 0..<Self.turn {
            guard !post.isFull, let message = try socket.receive() else { return }
            do {
                let wire = try WireMessage(frames: Array(message.frames.dropFirst()))
                // Over CURVE the hub has shown its key; over ipc only a process of this user can bind there.
                guard wire.sender == hub else {
                    throw FederationError.malformed(place: "envelope.from", "says \(wire.sender) on \(hub)'s news")
                }
                post.deliver(.message(wire))
            } catch {
                post.deliver(.refused(peer: hub.description, reason: "\(error)"))
            }
        }
    }

    /// XPUB receives subscriptions: byte 1 and the topic.
    private func listen(_ news: borrowing Socket, peers: Set<StageName>, post: Post) throws {
        for _ in 0..<Self.turn {
            guard !post.isFull, let message = try news.receive() else { return }
            guard let frame = message.frames.first, frame.first == 1, frame.count < 256,
                let stage = Topic.addressee(Array(frame.dropFirst())), peers.contains(stage)
            else { continue }
            post.deliver(.joined(stage))
        }
    }

    private func watch(_ monitor: borrowing Socket, hub: StageName?, post: Post) throws {
        for _ in 0..<Self.turn {
            guard let message = try monitor.receive() else { return }
            switch SocketEvent(message) {
            case .handshakeSucceeded: if let hub { post.deliver(.connected(hub)) }
            case .disconnected(let descriptor):
                if let hub {
                    post.deliver(.disconnected(hub))
                } else {
                    post.deliver(.left(peer: connections.removeValue(forKey: descriptor) ?? "a peer"))
                }
            case .accepted(let descriptor):
                // Its first message may have been read before this: then it has a better name already.
                if connections[descriptor] == nil { connections[descriptor] = PeerAddress.of(descriptor) }
            case .handshakeRefused(let status):
                if let hub {
                    for line in lines where line.hub == hub { line.redialAt = .now + Self.refusalPause }
                    post.deliver(
                        .unwelcome(
                            hub,
                            reason:
                                "\(hub) does not admit this stage's key (status \(status)): compare keys/public/\(plan.stage.cloud) here with that on its host"
                        ))
                }
            case .handshakeFailed(let reason):
                let why = "the handshake failed (\(reason)): the other end has another key, or does not speak CURVE"
                post.deliver(hub.map { .unwelcome($0, reason: why) } ?? .handshake(peer: "a peer", reason: why))
            case .connected, .other: break
            }
        }
    }
}
