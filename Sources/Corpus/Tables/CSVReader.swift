internal import Gzip

/// Reads a comma-separated table (RFC 4180) row by row in constant memory: plain or gzip, LF or CRLF, quoted fields with
/// commas, doubled quotes and line breaks in them. The first record is the header. One thread at a time.
///
/// Stricter than many readers on purpose: a row with more or fewer fields than the header, or a quote in the middle of
/// a field, means that the file was damaged or cut, and everything read on would be a guess.
package final class CSVReader {
    package let file: String
    /// Names as the header has them, without a byte order mark.
    package private(set) var header: [String] = []
    /// Records read so far, without the header.
    package private(set) var rows = 0

    private let source: FileSource
    let limits: TableLimits
    private let isHeaderAlone: Bool
    private var columns: [String: Int] = [:]

    // One block of the file; a record is always whole in it before its fields are lent.
    private var buffer: UnsafeMutablePointer<UInt8>
    private var capacity = 256 << 10
    private var start = 0
    private var end = 0
    private var atEnd = false
    /// Line of the record at `start`, counted from 1.
    private var line = 1
    // Field i of the current record is begins[i]..<ends[i], offsets into the buffer.
    private let begins: UnsafeMutablePointer<Int>
    private let ends: UnsafeMutablePointer<Int>

    /// - Parameter isHeaderAlone: no row is read: for whoever only asks whether the table has its columns.
    package init(path: String, limits: TableLimits = TableLimits(), isHeaderAlone: Bool = false) throws {
        source = try FileSource(path: path, limit: limits.total)
        file = path
        self.limits = limits
        self.isHeaderAlone = isHeaderAlone
        buffer = .allocate(capacity: capacity)
        begins = .allocate(capacity: limits.columns)
        ends = .allocate(capacity: limits.columns)
        begins.initialize(repeating: 0, count: limits.columns)
        ends.initialize(repeating: 0, count: limits.columns)
        try readHeader()
    }

    deinit {
        buffer.deallocate()
        begins.deallocate()
        ends.deallocate()
    }

    /// The place of a column by name; upper and lower case are the same.
    package func column(_ name: String) throws(CSVError) -> Int {
        if let index = columns[name.lowercased()] { return index }
        throw .missingColumn(file: file, column: name, nearest: nearest(to: name))
    }

    package func has(_ column: String) -> Bool { columns[column.lowercased()] != nil }

    /// Lends each row in turn to `body`; the row must not leave it.
    package func forEachRow(_ body: (CSVRow) throws -> Void) throws {
        guard !isHeaderAlone else { return }
        while let count = try scanRecord() {
            if count.fields == 1, header.count > 1, begins[0] == ends[0] {
                continue  // a blank line: not in RFC 4180, but many tools end a file with one
            }
            guard count.fields == header.count else {
                throw CSVError.columnCount(file: file, line: count.line, found: count.fields, expected: header.count)
            }
            rows += 1
            try body(CSVRow(base: buffer, begins: begins, ends: ends, line: count.line, reader: self))
        }
    }

    private func readHeader() throws {
        guard let record = try scanRecord() else { throw CSVError.empty(file: file) }
        let row = CSVRow(base: buffer, begins: begins, ends: ends, line: record.line, reader: self)
        for index in 0..<record.fields {
            guard var name = row.term(index) else {
                throw CSVError.nameTooLong(file: file, column: index + 1, limit: limits.text)
            }
            if index == 0, name.hasPrefix("\u{FEFF}") { name.removeFirst() }
            header.append(name)
            guard columns.updateValue(index, forKey: name.lowercased()) == nil else {
                throw CSVError.duplicateColumn(file: file, column: name)
            }
        }
    }

    private func nearest(to name: String) -> String? {
        let wanted = name.lowercased().filter { $0 != "_" }
        return header.first { $0.lowercased().filter { $0 != "_" } == wanted }
    }

    // MARK: scanning

    /// Finds the fields of the next record, and moves past it; nil at the end of the file.
    private func scanRecord() throws -> (fields: Int, line: Int)? {
        let first = line
        var position = start
        var fields = 0
        while true {
            // One field: from `position` to a comma, a line end, or the end of the file.
            if position >= end, !(try extend(&position)) {
                if fields == 0 { return nil }  // nothing since the last line end
                try add(begin: position, end: position, to: &fields, line: first)
                start = position
                return (fields, first)
            }
            let terminator: UInt8
            if buffer[position] == UInt8(ascii: "\"") {
                terminator = try scanQuoted(&position, fields: &fields, first: first)
            } else {
                terminator = try scanPlain(&position, fields: &fields, first: first)
            }
            guard position - start <= limits.record else {
                throw CSVError.recordTooLong(file: file, line: first, limit: limits.record)
            }
            if terminator != UInt8(ascii: ",") {
                start = position
                line += 1
                return (fields, first)
            }
        }
    }

    /// Leaves `position` behind the terminator and returns it: a comma or a line feed (also for the end of the file).
    private func scanPlain(_ position: inout Int, fields: inout Int, first: Int) throws -> UInt8 {
        var begin = position
        while true {
            let base = buffer
            let stop = end
            while position < stop {
                let byte = base[position]
                // One comparison rules out nearly every byte: all three marks lie at or below the comma (0x2C).
                if byte <= 0x2C {
                    if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") {
                        var last = position
                        if byte == UInt8(ascii: "\n"), last > begin, base[last - 1] == UInt8(ascii: "\r") { last -= 1 }
                        try add(begin: begin, end: last, to: &fields, line: first)
                        position += 1
                        return byte
                    }
                    if byte == UInt8(ascii: "\"") { throw CSVError.strayQuote(file: file, line: line) }
                }
                position += 1
            }
            let offset = position - begin
            let more = try extend(&position)
            begin = position - offset  // the bytes may have moved even at the end of the file
            if !more {
                try add(begin: begin, end: position, to: &fields, line: first)
                return UInt8(ascii: "\n")
            }
        }
    }

    /// The same for a field whose first byte is a quote. Doubled quotes are folded in place.
    private func scanQuoted(_ position: inout Int, fields: inout Int, first: Int) throws -> UInt8 {
        let opened = line
        position += 1
        var begin = position
        var write = position
        while true {
            if position >= end {
                let lengths = (position - begin, position - write)
                if !(try extend(&position)) { throw CSVError.unclosedQuote(file: file, line: opened) }
                begin = position - lengths.0
                write = position - lengths.1
            }
            let byte = buffer[position]
            if byte != UInt8(ascii: "\"") {
                if byte == UInt8(ascii: "\n") { line += 1 }
                buffer[write] = byte
                write += 1
                position += 1
                continue
            }
            position += 1
            if position >= end {
                let lengths = (position - begin, position - write)
                let more = try extend(&position)
                begin = position - lengths.0
                write = position - lengths.1
                if !more {
                    try add(begin: begin, end: write, to: &fields, line: first)
                    return UInt8(ascii: "\n")
                }
            }
            switch buffer[position] {
            case UInt8(ascii: "\""):
                buffer[write] = UInt8(ascii: "\"")
                write += 1
                position += 1
            case UInt8(ascii: ","):
                try add(begin: begin, end: write, to: &fields, line: first)
                position += 1
                return UInt8(ascii: ",")
            case UInt8(ascii: "\n"):
                try add(begin: begin, end: write, to: &fields, line: first)
                position += 1
                return UInt8(ascii: "\n")
            case UInt8(ascii: "\r"):
                // Only as part of a CRLF.
                if position + 1 >= end {
                    let lengths = (position - begin, position - write)
                    let more = try extend(&position, keeping: 1)
                    begin = position - lengths.0
                    write = position - lengths.1
                    if !more {
                        try add(begin: begin, end: write, to: &fields, line: first)
                        position += 1
                        return UInt8(ascii: "\n")
                    }
                }
                guard buffer[position + 1] == UInt8(ascii: "\n") else {
                    throw CSVError.strayQuote(file: file, line: line)
                }
                try add(begin: begin, end: write, to: &fields, line: first)
                position += 2
                return UInt8(ascii: "\n")
            default: throw CSVError.strayQuote(file: file, line: line)
            }
        }
    }

    private func add(begin: Int, end: Int, to fields: inout Int, line: Int) throws(CSVError) {
        guard fields < limits.columns else { throw .tooManyColumns(file: file, line: line, limit: limits.columns) }
        begins[fields] = begin
        ends[fields] = end
        fields += 1
    }

    /// Reads more of the file behind `end`, moving the record under way to the buffer's front; `position` and the field
    /// offsets move along. False at the end of the file. `keeping` bytes at `position` are not yet consumed.
    private func extend(_ position: inout Int, keeping: Int = 0) throws -> Bool {
        if atEnd { return false }
        let length = end - start
        guard length <= limits.record else {
            throw CSVError.recordTooLong(file: file, line: line, limit: limits.record)
        }
        if start > 0 {
            buffer.update(from: buffer.advanced(by: start), count: length)
            for index in 0..<limits.columns {
                begins[index] &-= start
                ends[index] &-= start
            }
            position -= start
            start = 0
            end = length
        }
        if capacity - end < 64 << 10 {
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
            larger.update(from: buffer, count: end)
            buffer.deallocate()
            buffer = larger
            capacity *= 2
        }
        let count = try source.read(
            into: UnsafeMutableRawBufferPointer(start: buffer.advanced(by: end), count: capacity - end))
        atEnd = count == 0
        end += count
        return count > 0
    }
}
