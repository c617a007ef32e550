import Tokenization

extension IngestReport {
    /// The same for people.
    package var text: String {
        var lines = ["Ingest of \(cloud) (mapping \(mapping))", ""]
        lines.append(
            "Stays: \(cohort.stays) of \(cohort.rows) listed, \(cohort.patients) patients, \(cohort.died) died in hospital"
        )
        lines += Self.reasons(cohort.excluded)
        for table in tables {
            lines.append("")
            guard let rows = table.rows else {
                lines.append("\(table.table): not there (optional)")
                continue
            }
            lines.append("\(table.table): \(rows) rows, \(table.used) used")
            lines += Self.reasons(table.dropped)
        }
        lines += ["", Self.row("variable", ["stays", "missing", "readings", "converted", "dropped"])]
        for variable in variables {
            let missing = "\(Int((variable.missingShare * 100).rounded())) %"
            let dropped = variable.dropped.values.reduce(0, +)
            let cells = ["\(variable.stays)", missing, "\(variable.readings)", "\(variable.converted)", "\(dropped)"]
            lines.append(Self.row("\(variable.name) [\(variable.unit)]", cells))
            lines += Self.reasons(variable.dropped)
            if variable.standardised == false {
                lines.append("    left out: too few patients of the federation have it")
            }
            if !variable.units.isEmpty {
                let met = Self.sorted(variable.units).map { "\($0.key.isEmpty ? "(blank)" : $0.key) \($0.value)" }
                lines.append("    units met: \(met.joined(separator: ", "))")
            }
        }
        lines.append("")
        for split in TokenShard.Split.allCases {
            guard let entry = splits[split.rawValue] else { continue }
            lines.append("\(split.rawValue): \(entry.stays) stays, \(entry.patients) patients, \(entry.died) died")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func reasons(_ counts: [String: Int]) -> [String] {
        sorted(counts).map { "    \($0.value) dropped: \($0.key)" }
    }

    private static func sorted(_ counts: [String: Int]) -> [(key: String, value: Int)] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        name.padded(to: 26) + cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
