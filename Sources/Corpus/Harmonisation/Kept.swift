/// The account of what is held in memory of a cloud's tables while they are read: estimates of the containers at their emptiest,
/// just after they grew, so that a table cannot take more than about the limit whatever its rows are.
struct Kept {
    /// A reading remembered to notice a repetition: 8 bytes in a set that is three eighths full.
    static let reading = 24
    /// A sum under way: 32 bytes in a dictionary that is three eighths full.
    static let sum = 96
    /// An entry of an attribute's table, beside its text.
    static let entry = 64

    /// Bytes.
    private(set) var taken = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// - Throws: `CSVError.tooMuchKept`, naming the row that asks for more than is left.
    mutating func take(_ bytes: Int, for row: CSVRow) throws(CSVError) {
        guard bytes <= limit - taken else { throw row.tooMuchKept(limit: limit) }
        taken += bytes
    }

    mutating func giveBack(_ bytes: Int) { taken -= bytes }

    /// A stay with its keys, values and accumulators, from its own table to the end: identifiers in the indices of stays,
    /// admissions and patients, outcome, age and windows are about a kilobyte beside the columns of numbers.
    static func stay(mapping: Mapping, variables: VariableTable) -> Int {
        let columns = mapping.sources.map { source in
            switch source.content {
            // An accumulator and its value.
            case .events(let events): events.variables.count * 24
            // A value for the key and one for the stay.
            case .columns(let columns): columns.count * 16
            }
        }
        return 1024 + variables.count * 8 + (columns.max() ?? 0)
    }

    /// A text beyond what `String` holds in place, with malloc's share.
    static func text(_ text: String) -> Int { text.utf8.count <= 15 ? 0 : text.utf8.count + 48 }
}
