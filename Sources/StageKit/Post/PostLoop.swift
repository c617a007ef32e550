internal import Federation
internal import Glibc
internal import Keys
internal import Monitoring
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

    /// How often the folder of keys is looked at: some system calls for each file.
    private static let keyInterval = Duration.seconds(1)
    /// How long a hub has to answer to one of its keys before another is tried.
    private static let keyPatience = Duration.milliseconds(300)
    /// How long after a refusal a hub is dialled again.
    static let refusalPause = Duration.seconds(2)

    let plan: PostPlan
    private let context: Context
    private let wake: Int32
    let links: LinkFigures
    let hub: BoundHub?
    private let lines: [HubLine]
    private let followers: Followers?
    private var monitors = 0
    private var queues: [Post.Route: Queue] = [:]
    var allowances: [StageName: PeerAllowance] = [:]
    private var nextLook: ContinuousClock.Instant

    init(_ plan: PostPlan, in context: Context, wake: Int32, meters: Meters) throws {
        links = LinkFigures(meters)
        self.plan = plan
        self.context = context
        self.wake = wake
        hub = try plan.hub.map { try BoundHub(plan, $0, in: context) }
        followers = try plan.followers.map { try Followers(at: $0, in: context) }
        lines = plan.dials.map { HubLine($0, nil) }
        nextLook = .now + Self.keyInterval
        for line in lines {
            if line.dial.serverKey == nil {
                try open(line, serverKey: nil)
            } else if let key = plan.keys(of: line.dial).first {
                try open(line, serverKey: key)
            }
        }
    }

    /// Messages that libzmq keeps of one peer while we leave them unread: its own 1000 would be gigabytes of the largest.
    private static let highWaterMark: Int32 = 128
    /// What CURVE adds to a frame (RFC 26: a MESSAGE command's name, nonce, authenticator and flags).
    private static let curveOverhead = 64

    static func prepare(_ socket: borrowing Socket, maximumFrame: Int) throws {
        try socket.set(.lingerMilliseconds(500))
        try socket.set(.maximumMessageSize(bytes: Int64(maximumFrame + curveOverhead)))
        try socket.set(.receiveHighWaterMark(messages: highWaterMark))
        try socket.set(.handshakeMilliseconds(5_000))
        try socket.set(.heartbeatMilliseconds(2_000))
        try socket.set(.heartbeatTimeoutMilliseconds(10_000))
        try socket.set(.reconnectMilliseconds(50))
        try socket.set(.reconnectMaximumMilliseconds(2_000))
    }

    // MARK: The loop

    /// Runs until the post is told to stop, or a socket fails.
    func run(post: Post) {
        var stopBy: ContinuousClock.Instant?
        while true {
            let (batch, blamed, isStopping) = post.takeOutgoing()
            for (route, frames) in batch { queues[route, default: Queue()].append(frames) }
            for stage in blamed { allowances[stage]?.chargeMistake() }
            do {
                try flush()
                if isStopping {
                    stopBy = stopBy ?? .now + .seconds(2)
                    if let stopBy, queues.values.allSatisfy({ $0.messages.isEmpty }) || .now >= stopBy { return }
                }
                try lookAtKeys(post: post)
                lookAtLinks()
                for line in lines { if let time = line.redialAt, .now >= time { try redial(line) } }
                try wait(post: post, milliseconds: isStopping ? 20 : 100)
            } catch {
                post.deliver(.failed("\(error)"))
                return
            }
        }
    }

    private func flush() throws {
        if let hub { try flush(.news, through: hub.news) }
        if let followers { try flush(.followers, through: followers.socket) }
        for line in lines {
            if let sockets = line.sockets {
                try flush(.work(line.hub), through: sockets.work)
            } else {
                queues[.work(line.hub)] = nil
            }
        }
    }

    private func flush(_ route: Post.Route, through socket: borrowing Socket) throws {
        guard var queue = queues[route], !queue.messages.isEmpty else { return }
        var sent = 0
        for frames in queue.messages {
            guard try socket.send(frames) else { break }
            let bytes = frames.reduce(0) { $0 + $1.count }
            links.sent(bytes, frames, by: route)
            queue.bytes -= bytes
            sent += 1
        }
        queue.messages.removeFirst(sent)
        queues[route] = queue
    }

    private func lookAtLinks() {
        guard links.isDue(.now) else { return }
        for (route, queue) in queues { links.waits(queue.bytes, dropped: queue.dropped, for: route) }
        if let hub {
            for (descriptor, stage) in hub.connections.stages { links.look(at: descriptor, to: stage) }
        }
        for line in lines {
            if let descriptor = line.descriptor { links.look(at: descriptor, to: line.hub.description) }
        }
    }

    private func isWaiting(_ route: Post.Route) -> Bool { queues[route].map { !$0.messages.isEmpty } ?? false }

    private func wait(post: Post, milliseconds: Int) throws {
        let reads = !post.isFull
        var items = [PollItem(descriptor: wake)]
        func add(_ socket: borrowing Socket, input: Bool, output: Bool) {
            items.append(PollItem(socket, forInput: input, forOutput: output))
        }
        if let hub {
            if let zap = hub.zap { add(zap.socket, input: true, output: false) }
            add(hub.work, input: reads, output: false)
            add(hub.news, input: reads, output: isWaiting(.news))
            add(hub.workMonitor, input: true, output: false)
            add(hub.newsMonitor, input: true, output: false)
        }
        if let followers { add(followers.socket, input: true, output: isWaiting(.followers)) }
        for line in lines {
            guard let sockets = line.sockets else { continue }
            add(sockets.work, input: false, output: isWaiting(.work(line.hub)))
            add(sockets.news, input: reads, output: false)
            add(sockets.monitor, input: true, output: false)
            add(sockets.workMonitor, input: true, output: false)
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
        if let hub { try read(hub, reads: reads, post: post) }
        if let followers { post.follow(try followers.change()) }
        for line in lines {
            guard let sockets = line.sockets else { continue }
            if reads { try read(sockets.news, from: line.hub, post: post) }
            try watchWork(sockets.workMonitor, of: line)
            if try watch(sockets.monitor, of: line, post: post) { try tryNextKey(of: line) }
        }
    }

    // MARK: Keys

    /// Takes up what has changed in the folder of keys: who is revoked is cut off, and a hub whose key is revoked is dialled by
    /// another one, or not at all.
    private func lookAtKeys(post: Post) throws {
        guard let keyring = plan.keyring, ContinuousClock.now >= nextLook else { return }
        nextLook = .now + Self.keyInterval
        guard let change = keyring.refresh() else { return }
        post.deliver(.keysChanged(change))
        if let hub, hub.admission.refresh() {
            hub.cut(hub.connections.descriptors { hub.admission.stage(of: $0) == nil })
        }
        for line in lines where line.dial.serverKey != nil {
            let keys = plan.keys(of: line.dial)
            if let key = line.sockets?.serverKey, keys.contains(key) { continue }
            if let key = keys.first { try open(line, serverKey: key) } else { line.close() }
        }
    }

    /// The hub does not answer to the key that it was dialled with: it may show another one of its own by now.
    private func tryNextKey(of line: HubLine) throws {
        guard let sockets = line.sockets, .now - sockets.opened >= Self.keyPatience else { return }
        let keys = plan.keys(of: line.dial)
        guard keys.count > 1, let place = keys.firstIndex(where: { $0 == sockets.serverKey }) else { return }
        try open(line, serverKey: keys[(place + 1) % keys.count])
    }

    /// By the same key, as it was the own that was refused.
    private func redial(_ line: HubLine) throws {
        line.redialAt = nil
        guard let key = line.sockets?.serverKey else { return }
        try open(line, serverKey: key)
    }

    private func open(_ line: HubLine, serverKey: [UInt8]?) throws {
        monitors += 1
        line.reopen(
            try HubLine.Sockets(plan, line.dial, serverKey: serverKey, in: context, number: monitors))
    }
}
