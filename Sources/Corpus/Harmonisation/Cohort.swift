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
    private let byStay: [String: Int]
    private let byAdmission: [String: [Int]]
    private let byPatient: [String: [Int]]

    /// The members that a row's key may mean.
    func candidates(_ key: String, of kind: Mapping.Key) -> [Int] {
        switch kind {
        case .stay: byStay[key].map { [$0] } ?? []
        case .admission: byAdmission[key] ?? []
        case .patient: byPatient[key] ?? []
        }
    }

    init(
        mapping: Mapping, folder: TableFolder, keep: [String: Set<String>], counts: inout IngestCounts
    ) throws {
        let drafts = try Cohort.drafts(mapping, folder, keep, &counts)
        let outcomes = try Cohort.outcomes(mapping.outcome, folder)
        let ages = try Cohort.ages(mapping.age, folder)
        var members: [Member] = []
        var byStay: [String: Int] = [:]
        var byAdmission: [String: [Int]] = [:]
        var byPatient: [String: [Int]] = [:]
        for draft in drafts {
            guard let died = outcomes[draft.key(mapping.outcome.of)] else {
                counts.excluded[.noOutcome, default: 0] += 1
                continue
            }
            guard let age = ages[draft.key(mapping.age.of)]?.years(at: draft.start) else {
                counts.excluded[.noAge, default: 0] += 1
                continue
            }
            guard age >= mapping.minimumAge else {
                counts.excluded[.tooYoung, default: 0] += 1
                continue
            }
            byStay[draft.id] = members.count
            byAdmission[draft.admission, default: []].append(members.count)
            byPatient[draft.patient, default: []].append(members.count)
            members.append(Member(id: draft.id, patient: draft.patient, start: draft.start, age: age, died: died))
        }
        self.members = members
        self.byStay = byStay
        self.byAdmission = byAdmission
        self.byPatient = byPatient
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
        _ mapping: Mapping, _ folder: TableFolder, _ keep: [String: Set<String>], _ counts: inout IngestCounts
    ) throws -> [Draft] {
        let table = try folder.open(mapping.stays.table)
        let id = try table.column(mapping.stays.stay)
        let patient = try table.column(mapping.stays.patient)
        let admission = try mapping.stays.admission.map { try table.column($0) }
        let start = try mapping.stays.start.map { try table.column($0) }
        var filters: [(column: Int, lookup: [String: String]?, allowed: Set<String>)] = []
        for allowed in [mapping.keep, keep] {
            for (name, values) in allowed.sorted(by: { $0.key < $1.key }) {
                guard let attribute = mapping.attributes[name] else {
                    throw IngestError.unknownAttribute(name, mapping.name)
                }
                let lookup = try attribute.lookup.map { try Cohort.lookup($0, folder) }
                filters.append((try table.column(attribute.column), lookup, values))
            }
        }
        var drafts: [Draft] = []
        var seen: Set<String> = []
        try table.forEachRow { row in
            counts.stayRows += 1
            func exclude(_ reason: Exclusion) { counts.excluded[reason, default: 0] += 1 }
            for filter in filters {
                let text = row.text(filter.column)
                let value = filter.lookup.map { $0[text] ?? "" } ?? text
                guard filter.allowed.contains(value) else { return exclude(.notKept) }
            }
            guard !row.isEmpty(id) else {
                throw row.unreadable(id, expected: "the identifier of a stay, found nothing")
            }
            guard !row.isEmpty(patient) else { return exclude(.noPatient) }
            guard seen.insert(row.text(id)).inserted else { return exclude(.repeated) }
            var began: Int?
            if let start {
                began = row.seconds(start)
                if began == nil { return exclude(.noStart) }
            }
            drafts.append(
                Draft(
                    id: row.text(id), patient: row.text(patient), admission: admission.map { row.text($0) } ?? "",
                    start: began))
        }
        return drafts
    }

    private static func lookup(_ lookup: Mapping.Attribute.Lookup, _ folder: TableFolder) throws -> [String: String] {
        let table = try folder.open(lookup.table)
        let (key, value) = (try table.column(lookup.key), try table.column(lookup.value))
        var result: [String: String] = [:]
        try table.forEachRow { result[$0.text(key)] = $0.text(value) }
        return result
    }

    // MARK: outcome and age

    private static func outcomes(_ outcome: Mapping.Outcome, _ folder: TableFolder) throws -> [String: Bool] {
        let table = try folder.open(outcome.table)
        let (key, column) = (try table.column(outcome.key), try table.column(outcome.column))
        var result: [String: Bool] = [:]
        try table.forEachRow { row in
            let value = row.text(column)
            if outcome.died.contains(value) {
                result[row.text(key)] = true
            } else if outcome.survived.contains(value) {
                result[row.text(key)] = false
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

    private static func ages(_ age: Mapping.Age, _ folder: TableFolder) throws -> [String: Age] {
        let table = try folder.open(age.table)
        let key = try table.column(age.key)
        var result: [String: Age] = [:]
        switch age.source {
        case .years(let name):
            let column = try table.column(name)
            try table.forEachRow { row in
                if let years = row.number(column) {
                    result[row.text(key)] = .years(years)
                } else if row.text(column).filter({ $0 != " " }) == ">89" {
                    result[row.text(key)] = .years(90)
                }
            }
        case .birth(let name):
            let column = try table.column(name)
            try table.forEachRow { row in
                if let birth = row.seconds(column) { result[row.text(key)] = .birth(birth) }
            }
        }
        return result
    }
}
