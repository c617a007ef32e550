/// One record of a table, lent while `CSVReader.forEachRow` runs its body.
package struct CSVRow {
    let base: UnsafeMutablePointer<UInt8>
    let begins: UnsafeMutablePointer<Int>
    let ends: UnsafeMutablePointer<Int>
    /// The line where the record begins, counted from 1.
    package let line: Int
    unowned(unsafe) let reader: CSVReader

    /// The field's bytes, quotes removed. Valid inside the body only.
    package func bytes(_ column: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + begins[column], count: ends[column] - begins[column])
    }

    package func isEmpty(_ column: Int) -> Bool { begins[column] == ends[column] }

    /// The field as text; bytes that are not UTF-8 (a degree sign of another code page) become U+FFFD.
    package func text(_ column: Int) -> String { String(decoding: bytes(column), as: UTF8.self) }

    /// The field as a text to compare with those of a mapping or of another table; nil if it is longer than any of them may be.
    func term(_ column: Int) -> String? {
        ends[column] - begins[column] <= reader.limits.text ? text(column) : nil
    }

    /// The field as an identifier to keep.
    func identifier(_ column: Int) throws(CSVError) -> String {
        if let text = term(column) { return text }
        throw .textTooLong(file: reader.file, line: line, column: reader.header[column], limit: reader.limits.text)
    }

    package func equals(_ column: Int, _ text: [UInt8]) -> Bool { bytes(column).elementsEqual(text) }

    /// A whole number in decimal digits with an optional sign; nil for anything else and for one that overflows.
    package func integer(_ column: Int) -> Int? { Decimal.integer(bytes(column)) }

    /// A decimal number; nil for anything else, infinities included.
    package func number(_ column: Int) -> Double? { Decimal.number(bytes(column)) }

    /// `YYYY-MM-DD[ HH:MM:SS]` as seconds since 1970-01-01, without a time zone.
    package func seconds(_ column: Int) -> Int? { CivilTime.seconds(bytes(column)) }

    func tooManyStays(of column: Int) -> CSVError {
        .tooManyStays(
            file: reader.file, line: line, column: reader.header[column], limit: reader.limits.staysPerKey)
    }

    func tooMuchKept(limit: Int) -> CSVError { .tooMuchKept(file: reader.file, line: line, limit: limit) }

    /// The error for a field that must be readable and is not.
    package func unreadable(_ column: Int, expected: String) -> CSVError {
        .unreadable(file: reader.file, line: line, column: reader.header[column], expected: expected)
    }
}
