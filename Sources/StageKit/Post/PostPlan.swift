package import Federation
package import Keys
package import Sodium
package import Topology

/// Which sockets a stage has, and who may speak on them.
package struct PostPlan: Sendable {
    /// What a consuming stage binds: PULL for work, XPUB for news.
    package struct Hub: Sendable {
        package let work: String
        package let news: String
        /// Over tcp: CURVE, and these keys alone may come in, each as the stage it belongs to.
        /// Nil over ipc, where the directory's permissions decide and `peers` bounds who a sender may say it is.
        package let admitted: [[UInt8]: StageName]?
        package let peers: Set<StageName>

        package init(work: String, news: String, admitted: [[UInt8]: StageName]?, peers: Set<StageName>) {
            self.work = work
            self.news = news
            self.admitted = admitted
            self.peers = peers
        }
    }

    /// A hub that this stage dials: PUSH for work, SUB for news.
    package struct Dial: Sendable {
        package let hub: StageName
        package let work: String
        package let news: String
        /// The hub's CURVE public key; nil over ipc.
        package let serverKey: [UInt8]?

        package init(hub: StageName, work: String, news: String, serverKey: [UInt8]?) {
            self.hub = hub
            self.work = work
            self.news = news
            self.serverKey = serverKey
        }
    }

    package let stage: StageName
    package let hub: Hub?
    package let dials: [Dial]
    package let curvePublic: [UInt8]
    package let curveSecret: SecretBytes
    /// Bytes received and not yet handled at which the sockets are left alone, so that the peers feel it.
    package let inboxBytes: Int
    /// Where the keys change while the stage runs: then they count as they are there, and those above only say where CURVE is
    /// spoken. Nil where they stay.
    package let keyring: Keyring?
    package let peerLimits: Topology.PeerLimits
    /// Where events are published, over ipc, to whoever of this user follows them; nil for nowhere.
    package let followers: String?

    package init(
        stage: StageName, hub: Hub?, dials: [Dial], curvePublic: [UInt8], curveSecret: SecretBytes,
        inboxBytes: Int = 32 << 20, keyring: Keyring? = nil, peerLimits: Topology.PeerLimits = .init(),
        followers: String? = nil
    ) {
        self.stage = stage
        self.hub = hub
        self.dials = dials
        self.curvePublic = curvePublic
        self.curveSecret = curveSecret
        self.inboxBytes = inboxBytes
        self.keyring = keyring
        self.peerLimits = peerLimits
        self.followers = followers
    }

    /// The CURVE keys that a hub may show, the likeliest first.
    func keys(of dial: Dial) -> [[UInt8]] {
        guard let keyring else { return dial.serverKey.map { [$0] } ?? [] }
        return keyring.now.curves(of: dial.hub)
    }
}

/// What comes out of the post.
package enum PostEvent: Sendable {
    /// A message whose sender the transport vouches for: by its CURVE key over tcp, by the directory over ipc.
    case message(WireMessage)
    /// A stage listens to this hub's news from now on.
    case joined(StageName)
    /// Something that cannot be taken; the process lives on. `peer` as the transport names it.
    case refused(peer: String, reason: String)
    /// What was refused just before is of a version of the protocol that is not spoken here.
    case otherVersion(peer: String, UInt64)
    /// A key that nobody admitted knocked, or a handshake failed.
    case handshake(peer: String, cause: HandshakeCause, reason: String)
    /// A peer has sent more than it may; so many of its messages went unread.
    case overLimit(StageName, dropped: Int)
    /// Cards have come or gone, or have been revoked.
    case keysChanged(Keyring.Change)
    /// This hub does not let the stage in, or is not the one whose key is known here.
    case unwelcome(StageName, cause: HandshakeCause, reason: String)
    /// The connection to this hub's news stands.
    case connected(StageName)
    case disconnected(StageName)
    /// A connection to this hub's work is over. libzmq does not say why: it was closed, broke off, or brought a frame beyond
    /// the largest. `peer` is the stage that has spoken by it, or else the address that it came from.
    case left(peer: String)
    case tick
    case failed(String)

    /// What it counts for in the inbox. Messages without contents and refusals count too: a peer may send millions.
    var cost: Int {
        switch self {
        case .message(let message): 512 + message.bulk.count + message.document.count
        case .refused, .otherVersion, .handshake, .unwelcome, .joined, .left, .overLimit: 512
        case .keysChanged, .connected, .disconnected, .tick, .failed: 0
        }
    }
}
