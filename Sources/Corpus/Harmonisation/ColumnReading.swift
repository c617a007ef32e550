/// Reads a table with one row for each stay.
struct ColumnReading {
    let source: Mapping.Source
    let columns: [Mapping.ColumnVariable]
    let mapping: Mapping
    let variables: VariableTable

    func read(
        _ table: CSVReader, _ cohort: Cohort, _ counts: inout TableCounts, _ readings: inout [VariableCounts]
    ) throws -> [SourceValue] {
        let key = try table.column(source.key)
        let errors = try source.errors.map { (column: try table.column($0.column), values: $0.values) }
        let places = try columns.map { try $0.columns.map { try table.column($0) } }
        let rules = ReadingRules(missing: source.missing)
        var found: [SourceValue] = []
        try table.forEachRow { row in
            if errors.contains(where: { $0.values.contains(row.text($0.column)) }) {
                counts.dropped[.markedAsError, default: 0] += 1
                return
            }
            if row.isEmpty(key) {
                counts.dropped[.noKey, default: 0] += 1
                return
            }
            let stays = cohort.candidates(row.text(key), of: source.of)
            if stays.isEmpty {
                counts.dropped[.otherStay, default: 0] += 1
                return
            }
            counts.used += 1
            for (column, places) in zip(columns, places) {
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
                    for stay in stays { found.append(SourceValue(stay: stay, variable: column.variable, value: value)) }
                }
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
                return .failure(rules.missing.contains(row.text(place)) ? .missing : .notANumber)
            }
            if rules.isMissing(number) { return .failure(index == 0 ? .missing : .incomplete) }
            sum += number
        }
        return .success(sum)
    }
}
