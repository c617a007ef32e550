/// Why a table could not be read. Names the file and the line, never what stands in a row.
package enum CSVError: Error, Equatable, CustomStringConvertible {
    case empty(file: String)
    case duplicateColumn(file: String, column: String)
    case missingColumn(file: String, column: String, nearest: String?)
    case unclosedQuote(file: String, line: Int)
    case strayQuote(file: String, line: Int)
    case recordTooLong(file: String, line: Int, limit: Int)
    case tooManyColumns(file: String, line: Int, limit: Int)
    case columnCount(file: String, line: Int, found: Int, expected: Int)
    /// A field that must hold something readable (an identifier, a time) does not.
    case unreadable(file: String, line: Int, column: String, expected: String)
    /// `column`: counted from 1.
    case nameTooLong(file: String, column: Int, limit: Int)
    case textTooLong(file: String, line: Int, column: String, limit: Int)
    case tooManyStays(file: String, line: Int, column: String, limit: Int)
    case tooMuchKept(file: String, line: Int, limit: Int)

    package var description: String {
        switch self {
        case .empty(let file): return "\(file): is empty; expected a header line"
        case .duplicateColumn(let file, let column):
            return "\(file):1: column \"\(column)\" is there twice (upper and lower case count as the same)"
        case .missingColumn(let file, let column, let nearest):
            let hint = nearest.map { "; did the mapping mean \"\($0)\"?" } ?? ""
            return "\(file):1: there is no column \"\(column)\"\(hint)"
        case .unclosedQuote(let file, let line):
            return "\(file):\(line): the quoted field that opens here is never closed"
        case .strayQuote(let file, let line):
            return "\(file):\(line): a quote stands inside a field; quote the field and double the quote (RFC 4180)"
        case .recordTooLong(let file, let line, let limit):
            return "\(file):\(line): the record that begins here is longer than \(limit) bytes; is a quote left open?"
        case .tooManyColumns(let file, let line, let limit): return "\(file):\(line): more than \(limit) columns"
        case .columnCount(let file, let line, let found, let expected):
            return "\(file):\(line): found \(found) fields, expected \(expected) as in the header"
        case .unreadable(let file, let line, let column, let expected):
            return "\(file):\(line): column \"\(column)\": expected \(expected)"
        case .nameTooLong(let file, let column, let limit):
            return "\(file):1: the name of column \(column) is longer than \(limit) bytes; is the first line a header?"
        case .textTooLong(let file, let line, let column, let limit):
            return
                "\(file):\(line): column \"\(column)\": an identifier longer than \(limit) bytes; is this the column that the mapping means?"
        case .tooManyStays(let file, let line, let column, let limit):
            return
                "\(file):\(line): column \"\(column)\": more than \(limit) stays have what stands here; is this the column that the mapping means?"
        case .tooMuchKept(let file, let line, let limit):
            return
                "\(file):\(line): what ingest keeps of the tables up to here needs more than \(limit) bytes of memory; narrow the cohort with `keep`, or share its stays among several clouds"
        }
    }
}
