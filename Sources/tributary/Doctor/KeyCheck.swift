internal import Federation
internal import Keys
internal import Sodium
internal import Topology

/// Whether this host has the keys that its stages need, and the cards of those that they speak with.
struct KeyCheck {
    /// The stages of this host.
    let stages: [StageName]
    private(set) var findings: [Finding] = []
    private var broken: Set<StageName> = []

    init(_ topology: Topology, clouds: [String]) {
        let store = KeyStore(root: topology.keysPath)
        func hasSecrets(_ stage: StageName) -> Bool {
            do { return try !store.secretNumbers(of: stage).isEmpty } catch { return true }
        }
        let own = topology.stages.map(\.name).filter {
            clouds.isEmpty ? hasSecrets($0) : clouds.contains($0.cloud.description)
        }
        stages = own
        guard !own.isEmpty else {
            findings = [
                Finding(
                    .failure, "keys", topology.keysPath, "no stage of \(topology.federation) has its keys here",
                    advice: "make them with `tributary keys \(topology.file) --cloud CLOUD`, or give --state")
            ]
            return
        }
        for stage in own {
            do {
                let number = try store.currentKeys(of: stage)
                let secret = try BoxKeyPair(secret: try store.curveSecret(of: stage, number: number))
                let signing = try store.signingKey(of: stage, number: number)
                let card = try store.card(of: stage, number: number)
                guard card.curve == secret.publicKey, card.verifying == signing.verifyingKey else {
                    throw KeyError.mismatch(card: store.cardPath(of: stage, number: number))
                }
            } catch { note(stage, "\(error)") }
        }
        var peers: Set<StageName> = []
        for stage in own {
            peers.formUnion(topology.dials(of: stage))
            peers.formUnion(topology.allowedPeers(ofHub: stage))
        }
        for peer in peers.subtracting(own).sorted() {
            do { _ = try store.currentCard(of: peer) } catch {
                findings.append(
                    Finding(
                        .failure, "keys", "\(peer)", "\(error)",
                        advice: "ask \(peer.cloud)'s operator for keys/public/\(peer.cloud) and put it beside yours"))
            }
        }
        if findings.isEmpty {
            findings = [
                Finding(.fine, "keys", topology.keysPath, "\(own.count) stages of this host, \(peers.count) peers")
            ]
        }
    }

    /// Its own keys can be used.
    func isUsable(_ stage: StageName) -> Bool { !broken.contains(stage) }

    private mutating func note(_ stage: StageName, _ reason: String) {
        broken.insert(stage)
        findings.append(Finding(.failure, "keys", "\(stage)", reason, advice: nil))
    }
}
