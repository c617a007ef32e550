package import Federation
package import Keys
package import Topology

extension PostPlan {
    /// The sockets that a topology gives a stage, with the keys of `keys`. Makes the folder of the ipc sockets.
    package init(topology: Topology, keys: KeyStore, stage: StageName) throws {
        var hub: Hub?
        if let own = topology.hub(of: stage) {
            var peers = topology.allowedPeers(ofHub: stage)
            if stage.kind == .publish {
                // An aggregate that was moved away is told so here; what it still sends is refused by its name and term.
                peers += try keys.allCards().map(\.stage).filter { $0.kind == .aggregate && !peers.contains($0) }
            }
            if own.isRemote {
                let admitted = try Dictionary(peers.map { (try keys.card(of: $0).curve, $0) }) { first, second in
                    throw StageError.configuration(
                        "\(first) and \(second) have the same CURVE key: make one of them anew")
                }
                hub = Hub(work: own.bind.work, news: own.bind.news, admitted: admitted, peers: Set(peers))
            } else {
                hub = Hub(work: own.bind.work, news: own.bind.news, admitted: nil, peers: Set(peers))
            }
        }
        let dials = try topology.dials(of: stage).map { name -> Dial in
            guard let peer = topology.hub(of: name) else {
                throw StageError.configuration("\(topology.file): \(stage) dials \(name), which is not there")
            }
            return Dial(
                hub: name, work: peer.dial.work, news: peer.dial.news,
                serverKey: peer.isRemote ? try keys.card(of: name).curve : nil)
        }
        let card = try keys.card(of: stage)
        let usesIPC = (hub != nil && hub?.admitted == nil) || dials.contains { $0.serverKey == nil }
        if usesIPC { try SocketFolder.make(topology.socketFolder(of: stage.cloud)) }
        self.init(
            stage: stage, hub: hub, dials: dials, curvePublic: card.curve,
            curveSecret: try keys.curveSecret(of: stage))
    }
}
