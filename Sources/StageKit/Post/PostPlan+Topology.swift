package import Federation
package import Keys
package import Topology

extension PostPlan {
    /// The sockets that a topology gives a stage, with the keys of `keys`, which are looked at again while it runs. Makes the
    /// folder of the ipc sockets.
    package init(topology: Topology, keys: KeyStore, stage: StageName) throws {
        let keyring = try Keyring(keys)
        let state = keyring.now
        func known(_ name: StageName) throws -> [[UInt8]] {
            let curves = state.curves(of: name)
            // Says what is missing, or wrong with it.
            if curves.isEmpty { _ = try keys.card(of: name) }
            return curves
        }
        var hub: Hub?
        if let own = topology.hub(of: stage) {
            var peers = topology.allowedPeers(ofHub: stage)
            if stage.kind == .publish {
                // An aggregate that was moved away is told so here; what it still sends is refused by its name and term.
                peers += try keys.allCards().map(\.stage).filter { $0.kind == .aggregate && !peers.contains($0) }
            }
            var admitted: [[UInt8]: StageName] = [:]
            if own.isRemote {
                for peer in peers { for curve in try known(peer) { admitted[curve] = peer } }
            }
            hub = Hub(
                work: own.bind.work, news: own.bind.news, admitted: own.isRemote ? admitted : nil, peers: Set(peers))
        }
        let dials = try topology.dials(of: stage).map { name -> Dial in
            guard let peer = topology.hub(of: name) else {
                throw StageError.configuration("\(topology.file): \(stage) dials \(name), which is not there")
            }
            let curves = peer.isRemote ? try known(name) : []
            return Dial(
                hub: name, work: peer.dial.work, news: peer.dial.news,
                serverKey: peer.isRemote ? curves.first ?? [UInt8](repeating: 0, count: 32) : nil)
        }
        let own = try keys.currentKeys(of: stage)
        try SocketFolder.make(topology.socketFolder(of: stage.cloud))
        self.init(
            stage: stage, hub: hub, dials: dials, curvePublic: try keys.card(of: stage, number: own).curve,
            curveSecret: try keys.curveSecret(of: stage, number: own), keyring: keyring,
            peerLimits: topology.peerLimits, followers: "ipc://\(topology.followersPath(of: stage))")
    }
}
