package import Configuration

extension Mapping {
    /// Reads a mapping file and checks it against the variables: names, units, and that no column gives the outcome away.
    package static func read(at path: String, variables: VariableTable) throws -> Mapping {
        try ConfigurationFile.read(at: path) { try Mapping(from: $0, variables: variables) }
    }

    package init(from file: Section, variables: VariableTable) throws {
        _ = file.int("version", in: 1...1)
        name = file.string("name")
        let seconds = file.duration(
            "window", in: .seconds(60)...Duration.seconds(30 * 86_400), default: .seconds(86_400))
        window = Int(seconds.components.seconds)
        minimumAge = file.double("minimumAge", in: 0...120)
        let stays = try file.section("stays") { try Stays(from: $0) }
        self.stays = stays
        attributes = Dictionary(
            file.entries("attributes", required: false) { _, value in
                try value.section { try Attribute(from: $0, stays: stays.table) }
            }.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        keep = Dictionary(
            file.entries("keep", required: false) { _, value in Set(value.list(count: 1...64) { $0.string() }) }
                .map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        for name in keep.keys.sorted() where attributes[name] == nil {
            file.refuse("keep", "there is no attribute \"\(name)\"; known: \(attributes.keys.sorted())")
        }
        outcome = try file.section("outcome") { try Outcome(from: $0) }
        age = try file.section("age") { try Age(from: $0) }
        if variables.index(of: "age") == nil { file.refuse("age", "the variables have no \"age\"") }
        var units: [String: String] = [:]
        for (unit, spellings) in file.entries("units", required: false, of: { _, value in value.list { $0.string() } })
        {
            for spelling in spellings + [unit] {
                let known = units.updateValue(unit, forKey: Mapping.normalised(unit: spelling))
                if let known, known != unit {
                    file.refuse("units", "\"\(spelling)\" is given for both \(known) and \(unit)")
                }
            }
        }
        self.units = units
        sources = file.list("sources", count: 1...64) {
            try $0.section { try Source(from: $0, variables: variables) }
        }
        if stays.start == nil, sources.contains(where: \.needsStart) {
            file.refuse("stays", "`start` is missing: a source has a `time` column")
        }
    }
}

extension Section {
    /// A column of `table` that may be used: not one that gives the outcome away.
    fileprivate func column(_ key: String, of table: String) -> String {
        let name = string(key)
        if let refusal = LeakGuard.refusal(table: table, column: name) { refuse(key, refusal) }
        return name
    }

    fileprivate func optionalColumn(_ key: String, of table: String) -> String? {
        has(key) ? column(key, of: table) : optionalString(key)
    }
}

extension Mapping.Stays {
    fileprivate init(from file: Section) throws {
        table = file.string("table")
        stay = file.column("stay", of: table)
        patient = file.column("patient", of: table)
        admission = file.optionalColumn("admission", of: table)
        start = file.optionalColumn("start", of: table)
    }
}

extension Mapping.Attribute {
    fileprivate init(from file: Section, stays: String) throws {
        column = file.column("column", of: stays)
        guard let table = file.optionalString("table") else {
            lookup = nil
            return
        }
        lookup = Lookup(table: table, key: file.column("key", of: table), value: file.column("value", of: table))
    }
}

extension Mapping.Outcome {
    fileprivate init(from file: Section) throws {
        table = file.string("table")
        key = file.string("key")
        of = file.choice("of")
        column = file.string("column")
        died = Set(file.list("died", count: 1...16) { $0.string() })
        survived = Set(file.list("survived", count: 1...16) { $0.string() })
        if !died.isDisjoint(with: survived) { file.refuse("died", "a value stands for both outcomes") }
    }
}

extension Mapping.Age {
    fileprivate init(from file: Section) throws {
        table = file.string("table")
        key = file.column("key", of: table)
        of = file.choice("of")
        let years = file.optionalColumn("years", of: table)
        let birth = file.optionalColumn("birth", of: table)
        switch (years, birth) {
        case (let column?, nil): source = .years(column: column)
        case (nil, let column?): source = .birth(column: column)
        default:
            file.refuse("expected one of `years` and `birth`")
            throw Refused()
        }
    }
}

extension Mapping.Source {
    fileprivate var needsStart: Bool {
        if case .events(let events) = content, case .clock = events.time { true } else { false }
    }

    fileprivate init(from file: Section, variables: VariableTable) throws {
        let table = file.string("table")
        self.table = table
        isOptional = file.bool("optional", default: false)
        isRequired = file.bool("required", default: false)
        if isOptional, isRequired { file.refuse("optional", "a required table cannot be optional") }
        of = file.choice("of", default: Mapping.Key.stay)
        key = file.column("key", of: table)
        errors = file.entries("errors", required: false) { column, value in
            if let refusal = LeakGuard.refusal(table: table, column: column) { value.refuse(refusal) }
            return Set(value.list(count: 1...16) { $0.string() })
        }.map { ($0.key, $0.value) }
        missing = Set(file.list("missing", count: 1...16, required: false) { $0.string() })
        if file.has("columns") {
            let columns = file.entries("columns") { name, value in
                try value.section {
                    try Mapping.ColumnVariable(from: $0, name: name, table: table, variables: variables)
                }
            }
            content = .columns(columns.map(\.value))
        } else {
            content = .events(try Mapping.Events(from: file, table: table, variables: variables))
        }
    }
}

extension Mapping.ColumnVariable {
    fileprivate init(from file: Section, name: String, table: String, variables: VariableTable) throws {
        variable = try file.variable(name, of: variables)
        if let parts = file.value("sum") {
            columns = parts.list(count: 2...16) { part in
                let column = part.string()
                if let refusal = LeakGuard.refusal(table: table, column: column) { part.refuse(refusal) }
                return column
            }
        } else {
            columns = [file.column("column", of: table)]
        }
        unit = file.string("unit")
        file.check(unit: unit, for: variables.variables[variable])
    }
}

extension Mapping.Events {
    fileprivate init(from file: Section, table: String, variables: VariableTable) throws {
        let clock = file.optionalColumn("time", of: table)
        let minutes = file.optionalColumn("minutes", of: table)
        item = file.column("item", of: table)
        value = file.column("value", of: table)
        text = file.optionalColumn("text", of: table)
        unit = file.optionalColumn("unit", of: table)
        blankUnit = file.optionalString("blankUnit")
        censored = file.choice("censored", default: .drop)
        let lead = file.duration("before", in: .zero...Duration.seconds(86_400), default: .zero)
        before = Int(lead.components.seconds)
        let (hasUnit, hasText) = (unit != nil, text != nil)
        self.variables = file.entries("variables") { name, value in
            try value.section {
                try Mapping.EventVariable(
                    from: $0, name: name, variables: variables, hasUnit: hasUnit, hasText: hasText)
            }
        }.map(\.value)
        switch (clock, minutes) {
        case (let column?, nil): time = .clock(column: column)
        case (nil, let column?): time = .minutes(column: column)
        default:
            file.refuse("expected one of `time` and `minutes`")
            throw Refused()
        }
    }
}

extension Mapping.EventVariable {
    fileprivate init(from file: Section, name: String, variables: VariableTable, hasUnit: Bool, hasText: Bool) throws {
        let variable = try file.variable(name, of: variables)
        self.variable = variable
        aggregate = file.choice("aggregate")
        let isPresence = aggregate == .presence
        summed = file.has("parts")
        let shared = file.optionalString("unit")
        if let shared { file.check(unit: shared, for: variables.variables[variable]) }
        items = file.list(summed ? "parts" : "items", count: summed ? 2...16 : 1...256) { entry in
            guard entry.isMapping else {
                if shared == nil, !hasUnit, !isPresence {
                    entry.refuse("has no unit, and the table names no unit column")
                }
                return Mapping.Item(id: entry.string(), unit: shared, texts: [])
            }
            return try entry.section { item in
                let unit = item.optionalString("unit") ?? shared
                if let unit { item.check(unit: unit, for: variables.variables[variable]) }
                let texts = item.list("texts", count: 1...64, required: false) { $0.string().lowercased() }
                if !texts.isEmpty, !hasText { item.refuse("texts", "the table names no `text` column") }
                return Mapping.Item(id: item.string("id"), unit: unit, texts: Set(texts))
            }
        }
    }
}

extension Section {
    fileprivate func variable(_ name: String, of variables: VariableTable) throws -> Int {
        if let index = variables.index(of: name) { return index }
        let hint = Suggestion.hint(for: name, among: variables.variables.map(\.name))
        refuse("\"\(name)\" is not a variable\(hint)")
        throw Refused()
    }

    fileprivate func check(unit: String, for variable: Variable) {
        guard variable.converted(1, from: unit) == nil else { return }
        let known = [variable.unit] + variable.conversions.keys.sorted()
        refuse(
            "unit",
            "\"\(unit)\" cannot become \(variable.name)'s \(variable.unit); known: \(known.joined(separator: ", "))")
    }
}
