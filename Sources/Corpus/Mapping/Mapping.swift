/// How one schema's tables become harmonised variables: a mapping file of configs/mappings, checked against the variables.
package struct Mapping: Sendable {
    /// What a row's key names.
    package enum Key: String, Sendable, CaseIterable {
        case stay, admission, patient
    }

    /// The table with one row for each stay.
    package struct Stays: Sendable {
        package let table: String
        package let stay: String
        package let patient: String
        package let admission: String?
        /// When the stay begins; without it, tables can name no times.
        package let start: String?
    }

    /// A property of a stay that cohorts are chosen by: a column of the stays' table, or of a table that it points to.
    package struct Attribute: Sendable {
        package struct Lookup: Sendable {
            package let table: String
            package let key: String
            package let value: String
        }
        package let column: String
        package let lookup: Lookup?
    }

    package struct Outcome: Sendable {
        package let table: String
        package let key: String
        package let of: Key
        package let column: String
        package let died: Set<String>
        package let survived: Set<String>
    }

    package struct Age: Sendable {
        package enum Source: Sendable {
            /// Years, or `> 89`.
            case years(column: String)
            /// A date; the age is that on the day the stay begins.
            case birth(column: String)
        }
        package let table: String
        package let key: String
        package let of: Key
        package let source: Source
    }

    /// How several values of one stay become one.
    package enum Aggregate: String, Sendable, CaseIterable {
        /// The value farthest from normal.
        case worst
        case first, last, mean, minimum, maximum, sum
        /// 1 if any row matches, else 0; no value for stays of which the table says nothing at all.
        case presence
    }

    /// When something was measured.
    package enum Time: Sendable {
        case clock(column: String)
        /// Minutes since the stay began.
        case minutes(column: String)
    }

    /// What to do with `<5` or `GREATER THAN 10`.
    package enum Censored: String, Sendable, CaseIterable {
        case drop
        /// Take the limit for the value.
        case limit
    }

    package struct Item: Sendable {
        package let id: String
        /// Nil: the row's own unit column decides.
        package let unit: String?
        /// The row's text must be one of these (lower case); empty: any.
        package let texts: Set<String>
    }

    /// A variable of a table with one row for each measurement.
    package struct EventVariable: Sendable {
        package let variable: Int
        package let aggregate: Aggregate
        package let items: [Item]
        /// True: the items are parts, and one value is the sum of all parts charted at one time.
        package let summed: Bool
    }

    /// A variable of a table with one row for each stay.
    package struct ColumnVariable: Sendable {
        package let variable: Int
        /// Summed where there are several.
        package let columns: [String]
        package let unit: String
    }

    package struct Events: Sendable {
        package let time: Time
        package let item: String
        package let value: String
        package let text: String?
        package let unit: String?
        /// What a blank unit column stands for, if anything.
        package let blankUnit: String?
        package let censored: Censored
        /// Seconds before the stay's start that count as well: blood drawn on the way to the unit.
        package let before: Int
        package let variables: [EventVariable]
    }

    package struct Source: Sendable {
        package enum Content: Sendable {
            case events(Events)
            case columns([ColumnVariable])
        }
        package let table: String
        /// An optional table may be absent.
        package let isOptional: Bool
        /// Stays without a usable row here are left out of the cohort.
        package let isRequired: Bool
        package let of: Key
        package let key: String
        /// Rows to drop as errors: a column, and the values that mark one.
        package let errors: [(column: String, values: Set<String>)]
        /// Codes that mean "not measured", compared as numbers where they are numbers.
        package let missing: Set<String>
        package let content: Content
    }

    package let name: String
    /// Seconds of each stay that count, from its start.
    package let window: Int
    package let minimumAge: Double
    package let stays: Stays
    package let attributes: [String: Attribute]
    package let keep: [String: Set<String>]
    package let outcome: Outcome
    package let age: Age
    /// A unit's spellings in the tables (lower case, without blanks) and the name that variables call it by.
    package let units: [String: String]
    /// In order of precedence: the first that has a value for a variable gives it.
    package let sources: [Source]

    /// The form in which unit spellings are compared.
    package static func normalised(unit: String) -> String { unit.lowercased().filter { $0 != " " } }
}
