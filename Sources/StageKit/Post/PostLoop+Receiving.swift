internal import Federation
internal import Sodium
internal import ZeroMQ

// What comes in: each message is checked for who sends it, by a key that counts now, and for how much it sends.
extension PostLoop {
    /// At most this many messages are read from one socket before the others have their turn.
    private static let turn = 64

    func read(_ hub: BoundHub, reads: Bool, post: Post) throws {
        if let zap = hub.zap { try answer(zap.socket, hub, post: post) }
        if reads { try receive(hub, post: post) }
        if reads { try listen(hub, post: post) }
        try watch(hub.workMonitor, of: hub, says: true, post: post)
        try watch(hub.newsMonitor, of: hub, says: false, post: post)
    }

    private func answer(_ zap: borrowing Socket, _ hub: BoundHub, post: Post) throws {
        for _ in 0..<Self.turn {
            guard let message = try zap.receive(maximumFrames: 10) else { return }
            guard let request = Zap.Request(message) else {
                _ = try zap.send([Array("1.0".utf8), [], Array("500".utf8), [], [], []])
                continue
            }
            if let key = request.key, let name = hub.admission.admit(key) {
                _ = try zap.send(request.admitted(as: name))
            } else {
                _ = try zap.send(request.refused())
                guard !post.isFull else { continue }  // who knocks without a key does not fill the memory
                let (cause, reason) =
                    request.key.map { hub.admission.refusal(of: $0) }
                    ?? (.noKey, "mechanism \(request.mechanism) is not in this federation's keys")
                post.deliver(.handshake(peer: request.address, cause: cause, reason: reason))
            }
        }
    }

    private func receive(_ hub: BoundHub, post: Post) throws {
        let now = ContinuousClock.now
        for _ in 0..<Self.turn {
            guard !post.isFull, let message = try hub.work.receive() else { return }
            var vouched: StageName?
            if hub.terms.admitted != nil {
                guard let stage = sender(of: message, hub, now: now, post: post) else { continue }
                guard isAllowed(message, of: stage, now: now, post: post) else { continue }
                vouched = stage
            }
            let count = message.frames.reduce(0) { $0 + $1.count }
            // What cannot be used has come too.
            if let vouched { links.received(count, from: vouched) }
            do {
                let wire = try wireMessage(message, vouched: vouched, hub)
                if vouched == nil {
                    if let descriptor = message.descriptor { hub.local[descriptor] = wire.sender.description }
                    links.received(count, from: wire.sender)
                }
                post.deliver(.message(wire))
            } catch {
                if let vouched { allowances[vouched]?.chargeMistake() }
                refuse(vouched?.description ?? "ipc", error, post: post)
            }
        }
    }

    private func wireMessage(_ message: Message, vouched: StageName?, _ hub: BoundHub) throws -> WireMessage {
        let wire = try WireMessage(frames: message.frames)
        guard wire.document.count <= WireMessage.workDocumentBytes else {
            throw FederationError.malformed(
                place: "message",
                "a document of \(wire.document.count) bytes, a hub takes \(WireMessage.workDocumentBytes)")
        }
        if let vouched, wire.sender != vouched {
            throw FederationError.malformed(place: "envelope.from", "says \(wire.sender), its key is \(vouched)'s")
        }
        guard hub.terms.peers.contains(wire.sender) else {
            throw FederationError.malformed(place: "envelope.from", "\(wire.sender) has no business here")
        }
        return wire
    }

    /// Whose key a message came by; nil, and the connection ends, where that key counts no more.
    private func sender(
        of message: Message, _ hub: BoundHub, now: ContinuousClock.Instant, post: Post
    ) -> StageName? {
        let userID = message.userID ?? ""
        if let descriptor = message.descriptor {
            hub.cut(
                hub.connections.spoke(
                    descriptor, userID: userID, peer: { PeerAddress.of(descriptor) }, now: now))
        }
        if let stage = hub.admission.stage(of: userID) { return stage }
        post.deliver(.refused(peer: Admission.name(in: userID), reason: hub.admission.refusal(of: userID)))
        if let descriptor = message.descriptor { hub.cut([descriptor]) }
        return nil
    }

    /// Whether a peer is within its bounds; what is over them goes unread, and it is said once in a while.
    private func isAllowed(
        _ message: Message, of stage: StageName, now: ContinuousClock.Instant, post: Post
    ) -> Bool {
        var allowance = allowances[stage] ?? PeerAllowance(plan.peerLimits, now: now)
        defer { allowances[stage] = allowance }
        let count = message.frames.reduce(0) { $0 + $1.count }
        let isShareFull = post.isShareFull(of: stage)
        if isShareFull { allowance.drop() }
        let isAllowed = !isShareFull && allowance.take(count, now: now)
        if !isAllowed, let dropped = allowance.report(now: now) {
            post.deliver(.overLimit(stage, dropped: dropped))
        }
        return isAllowed
    }

    func read(_ socket: borrowing Socket, from hub: StageName, post: Post) throws {
        for _ in 0..<Self.turn {
            guard !post.isFull, let message = try socket.receive() else { return }
            do {
                let wire = try WireMessage(frames: Array(message.frames.dropFirst()))
                // Over CURVE the hub has shown its key; over ipc only a process of this user can bind there.
                guard wire.sender == hub else {
                    throw FederationError.malformed(place: "envelope.from", "says \(wire.sender) on \(hub)'s news")
                }
                links.received(message.frames.reduce(0) { $0 + $1.count }, from: hub)
                links.heard(wire, from: hub, .now)
                post.deliver(.message(wire))
            } catch {
                refuse(hub.description, error, post: post)
            }
        }
    }

    private func refuse(_ peer: String, _ error: any Error, post: Post) {
        post.deliver(.refused(peer: peer, reason: "\(error)"))
        if case .unsupportedVersion(let found)? = error as? FederationError {
            post.deliver(.otherVersion(peer: peer, found))
        }
    }

    /// XPUB receives subscriptions: byte 1 and the topic.
    private func listen(_ hub: BoundHub, post: Post) throws {
        let now = ContinuousClock.now
        for _ in 0..<Self.turn {
            guard !post.isFull, let message = try hub.news.receive() else { return }
            var vouched: StageName?
            if hub.terms.admitted != nil {
                // libzmq itself unsubscribes for whoever is gone, in nobody's name.
                guard message.userID != nil else { continue }
                guard let stage = sender(of: message, hub, now: now, post: post) else { continue }
                guard isTopic(message, of: stage) else {
                    refuseSubscription(message, of: stage, hub, now: now, post: post)
                    continue
                }
                guard isAllowed(message, of: stage, now: now, post: post) else { continue }
                vouched = stage
            }
            guard let frame = message.frames.first, frame.first == 1, frame.count < 256,
                let stage = Topic.addressee(Array(frame.dropFirst())), hub.terms.peers.contains(stage),
                vouched == nil || vouched == stage
            else { continue }
            post.deliver(.joined(stage))
        }
    }

    /// Whether a stage may subscribe to this, or give up what it has subscribed to.
    private func isTopic(_ message: Message, of stage: StageName) -> Bool {
        guard let frame = message.frames.first, message.frames.count == 1, frame.first == 0 || frame.first == 1 else {
            return false
        }
        return frame.dropFirst().elementsEqual(Topic.all) || frame.dropFirst().elementsEqual(Topic.to(stage))
    }

    /// What a peer subscribes to stays in memory for as long as its connection does, so that the connection ends.
    private func refuseSubscription(
        _ message: Message, of stage: StageName, _ hub: BoundHub, now: ContinuousClock.Instant, post: Post
    ) {
        allowances[stage, default: PeerAllowance(plan.peerLimits, now: now)].chargeMistake()
        if let descriptor = message.descriptor { hub.cut([descriptor]) }
        guard !post.isShareFull(of: stage) else { return }
        post.deliver(.refused(peer: stage.description, reason: "it subscribes to what is not its own"))
    }

    // MARK: Connections

    /// - Parameter says: whether the end of a connection is told: once for the two that a stage has.
    private func watch(_ monitor: borrowing Socket, of hub: BoundHub, says: Bool, post: Post) throws {
        for _ in 0..<Self.turn {
            guard let message = try monitor.receive() else { return }
            switch SocketEvent(message) {
            case .accepted(let descriptor):
                let peer = PeerAddress.of(descriptor)
                if hub.terms.admitted == nil {
                    if hub.local[descriptor] == nil { hub.local[descriptor] = peer }
                } else {
                    hub.cut(hub.connections.accepted(descriptor, peer: peer, now: .now))
                }
            case .disconnected(let descriptor):
                let name = hub.connections.ended(descriptor) ?? hub.local.removeValue(forKey: descriptor)
                if says { post.deliver(.left(peer: name ?? "a peer")) }
            case .handshakeFailed(let reason):
                post.deliver(
                    .handshake(
                        peer: "a peer", cause: .failed,
                        reason:
                            "the handshake failed (\(reason)): the other end has another key, or does not speak CURVE"))
            case .listening(let descriptor):
                if hub.terms.admitted != nil { hub.listeners.append(Int32(truncatingIfNeeded: descriptor)) }
            case .handshakeSucceeded, .handshakeRefused, .connected, .other: break
            }
        }
    }

    /// Who dials more than is good is kept away from the sockets for a while.
    func refuseDials(_ hub: BoundHub, post: Post) {
        guard let hosts = hub.connections.refusals(.now), let problem = hub.refuseDials(of: hosts) else { return }
        post.deliver(
            .handshake(
                peer: hosts.joined(separator: ", "), cause: .tooManyDials,
                reason: "the kernel does not drop its dials (\(problem)): they are cut off once they are accepted"))
    }

    /// A refusal is not tried again by libzmq; the rest is told by the monitor of the news.
    func watchWork(_ monitor: borrowing Socket, of line: HubLine) throws {
        for _ in 0..<Self.turn {
            guard let message = try monitor.receive() else { return }
            switch SocketEvent(message) {
            case .handshakeRefused: line.redialAt = .now + Self.refusalPause
            case .connected(let descriptor): line.descriptor = descriptor
            case .disconnected: line.descriptor = nil
            case .handshakeSucceeded, .handshakeFailed, .accepted, .listening, .other: break
            }
        }
    }

    /// True if the hub may have another key than the one that it is dialled by.
    func watch(_ monitor: borrowing Socket, of line: HubLine, post: Post) throws -> Bool {
        var isUnanswered = false
        for _ in 0..<Self.turn {
            guard let message = try monitor.receive() else { break }
            let hub = line.hub
            switch SocketEvent(message) {
            case .handshakeSucceeded: post.deliver(.connected(hub))
            case .disconnected: post.deliver(.disconnected(hub))
            case .handshakeRefused(let status):
                line.redialAt = .now + Self.refusalPause
                post.deliver(
                    .unwelcome(
                        hub, cause: .notAdmitted,
                        reason:
                            "\(hub) does not admit this stage's key (status \(status)): compare keys/public/\(plan.stage.cloud) here with that on its host"
                    ))
            case .handshakeFailed(let reason):
                isUnanswered = true
                post.deliver(
                    .unwelcome(
                        hub, cause: .failed,
                        reason:
                            "the handshake failed (\(reason)): the other end has another key, or does not speak CURVE"))
            case .accepted, .listening, .connected, .other: break
            }
        }
        return isUnanswered
    }
}
