/// Reads a table with one row for each measurement, and brings the readings of each stay to one value for each variable.
struct EventReading {
    /// One item of the table as it feeds one variable.
    struct Rule {
        let slot: Int
        let variable: Int
        let aggregate: Mapping.Aggregate
        let unit: String?
        let texts: Set<String>
        /// For a sum of parts: which one this is.
        let part: UInt32
    }

    /// A variable of this table, with the parts it is made of (0: whole readings).
    struct Slot {
        let variable: Int
        let aggregate: Mapping.Aggregate
        let allParts: UInt32
    }

    private let source: Mapping.Source
    private let events: Mapping.Events
    private let mapping: Mapping
    private let variables: VariableTable
    private let cohort: Cohort
    private let slots: [Slot]
    private let items: ItemTable

    init(
        _ source: Mapping.Source, _ events: Mapping.Events, _ mapping: Mapping, _ variables: VariableTable,
        _ cohort: Cohort
    ) {
        self.source = source
        self.events = events
        self.mapping = mapping
        self.variables = variables
        self.cohort = cohort
        var slots: [Slot] = []
        var rules: [(String, Rule)] = []
        for entry in events.variables {
            for (index, item) in entry.items.enumerated() {
                rules.append(
                    (
                        item.id,
                        Rule(
                            slot: slots.count, variable: entry.variable, aggregate: entry.aggregate, unit: item.unit,
                            texts: item.texts, part: entry.summed ? 1 << UInt32(index) : 0)
                    ))
            }
            let allParts: UInt32 = entry.summed ? (1 << UInt32(entry.items.count)) - 1 : 0
            slots.append(Slot(variable: entry.variable, aggregate: entry.aggregate, allParts: allParts))
        }
        self.slots = slots
        items = ItemTable(rules)
    }

    func read(
        _ table: CSVReader, _ counts: inout TableCounts, _ readings: inout [VariableCounts], kept: Kept
    ) throws -> SourceValues {
        let key = try table.column(source.key)
        let item = try table.column(events.item)
        let (timeColumn, isClock) =
            switch events.time {
            case .clock(let name): (try table.column(name), true)
            case .minutes(let name): (try table.column(name), false)
            }
        let fields = ReadingFields(
            value: try table.column(events.value), text: try events.text.map { try table.column($0) },
            unit: try events.unit.map { try table.column($0) })
        let errorMarks = try source.errors.map { (try table.column($0.column), $0.values.map { Array($0.utf8) }) }
        let interpreter = ReadingInterpreter(source: source, events: events, mapping: mapping, variables: variables)
        var values = StayValues(stays: cohort.members.count, slots: slots, variables: variables, kept: kept)
        let groups = cohort.groups(by: source.of)
        let windows = StayWindows(
            groups, start: { isClock ? cohort.members[$0].start ?? 0 : 0 }, before: events.before,
            window: mapping.window)

        // Locals, because a dictionary per row would cost more than the reading.
        var dropped = [Int](repeating: 0, count: RowDrop.allCases.count)
        func drop(_ reason: Int) { dropped[reason] += 1 }
        let (markedAsError, notMapped, noKey, otherStay, noTime, outsideWindow) = (0, 1, 2, 3, 4, 5)

        try table.forEachRow { row in
            for (column, marks) in errorMarks where marks.contains(where: { row.equals(column, $0) }) {
                return drop(markedAsError)
            }
            guard let rules = items.rules(of: row, column: item) else { return drop(notMapped) }
            guard !row.isEmpty(key) else { return drop(noKey) }
            guard let group = row.term(key).flatMap({ groups.group($0) }) else { return drop(otherStay) }
            guard
                let time = isClock
                    ? row.seconds(timeColumn) : row.number(timeColumn).flatMap({ Int(exactly: ($0 * 60).rounded()) })
            else { return drop(noTime) }
            guard let stay = windows.stay(group, at: time) else { return drop(outsideWindow) }
            counts.used += 1
            for rule in rules {
                let outcome = interpreter.read(row, fields, rule)
                try values.take(outcome, rule, stay: stay, time: time, row: row, counts: &readings[rule.variable])
            }
        }
        for (reason, count) in zip(RowDrop.allCases, dropped) where count > 0 { counts.dropped[reason] = count }
        return values.finish(&readings)
    }
}

/// The rules by item: by number where all items are numbers, else by lower-case text.
struct ItemTable {
    private var byNumber: [Int: [EventReading.Rule]] = [:]
    private var byText: [String: [EventReading.Rule]] = [:]
    private let numeric: Bool

    init(_ rules: [(item: String, rule: EventReading.Rule)]) {
        numeric = rules.allSatisfy { Int($0.item) != nil }
        for (item, rule) in rules {
            if numeric, let number = Int(item) {
                byNumber[number, default: []].append(rule)
            } else {
                byText[item.lowercased(), default: []].append(rule)
            }
        }
    }

    func rules(of row: CSVRow, column: Int) -> [EventReading.Rule]? {
        if numeric { return row.integer(column).flatMap { byNumber[$0] } }
        return row.term(column).flatMap { byText[$0.lowercased()] }
    }
}
