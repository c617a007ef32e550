internal import Federation

extension Topology {
    /// The topology for a terminal: a box for each cloud, an arrow for each link that leaves it.
    package var drawing: String {
        var lines = ["federation \(federation)   run \(run)   suite \(suite)   keys \(keysName)", ""]
        for cloud in clouds {
            let boxed = rows(of: cloud)
            let title = " \(cloud.name) "
            let owner = " \(cloud.owner) "
            let width = max(boxed.map(\.inside.count).max() ?? 0, title.count + owner.count + 2)
            let rule = String(repeating: "─", count: width - title.count - owner.count)
            lines.append("┌─\(title)\(rule)\(owner)─┐")
            for row in boxed {
                let padding = String(repeating: " ", count: width - row.inside.count)
                lines.append("│ \(row.inside)\(padding) │\(row.outside)")
            }
            lines.append("└" + String(repeating: "─", count: width + 2) + "┘")
            lines.append("")
        }
        lines += [
            "──▶ inside a cloud: \(insideTransport)",
            "══▶ between clouds: tcp, CURVE; contributions and sums \(protection)",
        ]
        if let shown = shownByAggregate, let help = helpWithOpening {
            lines += [
                "══\(shown)══▶ aggregate to every encrypt stage, which asks for it: \(shown.meaning)",
                "══\(help)══▶ every encrypt stage to publish: \(help.meaning)",
            ]
        }
        lines += [
            "publish announces openings and releases to every stage, which dials it.",
            "keys \(keysName): \(trust).",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private var protection: String {
        switch suite {
        case .paillier: "encrypted (\(suite))"
        case .secagg: "masked (\(suite))"
        case .clear: "NOT ENCRYPTED"
        }
    }

    private var insideTransport: String {
        let remote = stages.contains { $0.listener != nil && [.localTrain, .encrypt].contains($0.name.kind) }
        return remote ? "ipc, or tcp with CURVE where ports are given" : "ipc"
    }

    private func rows(of cloud: Cloud) -> [(inside: String, outside: String)] {
        var rows: [(inside: String, outside: String)] = []
        if cloud.holdsData {
            let kinds: [StageKind] = [.ingest, .localTrain, .encrypt]
            let cargo = ["──shards──▶ ", "──delta──▶ ", ""]
            let chain = zip(kinds, cargo).map { kind, arrow in "\(kind) \(arrow)" }.joined()
            rows.append((trimmed(chain), "══▶ \(aggregate)"))
            for worker in cloud.workers.dropFirst() {
                let name = "\(worker.stage.role)".padded(to: 14)
                rows.append(("   ├─────shards──▶ \(name) ──delta────┤", ""))
            }
            rows.append((trimmed("   └────────────── statistics ───────────────▲"), ""))
            for stage in cloud.stages where kinds.contains(stage.name.kind) {
                if let note = note(stage, in: cloud) { rows.append(("\(stage.name.role): \(note)", "")) }
            }
            if cloud.workers.count > 1 { rows.append(("records: \(cloud.partitioning.summary)", "")) }
        }
        for stage in cloud.stages where stage.name == aggregate || stage.name == publish {
            rows.append(
                (
                    trimmed("\(stage.name.kind)  \(note(stage, in: cloud) ?? "")"),
                    stage.name == aggregate ? "══▶ \(publish)" : ""
                ))
            rows.append((stage.name == aggregate ? aggregateHolds : publishHolds, ""))
        }
        return rows
    }

    private var aggregateHolds: String {
        switch suite {
        case .paillier: "  adds ciphertexts, holds no key"
        case .secagg: "  adds masked updates, holds no mask"
        case .clear: "  adds clear updates"
        }
    }

    private var publishHolds: String {
        switch suite {
        case .paillier where cloudsOpen:
            "  puts the clouds' shares of a sum together, holds no key of sums, signs releases"
        case .paillier: "  opens sums, holds the paillier key, signs releases"
        case .secagg: "  takes the masks off sums with what the clouds open, signs releases"
        case .clear: "  opens sums, signs releases"
        }
    }

    /// Where a stage listens, and whose machine it is on if not the cloud's.
    private func note(_ stage: Stage, in cloud: Cloud) -> String? {
        var parts: [String] = []
        if let listener = stage.listener {
            let binding = listener.bind == listener.advertise ? "" : " (binds \(listener.bind))"
            parts.append("\(listener.advertise)\(binding), work \(listener.work), news \(listener.news)")
        }
        if stage.owner != cloud.owner { parts.append("run by \(stage.owner)") }
        if stage.speed != 1 { parts.append("speed \(stage.speed.formatted)") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private func trimmed(_ text: String) -> String {
        var text = text
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}

extension Link.Cargo {
    /// Of what crosses the border of a cloud to open a sum.
    fileprivate var meaning: String {
        switch self {
        case .evidence: "the record of the sum and the others' contributions, to check it by"
        case .shares: "its part of the opening, once it has checked the sum"
        case .masking: "who takes part, whose masks meet, who is left"
        case .disclosures: "what takes the masks off the sum, once the clouds left have signed who they are"
        case .shards, .statistics, .delta, .contribution, .sum, .requests: "\(rawValue)"
        }
    }
}

extension Topology.Partitioning {
    /// For a person.
    fileprivate var summary: String {
        switch mode {
        case .fixed: "equal parts"
        case .proportional: "parts by the declared speeds"
        case .monitored: "parts by the speeds that are seen, drawn anew beyond \((rebalance * 100).formatted) %"
        }
    }
}

extension Double {
    /// A whole number without its decimals.
    fileprivate var formatted: String { self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : "\(self)" }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
