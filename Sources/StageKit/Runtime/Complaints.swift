package import Federation
package import Monitoring

/// Lines that peers cause, bounded for each of them: whoever floods the log silences itself, not the others.
package struct PeerThrottle: Sendable {
    private let limit: Int
    private let span: Duration
    private let capacity: Int
    private var peers: [String: LogThrottle] = [:]
    /// For all who have no place in the table.
    private var others: LogThrottle

    package init(
        limit: Int = 20, span: Duration = .seconds(10), capacity: Int = 256, now: ContinuousClock.Instant = .now
    ) {
        self.limit = limit
        self.span = span
        self.capacity = capacity
        others = LogThrottle(limit: limit, span: span, now: now)
    }

    package mutating func line(of peer: String, _ now: ContinuousClock.Instant) -> LogThrottle.Answer {
        if peers[peer] == nil {
            if peers.count >= capacity { peers = peers.filter { !$0.value.isIdle(now) } }
            guard peers.count < capacity else { return others.line(now) }
            peers[peer] = LogThrottle(limit: limit, span: span, now: now)
        }
        return peers[peer]?.line(now) ?? .omit
    }
}

/// Writes what there is to say of peers' mistakes.
@StageActor
package final class Complaints {
    private let log: EventLog
    /// Stages of the topology, whose names the transport vouches for; and whoever else knocks, by address.
    private var stages = PeerThrottle()
    private var strangers = PeerThrottle(capacity: 32)
    private var departures: [String: Int] = [:]
    /// An auditor's trail is kept for ever: who comes and goes all day is not to fill the disk with it.
    private var joins = PeerThrottle(limit: 6, span: .seconds(60))

    private let blame: @Sendable (StageName) -> Void

    /// - Parameter blame: hears of each message that could not be used.
    package init(_ log: EventLog, blame: @escaping @Sendable (StageName) -> Void = { _ in }) {
        self.log = log
        self.blame = blame
    }

    package func complain(_ event: EventKind, of peer: String, _ fields: EventFields) {
        count(event, of: peer)
        write(event, stages.line(of: peer, .now), fields)
    }

    func complain(_ event: EventKind, ofStranger address: String, _ fields: EventFields) {
        count(event, of: "stranger")
        write(event, strangers.line(of: address, .now), fields)
    }

    /// A hub that this stage has dialled does not let it in, or is another.
    package func refusedHandshake(by hub: StageName, _ cause: HandshakeCause, _ reason: String) {
        log.meters.add(to: .handshakeFailures, [hub.description, cause.rawValue])
        complain(.handshakeRefused, of: hub.description, [.peer: .name(hub), .reason: .text(reason)])
    }

    /// Somebody has dialled this hub and was not let in.
    package func refusedHandshake(ofStranger address: String, _ cause: HandshakeCause, _ reason: String) {
        log.meters.add(to: .handshakeFailures, ["stranger", cause.rawValue])
        complain(.handshakeRefused, ofStranger: address, [.peer: .text(address), .reason: .text(reason)])
    }

    package func refused(_ message: WireMessage, reason: String) {
        blame(message.sender)
        complain(
            .messageRefused, of: message.sender.description,
            [.kind: .text(message.kind.rawValue), .from: .name(message.sender), .reason: .text(reason)])
    }

    /// A stage listens to this hub.
    package func joined(_ stage: StageName) {
        guard case .write = joins.line(of: stage.description, .now) else { return }
        log.tell(.peerJoined, [.peer: .name(stage)])
    }

    /// A connection has ended. Stages come and go; one that goes again and again is worth a look.
    func left(_ peer: String) {
        guard let stage = known(peer) else {
            return complain(.peerDisconnected, ofStranger: "left", [.from: .text(peer)])
        }
        departures[stage, default: 0] += 1
        complain(.peerDisconnected, of: stage, [.from: .text(stage), .times: .number(departures[stage] ?? 0)])
    }

    /// All of them, those too that are held back from the log.
    private func count(_ event: EventKind, of peer: String) {
        if event.name == EventKind.messageRefused.name { log.meters.add(to: .messagesRefused, [peer]) }
    }

    private func known(_ peer: String) -> String? {
        do { return try StageName(peer).description } catch { return nil }
    }

    private func write(_ event: EventKind, _ answer: LogThrottle.Answer, _ fields: EventFields) {
        guard case .write(let omitted) = answer else { return }
        log.tell(event, omitted == 0 ? fields : fields + [.omitted: .number(omitted)])
    }
}
