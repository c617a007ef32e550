internal import Encryption
internal import Federation
internal import Keys
internal import Launching
internal import Topology

/// Which keys a host needs for a topology and has not got.
struct KeyReadiness {
    let store: KeyStore
    let old: Topology
    let new: Topology
    /// Of this host.
    let stages: [StageName]

    var lacks: [PlanReport.Lack] { ownKeys + cards + keyOfSums }

    private func has(_ body: () throws -> Void) -> Bool {
        // Why it cannot be read is told by the check of the stage that needs it.
        do { try body() } catch { return false }
        return true
    }

    private var ownKeys: [PlanReport.Lack] {
        let clouds = Set(
            stages.filter { stage in
                !has {
                    _ = try store.curveSecret(of: stage)
                    _ = try store.signingKey(of: stage)
                    if stage.kind == .encrypt { _ = try store.roundingSecret(of: stage.cloud) }
                }
            }.map(\.cloud))
        return clouds.sorted().map {
            .init(
                what: "keys of the stages of \($0)",
                remedy: "tributary keys \(new.file) --cloud \($0), then send its public folder to the others")
        }
    }

    private var cards: [PlanReport.Lack] {
        let known = stages.flatMap { [new.publish] + new.dials(of: $0) + new.allowedPeers(ofHub: $0) }
        let unknown = Set(known).filter { !store.hasCard(of: $0) }.filter { !stages.contains($0) }
        return unknown.sorted().map {
            .init(
                what: "the public card of \($0)",
                remedy: "have \($0.cloud) send its public folder, and put it into \(store.root)/public/\($0.cloud)")
        }
    }

    /// Where clouds open sums, and other clouds than before do, or another number of them.
    private var keyOfSums: [PlanReport.Lack] {
        guard new.cloudsOpen, new.parties != old.parties || new.threshold != old.threshold else { return [] }
        let fitting = store.sumKeys(of: new.publish.cloud).filter { number in
            has {
                let key = try FederationKey(text: SumKeys.text(number, in: store, of: new.publish.cloud))
                _ = try key.shared(parties: new.parties.count, threshold: new.threshold)
            }
        }
        // As many as before, but others: the key that those had fits in number alone.
        let isOfSameShape = new.parties.count == old.parties.count && new.threshold == old.threshold
        let number = isOfSameShape && fitting.count < 2 ? nil : fitting.first
        guard let number else {
            return [
                .init(
                    what: "a key of sums that \(new.threshold) of \(new.parties.count) clouds open",
                    remedy:
                        "tributary deal --next \(new.file), where all cards are; then send each cloud its share and everybody the public half"
                )
            ]
        }
        let clouds = stages.filter { $0.kind == .encrypt }.map(\.cloud).filter { !store.hasShare(number, of: $0) }
        return clouds.sorted().map {
            .init(what: "the share that \($0) has of key \(number)", remedy: "have the dealer send it")
        }
    }
}
