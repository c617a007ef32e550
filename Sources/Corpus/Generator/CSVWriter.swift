internal import Gzip

/// Writes a table as CSV (RFC 4180, LF), gzip-packed if its name ends in `.gz`. Fields are bytes, because real tables hold
/// some that are no UTF-8.
final class CSVWriter {
    private let sink: FileSink
    private let columns: Int

    init(path: String, header: [String]) throws {
        sink = try FileSink(path: path, packed: path.hasSuffix(".gz"))
        columns = header.count
        try row(header)
    }

    func row(_ fields: [String]) throws {
        precondition(fields.count == columns, "a row has as many fields as the header")
        try sink.write(fields.map(CSVWriter.quoted).joined(separator: ",") + "\n")
    }

    func finish() throws { try sink.finish() }

    private static func quoted(_ field: String) -> String {
        let needsQuotes = field.utf8.contains {
            $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 10 || $0 == 13
        }
        return needsQuotes ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
    }
}

/// A number as a table shows it: no trailing ".0".
func charted(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
    return "\(PatientModel.rounded(value, 4))"
}
