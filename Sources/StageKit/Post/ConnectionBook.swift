/// The connections to a hub's sockets over tcp, by descriptor: who is at the other end, and which of them are too many. libzmq
/// itself ends a handshake that takes longer than five seconds and bounds nothing else; who is cut off here dials again, and a
/// stage that has a key is through before its turn comes.
package struct ConnectionBook {
    package struct Limits: Sendable {
        /// Connections that have said nothing and are young enough to be in their handshake: in all, and of one address.
        package var halfOpen = 512
        package var halfOpenOfAddress = 128
        package var all = 2048
        /// New connections of one address, each second and twice as many at once: a handshake costs a hub more than the peer.
        package var dialsOfAddress = 50.0
        /// Connections of one key. A stage has two.
        package var ofKey = 16

        package init() {}
    }

    private struct Connection {
        let peer: String
        let address: String
        let since: ContinuousClock.Instant
        /// Who has spoken by it.
        var userID: String?
    }

    /// Older than this it has finished its handshake: libzmq would have ended it.
    private static let handshake = Duration.seconds(6)

    private let limits: Limits
    private var connections: [Int: Connection] = [:]
    private var unheard = 0
    private var dials: [String: TokenBucket] = [:]
    private static let mostAddresses = 1024

    package init(limits: Limits = Limits()) { self.limits = limits }

    package var count: Int { connections.count }

    /// A peer has dialled. Answers which connections are to be cut for it.
    package mutating func accepted(_ descriptor: Int, peer: String, now: ContinuousClock.Instant) -> [Int] {
        // Its first message may have been read before this: then it has a name already.
        if let known = connections[descriptor], known.peer == peer { return [] }
        forget(descriptor)
        let address = peer.lastIndex(of: ":").map { String(peer[..<$0]) } ?? peer
        connections[descriptor] = Connection(peer: peer, address: address, since: now)
        unheard += 1
        guard mayDial(address, now) else { return [descriptor] }
        var cut: [Int] = []
        if unheard > limits.halfOpenOfAddress {
            cut += oldest(beyond: limits.halfOpenOfAddress) { isYoung($0, now) && $0.address == address }
            if cut.isEmpty { cut += oldest(beyond: limits.halfOpen) { isYoung($0, now) } }
        }
        if cut.isEmpty, connections.count > limits.all { cut += oldest(beyond: 0) { $0.userID == nil } }
        return cut
    }

    /// A message has come by a connection. Answers which others of the same key are too many.
    package mutating func spoke(_ descriptor: Int, userID: String, peer: () -> String, now: ContinuousClock.Instant)
        -> [Int]
    {
        if connections[descriptor]?.userID == userID { return [] }
        if let known = connections[descriptor] {
            if known.userID == nil { unheard -= 1 }
            connections[descriptor]?.userID = userID
        } else {
            let name = peer()
            connections[descriptor] = Connection(peer: name, address: name, since: now, userID: userID)
        }
        return oldest(beyond: limits.ofKey) { $0.userID == userID }
    }

    /// A connection is over. Answers the stage that has spoken by it, or the address that it came from.
    package mutating func ended(_ descriptor: Int) -> String? {
        defer { forget(descriptor) }
        return connections[descriptor].map { $0.userID.map(Admission.name) ?? $0.peer }
    }

    /// Those by which keys have spoken that no longer count.
    package func descriptors(where isOut: (_ userID: String) -> Bool) -> [Int] {
        connections.filter { $0.value.userID.map(isOut) ?? false }.map(\.key)
    }

    /// The connections by which stages have spoken.
    var stages: [(descriptor: Int, stage: String)] {
        connections.compactMap { descriptor, connection in
            connection.userID.map { (descriptor, Admission.name(in: $0)) }
        }
    }

    /// Where a descriptor leads; its number may be another's by now.
    func peer(of descriptor: Int) -> String? { connections[descriptor]?.peer }

    private mutating func forget(_ descriptor: Int) {
        guard let known = connections.removeValue(forKey: descriptor) else { return }
        if known.userID == nil { unheard -= 1 }
    }

    private func isYoung(_ connection: Connection, _ now: ContinuousClock.Instant) -> Bool {
        connection.userID == nil && now - connection.since < Self.handshake
    }

    /// The oldest of those that match, if there are more of them than `count`.
    private func oldest(beyond count: Int, _ matches: (Connection) -> Bool) -> [Int] {
        var (found, oldest): (Int, (key: Int, value: Connection)?) = (0, nil)
        for each in connections where matches(each.value) {
            found += 1
            if oldest.map({ each.value.since < $0.value.since }) ?? true { oldest = (each.key, each.value) }
        }
        return found > count ? oldest.map { [$0.key] } ?? [] : []
    }

    private mutating func mayDial(_ address: String, _ now: ContinuousClock.Instant) -> Bool {
        // Forgetting is harmless: an address begins with two seconds' worth.
        if dials.count >= Self.mostAddresses, dials[address] == nil { dials = [:] }
        var bucket = dials[address] ?? TokenBucket(rate: limits.dialsOfAddress, now: now)
        defer { dials[address] = bucket }
        guard bucket.has(1, now: now) else { return false }
        bucket.spend(1)
        return true
    }
}
