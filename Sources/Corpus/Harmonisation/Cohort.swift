import Glibc

/// The stays of one cloud that take part: adults with a known outcome, and how rows find them.
struct Cohort {
    struct Member {
        let id: String
        let patient: String
        /// Seconds since 1970; nil in schemas without a clock.
        let start: Int?
        let age: Double
        let died: Bool
    }

    let members: [Member]
    private let groups: [Mapping.Key: StayGroups]

    /// The members by the keys of one kind; of a kind that no source of the mapping has, none.
    func groups(by kind: Mapping.Key) -> StayGroups { groups[kind] ?? StayGroups() }

    /// `kept` grows by what the members and all that is read of them need.
    init(
        mapping: Mapping, variables: VariableTable, folder: TableFolder, keep: [String: Set<String>],
        counts: inout IngestCounts, kept: inout Kept
    ) throws {
        let perStay = Kept.stay(mapping: mapping, variables: variables)
        let drafts = try Cohort.drafts(mapping, folder, keep, perStay: perStay, &counts, &kept)
        let outcomes = try Cohort.outcomes(mapping.outcome, of: drafts, folder)
        let ages = try Cohort.ages(mapping.age, of: drafts, folder)
        let kinds = Set(mapping.sources.map(\.of))
        var members: [Member] = []
        var groups: [Mapping.Key: StayGroups] = [:]
        for draft in drafts {
            guard let died = outcomes[draft.key(mapping.outcome.of)] ?? nil else {
                counts.excluded[.noOutcome, default: 0] += 1
                continue
            }
            guard let age = (ages[draft.key(mapping.age.of)] ?? nil)?.years(at: draft.start) else {
                counts.excluded[.noAge, default: 0] += 1
                continue
            }
            guard age >= mapping.minimumAge else {
                counts.excluded[.tooYoung, default: 0] += 1
                continue
            }
            // Rows with an empty key say nothing about anybody.
            for kind in kinds where !draft.key(kind).isEmpty {
                groups[kind, default: StayGroups()].add(members.count, of: draft.key(kind))
            }
            members.append(Member(id: draft.id, patient: draft.patient, start: draft.start, age: age, died: died))
        }
        self.members = members
        self.groups = groups
    }

    // MARK: the stays' own table

    private struct Draft {
        let id: String
        let patient: String
        let admission: String
        let start: Int?

        func key(_ kind: Mapping.Key) -> String {
            switch kind {
            case .stay: id
            case .admission: admission
            case .patient: patient
            }
        }
    }

    private static func drafts(
        _ mapping: Mapping, _ folder: TableFolder, _ keep: [String: Set<String>], perStay: Int,
        _ counts: inout IngestCounts, _ kept: inout Kept
    ) throws -> [Draft] {
        let table = try folder.open(mapping.stays.table)
        let id = try table.column(mapping.stays.stay)
        let patient = try table.column(mapping.stays.patient)
        let admission = try mapping.stays.admission.map { try table.column($0) }
        let start = try mapping.stays.start.map { try table.column($0) }
        var filters: [(column: Int, lookup: [String: Bool]?, allowed: Set<String>)] = []
        for allowed in [mapping.keep, keep] {
            for (name, values) in allowed.sorted(by: { $0.key < $1.key }) {
                guard let attribute = mapping.attributes[name] else {
                    throw IngestError.unknownAttribute(name, mapping.name)
                }
                let lookup = try attribute.lookup.map { try Cohort.lookup($0, folder, allowed: values, &kept) }
                filters.append((try table.column(attribute.column), lookup, values))
            }
        }
        var drafts: [Draft] = []
        var seen: Set<String> = []
        var (ofPatient, ofAdmission): ([String: Int], [String: Int]) = ([:], [:])
        func isAnotherAllowed(_ key: String, _ stays: inout [String: Int]) -> Bool {
            stays[key, default: 0] += 1
            return stays[key, default: 0] <= folder.limits.staysPerKey
        }
        try table.forEachRow { row in
            counts.stayRows += 1
            func exclude(_ reason: Exclusion) { counts.excluded[reason, default: 0] += 1 }
            for filter in filters {
                guard let text = row.term(filter.column) else { return exclude(.notKept) }
                let isAllowed: Bool
                if let lookup = filter.lookup {
                    isAllowed = lookup[text] ?? filter.allowed.contains("")
                } else {
                    isAllowed = filter.allowed.contains(text)
                }
                guard isAllowed else { return exclude(.notKept) }
            }
            guard !row.isEmpty(id) else {
                throw row.unreadable(id, expected: "the identifier of a stay, found nothing")
            }
            guard !row.isEmpty(patient) else { return exclude(.noPatient) }
            let name = try row.identifier(id)
            guard seen.insert(name).inserted else { return exclude(.repeated) }
            let (person, admitted) = (try row.identifier(patient), try admission.map { try row.identifier($0) } ?? "")
            let texts = [name, person, admitted].reduce(0) { $0 + Kept.text($1) }
            try kept.take(perStay + texts, for: row)
            var began: Int?
            if let start {
                began = row.seconds(start)
                if began == nil { return exclude(.noStart) }
            }
            guard isAnotherAllowed(person, &ofPatient) else { throw row.tooManyStays(of: patient) }
            if let admission, !admitted.isEmpty, !isAnotherAllowed(admitted, &ofAdmission) {
                throw row.tooManyStays(of: admission)
            }
            drafts.append(Draft(id: name, patient: person, admission: admitted, start: began))
        }
        return drafts
    }

    /// Of each key of an attribute's table, whether its value is allowed.
    private static func lookup(
        _ lookup: Mapping.Attribute.Lookup, _ folder: TableFolder, allowed: Set<String>, _ kept: inout Kept
    ) throws -> [String: Bool] {
        let table = try folder.open(lookup.table)
        let (key, value) = (try table.column(lookup.key), try table.column(lookup.value))
        var result: [String: Bool] = [:]
        try table.forEachRow { row in
            let name = try row.identifier(key)
            let isAllowed = row.term(value).map(allowed.contains) ?? false
            if result.updateValue(isAllowed, forKey: name) == nil {
                try kept.take(Kept.entry + Kept.text(name), for: row)
            }
        }
        return result
    }

    // MARK: outcome and age

    /// By the keys of the stays alone, so that it does not grow with its table; nil where that says nothing.
    private static func outcomes(
        _ outcome: Mapping.Outcome, of drafts: [Draft], _ folder: TableFolder
    ) throws -> [String: Bool?] {
        let table = try folder.open(outcome.table)
        let (key, column) = (try table.column(outcome.key), try table.column(outcome.column))
        var result = [String: Bool?](drafts.map { ($0.key(outcome.of), nil) }, uniquingKeysWith: { first, _ in first })
        try table.forEachRow { row in
            guard let name = row.term(key), let place = result.index(forKey: name), let value = row.term(column) else {
                return
            }
            if outcome.died.contains(value) {
                result.values[place] = true
            } else if outcome.survived.contains(value) {
                result.values[place] = false
            }
        }
        return result
    }

    private enum Age {
        case years(Double)
        case birth(Int)

        /// Ages above 89 become 90: the HIPAA safe harbour groups them (45 CFR 164.514(b)(2)(i)(C)), and both sources
        /// hide them, eICU as "> 89", MIMIC by moving the birth about 300 years back.
        func years(at start: Int?) -> Double? {
            let years: Double
            switch self {
            case .years(let value): years = value
            case .birth(let birth):
                guard let start else { return nil }
                years = floor(Double(start - birth) / (365.2425 * 86_400))
            }
            guard years >= 0 else { return nil }
            return years > 89 ? 90 : years
        }
    }

    /// As `outcomes`.
    private static func ages(
        _ age: Mapping.Age, of drafts: [Draft], _ folder: TableFolder
    ) throws -> [String: Age?] {
        let table = try folder.open(age.table)
        let key = try table.column(age.key)
        var result = [String: Age?](drafts.map { ($0.key(age.of), nil) }, uniquingKeysWith: { first, _ in first })
        func place(of row: CSVRow) -> Dictionary<String, Age?>.Index? {
            row.term(key).flatMap { result.index(forKey: $0) }
        }
        switch age.source {
        case .years(let name):
            let column = try table.column(name)
            try table.forEachRow { row in
                guard let place = place(of: row) else { return }
                if let years = row.number(column) {
                    result.values[place] = .years(years)
                } else if row.term(column)?.filter({ $0 != " " }) == ">89" {
                    result.values[place] = .years(90)
                }
            }
        case .birth(let name):
            let column = try table.column(name)
            try table.forEachRow { row in
                guard let place = place(of: row), let birth = row.seconds(column) else { return }
                result.values[place] = .birth(birth)
            }
        }
        return result
    }
}
