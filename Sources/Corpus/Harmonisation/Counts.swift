/// Why a stay is not in the cohort. The raw values are the words of the report.
package enum Exclusion: String, Sendable, CaseIterable {
    case notKept = "not in this cloud (the mapping's or the config's `keep`)"
    case repeated = "stay listed twice"
    case noPatient = "no patient named"
    case noStart = "start unreadable"
    case noOutcome = "outcome unknown"
    case noAge = "age unknown"
    case tooYoung = "under the minimum age"
    case noRow = "no row in a required table"
}

/// Why a row of a table says nothing about a stay of the cohort.
package enum RowDrop: String, Sendable, CaseIterable {
    case markedAsError = "marked as an error"
    case notMapped = "item not mapped"
    case noKey = "no stay or admission named"
    case otherStay = "stay not in the cohort"
    case noTime = "time unreadable"
    case outsideWindow = "outside the window"
}

/// Why a reading of a variable was not used.
package enum ReadingDrop: String, Sendable, CaseIterable {
    case missing = "blank or a code for missing"
    case notANumber = "not a number"
    case censored = "censored (a limit, no value)"
    case unknownUnit = "unit not known"
    case implausible = "outside the plausible range"
    case duplicate = "charted twice"
    case incomplete = "part of a sum missing"
    case otherText = "text not the one asked for"
}

/// What happened to the rows of one table.
package struct TableCounts: Sendable, Equatable {
    package let table: String
    /// Nil where an optional table is absent.
    package var rows: Int?
    package var used = 0
    package var dropped: [RowDrop: Int] = [:]

    package init(table: String) { self.table = table }
}

/// What happened to the readings of one variable, over all tables.
package struct VariableCounts: Sendable, Equatable {
    /// At most this many spellings of a unit are told apart; the rest is counted together.
    package static let maximumUnits = 64

    package var used = 0
    /// Of these, how many had to be brought to another unit.
    package var converted = 0
    /// Of these, how many are the limit of a censored text.
    package var limits = 0
    package var dropped: [ReadingDrop: Int] = [:]
    /// As spelt in the table; "(by item) x" where the item alone decides.
    package var units: [String: Int] = [:]

    package init() {}

    mutating func met(unit: String) {
        if units[unit] != nil || units.count < VariableCounts.maximumUnits {
            units[unit, default: 0] += 1
        } else {
            units["(other spellings)", default: 0] += 1
        }
    }
}

/// Everything that ingest counted on the way from tables to stays.
package struct IngestCounts: Sendable, Equatable {
    package var stayRows = 0
    package var excluded: [Exclusion: Int] = [:]
    package var tables: [TableCounts] = []
    /// In the order of the variable table.
    package var variables: [VariableCounts]

    package init(variables: Int) { self.variables = Array(repeating: VariableCounts(), count: variables) }
}
