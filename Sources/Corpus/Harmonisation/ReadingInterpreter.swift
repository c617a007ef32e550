/// Where a reading stands in a row.
struct ReadingFields {
    let value: Int
    let text: Int?
    let unit: Int?
}

/// One row as one rule sees it: a value in the variable's unit, or the reason why there is none.
struct ReadingInterpreter {
    enum Outcome {
        case value(Double, unit: String, converted: Bool, limit: Bool)
        case dropped(ReadingDrop, unit: String?)
    }

    private let events: Mapping.Events
    private let units: [String: String]
    private let variables: VariableTable
    private let rules: ReadingRules

    init(source: Mapping.Source, events: Mapping.Events, mapping: Mapping, variables: VariableTable) {
        self.events = events
        units = mapping.units
        self.variables = variables
        rules = ReadingRules(missing: source.missing)
    }

    func read(_ row: CSVRow, _ fields: ReadingFields, _ rule: EventReading.Rule) -> Outcome {
        if !rule.texts.isEmpty {
            guard let text = fields.text.flatMap({ row.term($0) }), rule.texts.contains(text.lowercased()) else {
                return .dropped(.otherText, unit: nil)
            }
        }
        if rule.aggregate == .presence { return .value(1, unit: "(presence)", converted: false, limit: false) }

        var limit = false
        let number: Double
        if let parsed = row.number(fields.value) {
            number = parsed
        } else {
            // A text longer than any that means something is no number.
            guard let text = row.term(fields.text ?? fields.value) else {
                return .dropped(.notANumber, unit: nil)
            }
            if let bound = ReadingRules.limit(in: text) {
                guard events.censored == .limit else { return .dropped(.censored, unit: nil) }
                number = bound
                limit = true
            } else {
                let blank = row.isEmpty(fields.value) && text.allSatisfy { $0 == " " }
                return .dropped(blank || rules.missing.contains(text) ? .missing : .notANumber, unit: nil)
            }
        }
        if rules.isMissing(number) { return .dropped(.missing, unit: nil) }

        let spelling: String
        let unit: String
        if let known = rule.unit {
            (unit, spelling) = (known, "(by item) \(known)")
        } else {
            guard let text = fields.unit.map({ row.term($0) }) ?? "" else {
                return .dropped(.unknownUnit, unit: "(longer than any unit)")
            }
            spelling = String(text.prefix(40))
            if text.allSatisfy({ $0 == " " }), let blank = events.blankUnit {
                unit = blank
            } else if let known = units[Mapping.normalised(unit: text)] {
                unit = known
            } else {
                return .dropped(.unknownUnit, unit: spelling)
            }
        }
        let variable = variables.variables[rule.variable]
        guard let value = variable.converted(number, from: unit) else { return .dropped(.unknownUnit, unit: spelling) }
        // Parts of a sum are checked when the sum is whole.
        guard rule.part != 0 || variable.range.contains(value) else { return .dropped(.implausible, unit: spelling) }
        return .value(value, unit: spelling, converted: unit != variable.unit, limit: limit)
    }
}
