internal import Configuration
internal import Corpus
internal import Federation
internal import Publication
internal import Topology

/// The topology that a demo runs: a copy of the file that is given, with its data, ports, seed and suite put in. Copies go
/// into OUT/topology, with every path whole, so that whoever looks sees exactly what ran.
struct DemoTopology {
    struct Changes {
        /// Where the clouds' tables lie: each cloud's folder keeps its name.
        var data: String
        var seed: UInt64?
        var rounds: Int?
        var suite: Topology.Suite?
        var keys: Topology.KeyMode?
        /// Cross-validation: which fold is held out.
        var fold: (index: Int, count: Int)?
        /// With `fold`: which of several draws of the folds.
        var salt: String?
    }

    /// Writes the copies and answers the path of the topology.
    static func write(_ source: String, changes: Changes, into folder: String, state: String) throws -> Topology {
        // Tables need not be there yet, and the source may be of the clear suite only in the copy.
        let given = try Topology.load(source, state: state)
        try Folders.make(folder)
        var configs: [String: String] = [:]
        for stage in given.stages where configs[stage.config] == nil {
            let name = "\(configs.count + 1)-\(FilePath.name(of: stage.config))"
            let path = "\(folder)/\(name)"
            try write(config: stage, changes: changes, to: path)
            configs[stage.config] = path
        }
        let path = "\(folder)/topology.yaml"
        try ConfigText.write(try text(given, changes, configs: configs), to: path)
        return try Topology.load(path, state: state)
    }

    private static func write(config stage: Topology.Stage, changes: Changes, to path: String) throws {
        let text = try ConfigText.read(stage.config)
        let folder = FilePath.folder(of: stage.config)
        func whole(_ key: String, in text: String) -> (key: String, value: String)? {
            for line in text.split(separator: "\n") where line.hasPrefix("\(key):") {
                let value = line.dropFirst(key.count + 1).split(separator: "#")[0]
                let name = String(value).trimmingSpaces
                return (key, ConfigText.quoted(FilePath.resolve(name, in: folder)))
            }
            return nil
        }
        var values = ["variables", "mapping", "base", "output"].compactMap { whole($0, in: text) }
        switch stage.name.kind {
        case .ingest:
            let read = try IngestConfiguration.read(at: stage.config)
            values.append(("tables", ConfigText.quoted("\(changes.data)/\(FilePath.name(of: read.tables))")))
            if let fold = changes.fold {
                let salt = changes.salt ?? read.partition.salt
                values.append(
                    (
                        "split",
                        "{salt: \(ConfigText.quoted(salt)), folds: \(fold.count), fold: \(fold.index), validation: 0.1}"
                    ))
            }
        case .publish:
            if let seed = changes.seed { values.append(("seed", "\(seed)")) }
            if let rounds = changes.rounds { values.append(("rounds", "\(rounds)")) }
        default: break
        }
        try ConfigText.write(ConfigText.overriding(text, with: values), to: path)
    }

    private static func text(
        _ topology: Topology, _ changes: Changes, configs: [String: String]
    ) throws -> String {
        let suite = changes.suite ?? topology.suite
        var lines = [
            "# Written by `tributary demo` from \(topology.file).", "version: 1", "federation: \(topology.federation)",
            "run: \(topology.run)", "suite: \(suite)",
        ]
        if suite == .clear { lines.append("allow-clear: true") }
        let keys = changes.keys ?? topology.keys
        if suite != .secagg { lines.append("keys: \(keys)") }
        if suite == .paillier {
            lines.append("profile: \(topology.profile)")
            if topology.damgardJurik > 1 { lines.append("damgard-jurik: \(topology.damgardJurik)") }
        }
        if keys == .threshold, topology.keys == .threshold, suite == .paillier {
            lines.append("threshold: \(topology.threshold)")
        }
        // What the file that this is made of was allowed, or whoever runs a demo has asked for by name.
        if keys == .publisher, suite != .secagg { lines.append("allow-one-operator: true") }
        lines.append("currency: \(topology.currency)")
        lines.append("clouds:")
        for cloud in topology.clouds {
            lines += ["  \(cloud.name):", "    owner: \(ConfigText.quoted(cloud.owner))"]
            if !cloud.consent.isEmpty {
                lines.append("    consent: [\(cloud.consent.map(ConfigText.quoted).joined(separator: ", "))]")
            }
            if let prices = cloud.prices {
                lines.append(
                    "    prices: {cpu-hour: \(prices.cpuHour), gpu-hour: \(prices.gpuHour), egress-gb: \(prices.egressGigabyte)}"
                )
            }
            if cloud.workers.count > 1 {
                let parts = cloud.partitioning
                let rebalance = parts.mode == .monitored ? ", rebalance: \(parts.rebalance)" : ""
                lines.append("    partition: {mode: \(parts.mode)\(rebalance)}")
            }
            lines.append("    stages:")
            for stage in cloud.stages {
                lines += [
                    "      \(stage.name.role):",
                    "        config: \(ConfigText.quoted(configs[stage.config] ?? stage.config))",
                ]
                if stage.speed != 1 { lines.append("        speed: \(stage.speed)") }
                if stage.owner != cloud.owner { lines.append("        owner: \(ConfigText.quoted(stage.owner))") }
                if let listener = stage.listener {
                    let isFree = FreePorts.isFree(listener.work) && FreePorts.isFree(listener.news)
                    let ports = isFree ? [listener.work, listener.news] : try FreePorts.choose(2)
                    lines += [
                        "        bind: \(ConfigText.quoted(listener.bind))",
                        "        advertise: \(ConfigText.quoted(listener.advertise))",
                        "        work: \(ports[0])", "        news: \(ports[1])",
                    ]
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension String {
    /// Without spaces, and without a pair of quotes, around it.
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " || text.last == "\r" { text.removeLast() }
        if text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote {
            text = text.dropFirst().dropLast()
        }
        return String(text)
    }
}
