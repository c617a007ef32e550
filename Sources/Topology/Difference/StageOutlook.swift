package import Federation

/// All that a topology tells one stage, or its launcher: while it stays the same, the stage's process may go on.
package struct StageOutlook: Hashable, Sendable {
    package let config: String
    package let binary: String?
    /// What it binds.
    package let hub: HubAddress?
    /// Who may speak to it.
    package let peers: [StageName]
    /// What it dials, in order of their names.
    package let dials: [Dial]
    /// Of encrypt and publish: who is in a cohort, and how many of them open a sum.
    package let cohort: [CloudName]
    package let threshold: Int
    /// Of publish: who owns what, which goes into the manifest, and what its openings ask for.
    package let owners: [String]
    package let damgardJurik: Int
    /// Nil where the cloud has one local-train, and of stages that have no part in what it trains.
    package let parts: Parts?
    /// What it keeps of its events, in bytes.
    package let spoolLimit: Int

    /// What a stage knows of how its cloud's records are parted.
    package struct Parts: Hashable, Sendable {
        package let workers: [StageName]
        /// Of ingest, which parts the records; empty for the others.
        package let speeds: [Double]
        /// Of ingest, and of encrypt, which tells it how fast the workers were.
        package let mode: Topology.Partitioning.Mode?
        /// Of ingest.
        package let rebalance: Double?

        init?(of stage: StageName, in topology: Topology) {
            let workers = topology.workers(of: stage.cloud)
            guard workers.count > 1, [.ingest, .localTrain, .encrypt].contains(stage.kind) else { return nil }
            let partitioning = topology.partitioning(of: stage.cloud)
            let isIngest = stage.kind == .ingest
            self.workers = workers.map(\.stage)
            speeds = isIngest ? workers.map(\.speed) : []
            mode = stage.kind == .localTrain ? nil : partitioning.mode
            rebalance = isIngest ? partitioning.rebalance : nil
        }
    }

    package struct Dial: Hashable, Sendable {
        package let hub: StageName
        package let address: HubAddress
    }

    init(of stage: Topology.Stage, in topology: Topology) {
        let name = stage.name
        config = stage.config
        binary = stage.binary
        hub = topology.hub(of: name)?.bind
        peers = topology.allowedPeers(ofHub: name).sorted()
        dials = topology.dials(of: name).sorted().compactMap { hub in
            topology.hub(of: hub).map { Dial(hub: hub, address: $0.dial) }
        }
        let knowsClouds = name.kind == .encrypt || name.kind == .publish
        cohort = knowsClouds ? topology.dataClouds.sorted() : []
        threshold = knowsClouds ? topology.threshold : 0
        let isPublish = name.kind == .publish
        owners = isPublish ? topology.stages.sorted { $0.name < $1.name }.map { "\($0.name): \($0.owner)" } : []
        damgardJurik = isPublish ? topology.damgardJurik : 0
        spoolLimit = topology.spoolLimit
        parts = Parts(of: name, in: topology)
    }

    /// What differs from `old`, a sentence each.
    package func changes(since old: StageOutlook) -> [String] {
        var changes: [String] = []
        if config != old.config { changes.append("config \(config), was \(old.config)") }
        if binary != old.binary {
            changes.append("binary \(binary ?? "as installed"), was \(old.binary ?? "as installed")")
        }
        if hub != old.hub { changes.append("listens at \(Self.text(hub)), did at \(Self.text(old.hub))") }
        let (new, before) = (Set(peers), Set(old.peers))
        for peer in new.subtracting(before).sorted() { changes.append("admits \(peer)") }
        for peer in before.subtracting(new).sorted() { changes.append("admits \(peer) no more") }
        changes += changesOfDials(since: old)
        if cohort != old.cohort {
            changes.append("cohort \(Self.text(cohort)) from the next opening on, was \(Self.text(old.cohort))")
        }
        if threshold != old.threshold {
            changes.append("\(threshold) clouds open a sum of the next opening, were \(old.threshold)")
        }
        if owners != old.owners { changes.append("owners in the manifest") }
        if damgardJurik != old.damgardJurik {
            changes.append("damgard-jurik \(damgardJurik) from the next opening on, was \(old.damgardJurik)")
        }
        if parts != old.parts { changes += Self.changes(from: old.parts, to: parts) }
        if spoolLimit != old.spoolLimit {
            changes.append("keeps \(spoolLimit) bytes of events, kept \(old.spoolLimit)")
        }
        return changes
    }

    private static func changes(from old: Parts?, to new: Parts?) -> [String] {
        guard let new else { return ["one local-train has all records"] }
        let all = "parts of records for \(new.workers.count) local-train"
        guard let old else { return [all] }
        var changes: [String] = []
        if old.workers != new.workers {
            changes.append("\(all), were for \(old.workers.count)")
        } else if old.speeds != new.speeds {
            changes.append("other speeds of local-train")
        }
        if let mode = new.mode, let before = old.mode, mode != before {
            changes.append("parts are \(mode), were \(before)")
        }
        if let rebalance = new.rebalance, let before = old.rebalance, rebalance != before {
            changes.append("parts are drawn anew beyond \(rebalance), were beyond \(before)")
        }
        return changes
    }

    private func changesOfDials(since old: StageOutlook) -> [String] {
        dials.compactMap { dial in
            if let before = old.dials.first(where: { $0.hub == dial.hub }) {
                return before.address == dial.address
                    ? nil : "dials \(dial.hub) at \(Self.text(dial.address)), did at \(Self.text(before.address))"
            }
            // Of a kind that there are several of, the others are dialled as before.
            let replaced = old.dials.first { before in
                before.hub.kind == dial.hub.kind && !dials.contains { $0.hub == before.hub }
            }
            return "dials \(dial.hub)\(replaced.map { " instead of \($0.hub)" } ?? "")"
        }
    }

    private static func text(_ address: HubAddress?) -> String { address.map { "\($0.work), \($0.news)" } ?? "nothing" }
    private static func text(_ clouds: [CloudName]) -> String {
        clouds.map(\.description).joined(separator: ", ")
    }
}

extension Topology {
    /// Nil for a stage that is not in it.
    package func outlook(of stage: StageName) -> StageOutlook? {
        self.stage(stage).map { StageOutlook(of: $0, in: self) }
    }
}
