import Federation
import Sodium
import StageKit
import Topology

/// Three stages with keys of their own: aggregate, the hub, and two clouds' encrypt stages that dial it.
struct Office {
    let folder: Folder
    let aggregate: StageName
    let north: StageName
    let west: StageName
    let run: RunName
    let curve: [StageName: BoxKeyPair]
    let signing: [StageName: SigningKey]

    init() throws {
        folder = try Folder()
        aggregate = try StageName("office/aggregate")
        north = try StageName("north/encrypt")
        west = try StageName("west/encrypt")
        run = try RunName("run")
        let all = [aggregate, north, west]
        curve = try Dictionary(uniqueKeysWithValues: all.map { ($0, try BoxKeyPair()) })
        signing = try Dictionary(uniqueKeysWithValues: all.map { ($0, try SigningKey(seed: .random(count: 32))) })
    }

    var ipc: (work: String, news: String) { ("ipc://\(folder.path)/work", "ipc://\(folder.path)/news") }

    private func pair(_ stage: StageName) throws -> BoxKeyPair {
        guard let pair = curve[stage] else { throw Desk.Nothing(description: "no key of \(stage)") }
        return pair
    }

    /// The hub's plan: over ipc, or over tcp admitting the given stages.
    func hub(
        tcp ports: [Int]? = nil, admitting: [StageName]? = nil, inbox: Int = 32 << 20,
        limits: Topology.PeerLimits = .init()
    ) throws -> PostPlan {
        let peers = admitting ?? [north, west]
        let keys = try pair(aggregate)
        let hub: PostPlan.Hub
        if let ports {
            let admitted = try Dictionary(uniqueKeysWithValues: peers.map { (try pair($0).publicKey, $0) })
            hub = .init(
                work: "tcp://127.0.0.1:\(ports[0])", news: "tcp://127.0.0.1:\(ports[1])", admitted: admitted,
                peers: Set(peers))
        } else {
            hub = .init(work: ipc.work, news: ipc.news, admitted: nil, peers: Set(peers))
        }
        return PostPlan(
            stage: aggregate, hub: hub, dials: [], curvePublic: keys.publicKey, curveSecret: keys.secret,
            inboxBytes: inbox, peerLimits: limits)
    }

    /// The plan of a stage that dials the hub; with `keys` it shows other keys than its own.
    func dialer(
        _ stage: StageName, tcp ports: [Int]? = nil, keys: BoxKeyPair? = nil, server: [UInt8]? = nil
    ) throws -> PostPlan {
        let own = try keys ?? pair(stage)
        let dial: PostPlan.Dial
        if let ports {
            dial = .init(
                hub: aggregate, work: "tcp://127.0.0.1:\(ports[0])", news: "tcp://127.0.0.1:\(ports[1])",
                serverKey: try server ?? pair(aggregate).publicKey)
        } else {
            dial = .init(hub: aggregate, work: ipc.work, news: ipc.news, serverKey: nil)
        }
        return PostPlan(stage: stage, hub: nil, dials: [dial], curvePublic: own.publicKey, curveSecret: own.secret)
    }

    func identity(_ stage: StageName, epoch: UInt64 = 1) throws -> StageIdentity {
        guard let key = signing[stage] else { throw Desk.Nothing(description: "no key of \(stage)") }
        return StageIdentity(
            stage: stage, run: run, epoch: epoch, signing: key, dials: stage == aggregate ? [] : [aggregate],
            keys: signing.mapValues(\.verifyingKey))
    }

    func hello(from stage: StageName, epoch: UInt64 = 1) -> WireMessage {
        WireMessage(.hello, from: stage, epoch: epoch)
    }

    /// A journaled transfer of `bytes` on its way from a cloud to aggregate.
    func departure(
        _ bytes: [UInt8], from sender: StageName, kind: TransferKind = .contribution, round: UInt32 = 1,
        payload: Payload? = nil
    ) throws -> Departure {
        guard let key = signing[sender] else { throw Desk.Nothing(description: "no key of \(sender)") }
        let offer = Offer(
            name: TransferName(run: run, kind: kind, round: RoundNumber(round), cloud: sender.cloud),
            maker: sender, byteCount: bytes.count, digest: Digest(ofContent: bytes),
            about: VectorAbout(opening: Digest(of: [1]), records: 1).value)
        return Departure(offer: Signed(offer, by: key), receiver: aggregate, payload: payload ?? .bytes(bytes))
    }
}
