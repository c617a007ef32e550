/// Reads a table with one row for each stay, admission or patient. The first usable value that a key has counts: one number for
/// each key and variable is kept, however many rows name it and however many stays it has.
struct ColumnReading {
    let source: Mapping.Source
    let columns: [Mapping.ColumnVariable]
    let mapping: Mapping
    let variables: VariableTable

    func read(
        _ table: CSVReader, _ cohort: Cohort, _ counts: inout TableCounts, _ readings: inout [VariableCounts]
    ) throws -> SourceValues {
        let key = try table.column(source.key)
        let errors = try source.errors.map {
            (column: try table.column($0.column), values: $0.values.map { Array($0.utf8) })
        }
        let places = try columns.map { try $0.columns.map { try table.column($0) } }
        let rules = ReadingRules(missing: source.missing)
        let groups = cohort.groups(by: source.of)
        var ofGroups = SourceValues(stays: groups.stays.count, variables: columns.map(\.variable))
        try table.forEachRow { row in
            if errors.contains(where: { mark in mark.values.contains { row.equals(mark.column, $0) } }) {
                counts.dropped[.markedAsError, default: 0] += 1
                return
            }
            if row.isEmpty(key) {
                counts.dropped[.noKey, default: 0] += 1
                return
            }
            guard let group = row.term(key).flatMap({ groups.group($0) }) else {
                counts.dropped[.otherStay, default: 0] += 1
                return
            }
            counts.used += 1
            for (index, (column, places)) in zip(columns, places).enumerated() {
                let variable = variables.variables[column.variable]
                switch value(row, places, rules) {
                case .failure(let reason): readings[column.variable].dropped[reason, default: 0] += 1
                case .success(let raw):
                    readings[column.variable].met(unit: "(by column) \(column.unit)")
                    // The mapping was checked: every unit it names can be converted.
                    guard let value = variable.converted(raw, from: column.unit), variable.range.contains(value) else {
                        readings[column.variable].dropped[.implausible, default: 0] += 1
                        continue
                    }
                    readings[column.variable].used += 1
                    if column.unit != variable.unit { readings[column.variable].converted += 1 }
                    if ofGroups[group, index].isNaN { ofGroups[group, index] = value }
                }
            }
        }
        var found = SourceValues(stays: cohort.members.count, variables: ofGroups.variables)
        for (group, stays) in groups.stays.enumerated() {
            for stay in stays {
                for index in columns.indices { found[stay, index] = ofGroups[group, index] }
            }
        }
        return found
    }

    private enum Reading {
        case success(Double)
        case failure(ReadingDrop)
    }

    private func value(_ row: CSVRow, _ places: [Int], _ rules: ReadingRules) -> Reading {
        var sum = 0.0
        for (index, place) in places.enumerated() {
            if row.isEmpty(place) { return .failure(index == 0 ? .missing : .incomplete) }
            guard let number = row.number(place) else {
                return .failure(row.term(place).map(rules.missing.contains) == true ? .missing : .notANumber)
            }
            if rules.isMissing(number) { return .failure(index == 0 ? .missing : .incomplete) }
            sum += number
        }
        return .success(sum)
    }
}
