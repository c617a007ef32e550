package import Federation
internal import Sodium

/// Where a hub's two sockets are, as ZeroMQ endpoints.
package struct HubAddress: Hashable, Sendable {
    /// PULL: what is sent to the stage.
    package let work: String
    /// XPUB: what the stage announces.
    package let news: String
}

/// A stage that others dial.
package struct Hub: Hashable, Sendable {
    package let stage: StageName
    package let bind: HubAddress
    package let dial: HubAddress
    /// Over tcp, where CURVE is on; otherwise ipc inside the cloud's socket folder.
    package let isRemote: Bool
}

/// What a stage sends to the hub it dials, and what it asks of it. Every link also carries the hub's news the other way. Bulk in either
/// direction is sent piece by piece as its receiver asks for it, within what the receiver has room for.
package struct Link: Hashable, Sendable {
    package enum Cargo: String, Sendable {
        /// Token shards, made of records.
        case shards
        case statistics
        /// An update before encryption.
        case delta
        /// A cloud's vector as the suite seals it.
        case contribution
        case sum
        /// What a sum is made of, to those clouds that open it: its record and the others' contributions, signed.
        case evidence
        /// A cloud's part of the opening of a sum; requests too.
        case shares
        /// What a round's masks are agreed on with, its roster and its survivors.
        case masking
        /// What takes the masks off a sum; requests too.
        case disclosures
        /// Asking for openings and releases.
        case requests
    }

    package let from: StageName
    package let to: StageName
    package let cargo: Cargo
    /// What the hub shows this stage alone, besides its news.
    package let answer: Cargo?
}

extension Topology {
    /// Who sends what to whom, in the order of the stages.
    package var links: [Link] { stages.flatMap { links(from: $0.name) } }

    /// The links that a stage dials.
    package func links(from stage: StageName) -> [Link] {
        func own(_ kind: StageKind) -> StageName { StageName(cloud: stage.cloud, kind: kind) }
        func link(_ hub: StageName, _ cargo: Link.Cargo, answer: Link.Cargo? = nil) -> Link {
            Link(from: stage, to: hub, cargo: cargo, answer: answer)
        }
        switch stage.kind {
        case .ingest:
            return workers(of: stage.cloud).map { link($0.stage, .shards) } + [
                link(own(.encrypt), .statistics), link(publish, .requests),
            ]
        case .localTrain: return [link(own(.encrypt), .delta), link(publish, .requests)]
        case .encrypt:
            return [
                link(aggregate, .contribution, answer: shownByAggregate), link(publish, helpWithOpening ?? .requests),
            ]
        case .aggregate: return [link(publish, .sum)]
        case .publish: return []
        }
    }

    /// What aggregate shows the clouds that help to open sums; nil where publish opens them alone.
    package var shownByAggregate: Link.Cargo? { cloudsOpen ? .evidence : suite == .secagg ? .masking : nil }
    /// What those clouds give publish for it.
    package var helpWithOpening: Link.Cargo? { cloudsOpen ? .shares : suite == .secagg ? .disclosures : nil }

    /// The hubs that a stage dials, for work and for news.
    package func dials(of stage: StageName) -> [StageName] { links(from: stage).map(\.to) }

    /// Who may send to a hub: aggregate takes work of the data clouds' encrypt stages alone, publish of aggregate, and
    /// requests of every stage, and the hubs inside a cloud of that cloud's own stages upstream.
    package func allowedPeers(ofHub hub: StageName) -> [StageName] { links.filter { $0.to == hub }.map(\.from) }

    /// Nil for a stage that nobody dials (ingest) or that the topology does not have.
    package func hub(of stage: StageName) -> Hub? {
        guard stage.kind != .ingest, let placed = self.stage(stage) else { return nil }
        if let listener = placed.listener {
            return Hub(
                stage: stage, bind: Topology.address(listener.bind, listener),
                dial: Topology.address(listener.advertise, listener), isRemote: true)
        }
        let folder = socketFolder(of: stage.cloud)
        let address = HubAddress(work: "ipc://\(folder)/\(stage.role).work", news: "ipc://\(folder)/\(stage.role).news")
        return Hub(stage: stage, bind: address, dial: address, isRemote: false)
    }

    package func hub(of kind: StageKind, in cloud: CloudName) -> Hub? { hub(of: StageName(cloud: cloud, kind: kind)) }

    /// Where the launcher's own socket lies: one for each state root.
    package var launcherSocketFolder: String {
        "\(SocketFolder.base)/\(Digest(of: Array(statePath.utf8)).description.prefix(12))"
    }

    /// Where a cloud's ipc sockets lie. A digest stands for state root and cloud, because the path of a unix socket has
    /// room for 107 bytes (unix(7)).
    package func socketFolder(of cloud: CloudName) -> String {
        let name = String(Digest(of: Array("\(statePath)\n\(cloud)".utf8)).description.prefix(12))
        return "\(SocketFolder.base)/\(name)"
    }

    /// The socket by which a stage publishes its events to whoever of this user follows them.
    package func followersPath(of stage: StageName) -> String {
        "\(socketFolder(of: stage.cloud))/\(stage.role).events"
    }

    private static func address(_ host: String, _ listener: Listener) -> HubAddress {
        let name = host.contains(":") ? "[\(host)]" : host
        return HubAddress(work: "tcp://\(name):\(listener.work)", news: "tcp://\(name):\(listener.news)")
    }
}
