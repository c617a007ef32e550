/// Reads a cloud's tables through its mapping into one record for each stay. Tables are streamed: memory grows with the
/// stays of the cohort, not with the rows of a table.
package struct Harmoniser {
    package let mapping: Mapping
    package let variables: VariableTable

    package init(mapping: Mapping, variables: VariableTable) {
        self.mapping = mapping
        self.variables = variables
    }

    /// The stays in the order of their table. `keep` narrows the cohort further than the mapping does.
    ///
    /// - Throws: `CSVError`, also where the tables go beyond the folder's limits; `GzipError`, `TableFolder.Failure`, `IngestError`.
    package func harmonise(
        _ folder: TableFolder, keep: [String: Set<String>] = [:]
    ) throws -> (stays: [Stay], counts: IngestCounts) {
        var counts = IngestCounts(variables: variables.count)
        var kept = Kept(limit: folder.limits.kept)
        let cohort = try Cohort(
            mapping: mapping, variables: variables, folder: folder, keep: keep, counts: &counts, kept: &kept)
        var values = cohort.members.map { _ in [Double](repeating: .nan, count: variables.count) }
        if let age = variables.index(of: "age") {
            for (index, member) in cohort.members.enumerated() where variables.variables[age].range.contains(member.age)
            {
                values[index][age] = member.age
                counts.variables[age].used += 1
            }
        }
        var isPresent = [Bool](repeating: true, count: cohort.members.count)
        for source in mapping.sources {
            var table = TableCounts(table: source.table)
            if source.isOptional, try folder.file(of: source.table) == nil {
                counts.tables.append(table)
                continue
            }
            let reader = try folder.open(source.table)
            let found: SourceValues
            switch source.content {
            case .events(let events):
                let run = EventReading(source, events, mapping, variables, cohort)
                found = try run.read(reader, &table, &counts.variables, kept: kept)
            case .columns(let columns):
                found = try ColumnReading(source: source, columns: columns, mapping: mapping, variables: variables)
                    .read(reader, cohort, &table, &counts.variables)
            }
            table.rows = reader.rows
            counts.tables.append(table)
            if source.isRequired {
                for index in isPresent.indices where !found.has(index) { isPresent[index] = false }
            }
            // Earlier sources take precedence.
            for stay in values.indices {
                for (column, variable) in found.variables.enumerated() where values[stay][variable].isNaN {
                    let value = found[stay, column]
                    if value.isNaN { continue }
                    if variables.variables[variable].range.contains(value) {
                        values[stay][variable] = value
                    } else {
                        counts.variables[variable].dropped[.implausible, default: 0] += 1
                    }
                }
            }
        }
        let absent = isPresent.count { !$0 }
        if absent > 0 { counts.excluded[.noRow] = absent }
        let stays = cohort.members.enumerated().filter { isPresent[$0.offset] }.map { index, member in
            Stay(id: member.id, patient: member.patient, values: values[index], died: member.died)
        }
        return (stays, counts)
    }
}

/// Readings of one table: text in, a value in the variable's unit out, or the reason why not.
struct ReadingRules {
    let missing: Set<String>
    private let missingNumbers: Set<Double>

    init(missing: Set<String>) {
        self.missing = missing
        missingNumbers = Set(missing.compactMap { Decimal.number($0) })
    }

    func isMissing(_ number: Double) -> Bool { missingNumbers.contains(number) }

    /// `<5`, `>= 150`, `GREATER THAN 10`, `LESS THAN 0.4`: the number, if the text is of that kind.
    static func limit(in text: String) -> Double? {
        let lower = text.lowercased()
        for mark in ["<=", ">=", "<", ">", "less than", "greater than"] where lower.hasPrefix(mark) {
            return Decimal.number(String(lower.dropFirst(mark.count).drop { $0 == " " }))
        }
        return nil
    }
}
