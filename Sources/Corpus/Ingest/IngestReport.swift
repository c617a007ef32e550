import FoundationEssentials
import Sodium
import Tokenization

/// What ingest read, dropped and why, for the people of the cloud: it holds counts of few patients, and so stays there
/// with the records.
package struct IngestReport: Codable, Sendable, Equatable {
    package struct Table: Codable, Sendable, Equatable {
        package let table: String
        /// Absent for an optional table that is not there.
        package let rows: Int?
        package let used: Int
        /// Reason to number of rows.
        package let dropped: [String: Int]
    }

    package struct Cohort: Codable, Sendable, Equatable {
        package let rows: Int
        package let excluded: [String: Int]
        package let stays: Int
        package let patients: Int
        package let died: Int
    }

    package struct Variable: Codable, Sendable, Equatable {
        package let name: String
        package let unit: String
        /// Stays with a value, and the share without one.
        package let stays: Int
        package let missingShare: Double
        /// Readings: used, of these converted from another unit, and of these taken from a censored text.
        package let readings: Int
        package let converted: Int
        package let limits: Int
        package let dropped: [String: Int]
        /// As spelt in the tables.
        package let units: [String: Int]
        /// False: too few patients of the federation have it. Absent before the statistics are released.
        package let standardised: Bool?
    }

    package struct Split: Codable, Sendable, Equatable {
        package let stays: Int
        package let patients: Int
        package let died: Int

        init(_ stays: [Stay]) {
            self.stays = stays.count
            patients = Set(stays.map(\.patient)).count
            died = stays.count(where: \.died)
        }
    }

    package let version: Int
    package let cloud: String
    package let mapping: String
    package let variablesDigest: String
    package let cohort: Cohort
    package let tables: [Table]
    package let variables: [Variable]
    package let splits: [String: Split]

    package init(_ harmonised: Harmonised, cloud: String, standardisation: Standardisation? = nil) {
        version = 1
        self.cloud = cloud
        mapping = harmonised.mapping
        variablesDigest = harmonised.variables.digest.description
        let counts = harmonised.counts
        cohort = Cohort(
            rows: counts.stayRows, excluded: named(counts.excluded), stays: harmonised.stays.count,
            patients: Set(harmonised.stays.map(\.patient)).count, died: harmonised.stays.count(where: \.died))
        tables = counts.tables.map { Table(table: $0.table, rows: $0.rows, used: $0.used, dropped: named($0.dropped)) }
        variables = harmonised.variables.variables.enumerated().map { index, variable in
            let having = harmonised.stays.count { !$0.values[index].isNaN }
            let count = counts.variables[index]
            return Variable(
                name: variable.name, unit: variable.unit, stays: having,
                missingShare: 1 - Double(having) / Double(max(harmonised.stays.count, 1)), readings: count.used,
                converted: count.converted, limits: count.limits, dropped: named(count.dropped), units: count.units,
                standardised: standardisation?.isPresent(index))
        }
        splits = Dictionary(
            uniqueKeysWithValues: TokenShard.Split.allCases.map { ($0.rawValue, Split(harmonised.stays(in: $0))) })
    }

    /// One object, keys sorted, the same bytes for the same counts.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}

private func named<Reason: RawRepresentable<String> & Hashable>(_ counts: [Reason: Int]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
}
