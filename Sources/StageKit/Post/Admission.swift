internal import Federation
internal import Keys
internal import Sodium

/// By which keys stages may come to a hub, message by message: a key that is revoked while its connection stands is out with
/// its next message.
struct Admission {
    private let hub: PostPlan.Hub
    private let keyring: Keyring?
    /// The User-Ids of keys that have come in and still count.
    private var live: [String: StageName] = [:]

    init(_ hub: PostPlan.Hub, keyring: Keyring?) {
        self.hub = hub
        self.keyring = keyring
    }

    private func stage(ofCurve key: [UInt8]) -> StageName? {
        guard let keyring else { return hub.admitted?[key] }
        guard let stage = keyring.now.stage(ofCurve: key), hub.peers.contains(stage) else { return nil }
        return stage
    }

    /// The User-Id that a key's messages are to carry, of its stage and of the key itself; nil for a key that may not come in.
    mutating func admit(_ key: [UInt8]) -> String? {
        guard let stage = stage(ofCurve: key) else { return nil }
        let name = "\(stage) \(Hex.encode(key))"
        live[name] = stage
        return name
    }

    /// Whom a message is from; nil where its key counts no more.
    func stage(of userID: String) -> StageName? { live[userID] }

    /// Looks again at the keys that have come in; true if one of them is out.
    mutating func refresh() -> Bool {
        let before = live.count
        live = live.filter { name, stage in Self.key(in: name).flatMap(self.stage(ofCurve:)) == stage }
        return live.count < before
    }

    /// Why a key is not let in, for metrics and for a log.
    func refusal(of key: [UInt8]) -> (cause: HandshakeCause, reason: String) {
        let name = "key \(Hex.encode(key.prefix(4)))…"
        let unknown = (cause: HandshakeCause.unknownKey, reason: "\(name) is not in this federation's keys")
        guard let state = keyring?.now else { return unknown }
        if let gone = state.revocation(ofCurve: key) {
            return (.revokedKey, "\(name) of \(gone.card.stage) is revoked: \(gone.reason)")
        }
        guard let stage = state.stage(ofCurve: key) else { return unknown }
        return (.noBusiness, "\(name) is \(stage)'s, which has no business here")
    }

    /// The same for one whose connection stands.
    func refusal(of userID: String) -> String {
        guard let key = Self.key(in: userID) else { return "it has shown no key" }
        return refusal(of: key).reason
    }

    /// The stage that a User-Id was given to.
    static func name(in userID: String) -> String { String(userID.prefix { $0 != " " }) }

    private static func key(in userID: String) -> [UInt8]? {
        userID.split(separator: " ").last.flatMap { Hex.decode(String($0)) }
    }
}
