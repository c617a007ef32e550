internal import Federation
internal import Glibc
internal import Keys
internal import Sodium
internal import Topology
internal import ZeroMQ

/// Whether a stage of this host reaches a hub and is let in: name, route, port, and the CURVE handshake with its own keys.
struct LinkCheck {
    private let topology: Topology
    private let stage: StageName
    private let hub: StageName
    private static let patience: Duration = .seconds(6)
    /// A socket of this host is there at once or not at all, and its owner need not come over a network.
    private static let localPatience = (connecting: Duration.seconds(1), answering: Duration.seconds(3))

    init(_ topology: Topology, from stage: StageName, to hub: StageName) {
        (self.topology, self.stage, self.hub) = (topology, stage, hub)
    }

    /// Nil where the topology has no such hub.
    func finding() throws -> Finding? {
        guard let placed = topology.stage(hub), let address = topology.hub(of: hub) else { return nil }
        guard let listener = placed.listener else { return try local(address.dial.work) }
        for port in [listener.work, listener.news] {
            if let problem = Route.problem(to: listener.advertise, port: port) {
                return failure("\(listener.advertise) port \(port): \(problem.reason)", advice: advice(problem, port))
            }
        }
        do { return try handshake(address, listener) } catch let error as KeyError {
            return failure("\(error)", advice: "without a key of \(hub) that counts there is nothing to dial it with")
        }
    }

    private var subject: String { "\(stage) -> \(hub)" }

    private func failure(_ text: String, advice: String) -> Finding {
        Finding(.failure, "link", subject, text, advice: advice)
    }

    private func advice(_ problem: Route.Problem, _ port: Int) -> String {
        switch problem {
        case .unknownName: "check `advertise` of \(hub) in the topology, and this host's DNS"
        case .noRoute: "check this host's network, VPN and routes, and `advertise` of \(hub) in the topology"
        case .refused: "is \(hub) up? Ask \(hub.cloud)'s operator for `tributary ps`; check the port in the topology"
        case .silent: "a firewall drops it, or the host is down: let TCP port \(port) through from here"
        case .system: "see connect(2)"
        }
    }

    /// A socket of this host, without CURVE. Its file outlives a process that was killed, so that somebody must answer there.
    private func local(_ endpoint: String) throws -> Finding {
        let path = String(endpoint.dropFirst("ipc://".count))
        let advice = "is \(hub) up on this host? See `tributary ps`"
        guard access(path, F_OK) == 0 else { return failure("\(path) is not there", advice: advice) }
        let context = try Context()
        let socket = try Socket(.push, in: context)
        try socket.set(.lingerMilliseconds(0))
        try socket.set(.reconnectMilliseconds(300))
        try socket.monitor(on: "inproc://doctor", events: SocketEvent.mask)
        let monitor = try Socket(.pair, in: context)
        try monitor.connect("inproc://doctor")
        defer { socket.stopMonitor() }
        let clock = ContinuousClock()
        let began = clock.now
        try socket.connect(endpoint)
        var isConnected = false
        while clock.now - began < (isConnected ? Self.localPatience.answering : Self.localPatience.connecting) {
            var items = [PollItem(monitor, forInput: true, forOutput: false)]
            try poll(&items, milliseconds: 100)
            while let message = try monitor.receive() {
                switch SocketEvent(message) {
                case .handshakeSucceeded: return Finding(.fine, "link", subject, "a socket of this host answers")
                case .connected: isConnected = true
                default: break
                }
            }
        }
        guard isConnected else {
            return failure(
                "\(path) is there, and nothing listens on it: a process that is gone left it", advice: advice)
        }
        return failure(
            "something listens on \(path), and says nothing for \(Terminal.seconds(Self.localPatience.answering))",
            advice: "\(hub) stands still, or it is another program: see `tributary ps`")
    }

    /// Dials with the stage's own key, sends nothing, and watches what becomes of the handshake.
    private func handshake(_ address: Hub, _ listener: Topology.Listener) throws -> Finding {
        let keys = KeyStore(root: topology.keysPath)
        let server = try keys.currentCard(of: hub).curve
        let number = try keys.currentKeys(of: stage)
        let own = try keys.card(of: stage, number: number).curve
        let secret = try keys.curveSecret(of: stage, number: number)
        let context = try Context()
        let socket = try Socket(.push, in: context)
        try socket.set(.lingerMilliseconds(0))
        try socket.set(.reconnectMilliseconds(300))
        try secret.withUnsafeBytes { try socket.dialCurve(server: server, publicKey: own, secret: $0) }
        try socket.monitor(on: "inproc://doctor", events: SocketEvent.mask)
        let monitor = try Socket(.pair, in: context)
        try monitor.connect("inproc://doctor")
        // Before its reader goes: libzmq's thread may wait for it for ever otherwise.
        defer { socket.stopMonitor() }
        let clock = ContinuousClock()
        let began = clock.now
        try socket.connect(address.dial.work)
        var hangUps = 0
        while clock.now - began < LinkCheck.patience, hangUps < 3 {
            var items = [PollItem(monitor, forInput: true, forOutput: false)]
            try poll(&items, milliseconds: 100)
            while let message = try monitor.receive() {
                switch SocketEvent(message) {
                case .handshakeSucceeded:
                    let time = Terminal.seconds(clock.now - began)
                    return Finding(
                        .fine, "link", subject, "\(listener.advertise) port \(listener.work): let in after \(time)")
                case .handshakeRefused(let status):
                    return failure(
                        "\(hub) does not admit this stage's key (ZAP status \(status))",
                        advice:
                            "send \(hub.cloud)'s operator your keys/public/\(stage.cloud)/\(stage.role).pub: there is another on that host, or none, or it was revoked"
                    )
                case .handshakeFailed, .disconnected: hangUps += 1
                case .connected, .accepted, .listening, .other: break
                }
            }
        }
        let place = "something listens at \(listener.advertise) port \(listener.work), and"
        guard hangUps > 0 else {
            return failure(
                "\(place) says nothing for \(Terminal.seconds(LinkCheck.patience))",
                advice:
                    "it is another program or a relay without \(hub) behind it, or \(hub) stands still: ask \(hub.cloud)'s operator what listens there (`ss -ltnp`) and for `tributary ps`"
            )
        }
        return failure(
            "\(place) hangs up during the handshake",
            advice:
                "its key is not that of keys/public/\(hub.cloud)/\(hub.role).pub here: ask \(hub.cloud)'s operator for the present one; or it is no stage"
        )
    }
}

/// A TCP connection to a host and port, to learn whether there can be one.
enum Route {
    enum Problem {
        case unknownName(String)
        case noRoute(String)
        case refused
        case silent
        case system(String)

        var reason: String {
            switch self {
            case .unknownName(let why): "the name cannot be looked up (\(why))"
            case .noRoute(let why): why
            case .refused: "connection refused: the host is there, and nothing listens on that port"
            case .silent: "no answer within 3 s"
            case .system(let why): why
            }
        }
    }

    private static let patience: Int32 = 3_000

    /// Nil where a connection comes about.
    static func problem(to host: String, port: Int) -> Problem? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, "\(port)", &hints, &list)
        guard status == 0 else { return .unknownName(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        var problem: Problem? = .unknownName("no address")
        var next = list
        while let entry = next?.pointee {
            problem = attempt(entry)
            if problem == nil { return nil }
            next = entry.ai_next
        }
        return problem
    }

    private static func attempt(_ address: addrinfo) -> Problem? {
        let number = socket(
            address.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { return failure(errno) }
        let descriptor = Descriptor(owning: number)
        guard connect(descriptor.number, address.ai_addr, address.ai_addrlen) != 0 else { return nil }
        guard errno == EINPROGRESS else { return failure(errno) }
        var item = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
        var count: Int32 = 0
        repeat { count = poll(&item, 1, patience) } while count < 0 && errno == EINTR
        guard count > 0 else { return .silent }
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return failure(errno) }
        return error == 0 ? nil : failure(error)
    }

    private static func failure(_ number: Int32) -> Problem {
        let reason = String(cString: strerror(number))
        return switch number {
        case ECONNREFUSED: .refused
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN: .noRoute("no route: \(reason)")
        case ETIMEDOUT: .silent
        default: .system(reason)
        }
    }
}
