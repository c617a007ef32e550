import Corpus
import Gzip
import Testing

@Suite("Tables")
struct CSVTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func rows(_ bytes: [UInt8], limits: TableLimits = .init()) throws -> [[String]] {
        let reader = try CSVReader(path: try folder.write("t.csv", bytes), limits: limits)
        var result = [reader.header]
        try reader.forEachRow { row in result.append(reader.header.indices.map { row.text($0) }) }
        return result
    }

    private func rows(_ text: String, limits: TableLimits = .init()) throws -> [[String]] {
        try rows(Array(text.utf8), limits: limits)
    }

    @Test(
        "Fields are read as RFC 4180 says",
        arguments: [
            ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
            ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
            ("a,b\n1,2", [["a", "b"], ["1", "2"]]),
            ("a,b\n,\n", [["a", "b"], ["", ""]]),
            ("a,b\n\"1,5\",\"x\"\"y\"\"\"\n", [["a", "b"], ["1,5", "x\"y\""]]),
            ("a,b\n\"line\nbreak\",2\n", [["a", "b"], ["line\nbreak", "2"]]),
            ("a,b\r\n\"line\r\nbreak\",\"2\"\r\n", [["a", "b"], ["line\r\nbreak", "2"]]),
            ("a,b\n\"\",\"\"", [["a", "b"], ["", ""]]),
            ("\u{FEFF}a,b\n1,2\n\n", [["a", "b"], ["1", "2"]]),
            ("a\n1\n\n2\n", [["a"], ["1"], [""], ["2"]]),
        ])
    func fields(_ text: String, _ expected: [[String]]) throws { #expect(try rows(text) == expected) }

    @Test("Columns are found by name, upper or lower case")
    func columns() throws {
        let reader = try CSVReader(path: try folder.write("t.csv", "SUBJECT_ID,HADM_ID\n1,2\n"))
        #expect(try reader.column("hadm_id") == 1)
        let error = #expect(throws: CSVError.self) { try reader.column("subjectid") }
        #expect("\(try #require(error))".contains("did the mapping mean \"SUBJECT_ID\"?"))
    }

    @Test("A table far larger than the buffer reads the same, plain and packed, wherever blocks end")
    func large() throws {
        let header = "id,text,number\n"
        let fillers = ["plain", "\"quoted, with \"\"marks\"\"\"", "\"two\nlines\"", "", "\"end\r\nof\""]
        let wanted = ["plain", "quoted, with \"marks\"", "two\nlines", "", "end\r\nof"]
        var text = header
        let count = 60_000
        for index in 0..<count {
            text += "\(index),\(fillers[index % 5])\(index % 5 == 0 ? String(repeating: "x", count: index % 97) : ""),"
            text += "\(Double(index) / 8)\(index % 3 == 0 ? "\r\n" : "\n")"
        }
        #expect(text.utf8.count > 1 << 20)
        let sink = try FileSink(path: "\(folder.path)/big.csv.gz", packed: true)
        try sink.write(text)
        try sink.finish()
        for path in [try folder.write("big.csv", text), "\(folder.path)/big.csv.gz"] {
            let reader = try CSVReader(path: path)
            var index = 0
            var wrong = 0
            try reader.forEachRow { row in
                let filler = wanted[index % 5] + (index % 5 == 0 ? String(repeating: "x", count: index % 97) : "")
                if row.integer(0) != index || row.text(1) != filler || row.number(2) != Double(index) / 8 { wrong += 1 }
                index += 1
            }
            #expect(index == count && wrong == 0 && reader.rows == count)
        }
    }

    @Test("A record longer than the first buffer is read whole, up to the limit")
    func longRecord() throws {
        let field = String(repeating: "x", count: 700_000)
        #expect(try rows("a,b\n\"\(field)\",2\n") == [["a", "b"], [field, "2"]])
        #expect(throws: CSVError.recordTooLong(file: "\(folder.path)/t.csv", line: 2, limit: 1000)) {
            try rows("a,b\n\(field),2\n", limits: .init(record: 1000))
        }
        #expect(throws: CSVError.recordTooLong(file: "\(folder.path)/t.csv", line: 3, limit: 100)) {
            try rows("a,b\n1,2\n\(field.prefix(200)),2\n", limits: .init(record: 100))
        }
    }

    @Test("A damaged table is refused with its file and line; unspoiled it is read")
    func damaged() throws {
        let file = "\(folder.path)/t.csv"
        #expect(try rows("a,b\n\"x\ny\",2\n3,4\n").count == 3)
        #expect(throws: CSVError.columnCount(file: file, line: 4, found: 3, expected: 2)) {
            try rows("a,b\n\"x\ny\",2\n3,4,5\n")
        }
        #expect(throws: CSVError.columnCount(file: file, line: 4, found: 1, expected: 2)) {
            try rows("a,b\n\"x\ny\",2\n3\n")
        }
        #expect(throws: CSVError.unclosedQuote(file: file, line: 2)) { try rows("a,b\n\"x\ny,2\n3,4\n") }
        #expect(throws: CSVError.strayQuote(file: file, line: 2)) { try rows("a,b\nx\"y,2\n") }
        #expect(throws: CSVError.strayQuote(file: file, line: 2)) { try rows("a,b\n\"x\"y,2\n") }
        #expect(throws: CSVError.strayQuote(file: file, line: 2)) { try rows("a,b\n\"x\"\ry,2\n") }
        #expect(throws: CSVError.empty(file: file)) { try rows("") }
        #expect(throws: CSVError.duplicateColumn(file: file, column: "A")) { try rows("a,A\n1,2\n") }
        #expect(throws: CSVError.tooManyColumns(file: file, line: 1, limit: 3)) {
            try rows("a,b,c,d\n1,2,3,4\n", limits: .init(columns: 3))
        }
    }

    @Test("Bytes that are not UTF-8 do not stop a table")
    func otherCodePage() throws {
        #expect(try rows(Array("unit\n".utf8) + [0xB0, UInt8(ascii: "F"), 10]) == [["unit"], ["\u{FFFD}F"]])
    }

    @Test("No piece of random bytes crashes the reader")
    func fuzz() throws {
        var random = SeededRandom(seed: 5, label: "csv")
        let alphabet = Array("a,\"\n\r1".utf8) + [0, 0xFF]
        var read = 0
        for _ in 0..<2000 {
            let bytes = (0..<random.index(40)).map { _ in alphabet[random.index(alphabet.count)] }
            do { read += try rows(bytes).count } catch is CSVError {}
        }
        #expect(read > 100)
    }

    @Test("Numbers are read exactly as the standard library reads them")
    func numbers() throws {
        var random = SeededRandom(seed: 6, label: "numbers")
        for _ in 0..<20_000 {
            let value = (random.uniform() - 0.5) * [1, 1e3, 1e9, 1e-6][random.index(4)]
            let text = random.chance(0.5) ? "\(value)" : "\(PatientModel.rounded(value, random.index(6)))"
            #expect(Decimal.number(text) == Double(text))
        }
        for text in ["0", "-0.0", "7", "+3.5", ".5", "5.", "1e3", "2.5E-2", "123456789012345678901234567890"] {
            #expect(Decimal.number(text) == Double(text) || Decimal.number(text) == Double("0" + text))
        }
        for text in ["", "-", ".", "1.2.3", "0x10", "nan", "inf", "1e999", " 1", "1 ", "1,5", "e5", "<5"] {
            #expect(Decimal.number(text) == nil, "\(text)")
        }
    }

    @Test("Times count seconds over leap years and centuries, and back")
    func times() throws {
        func seconds(_ text: String) -> Int? { Array(text.utf8).withUnsafeBufferPointer { CivilTime.seconds($0) } }
        #expect(seconds("1970-01-01 00:00:00") == 0)
        #expect(seconds("2000-03-01 12:00:00") == 951_912_000)
        #expect(seconds("2164-10-23 21:09:00") == 6_147_695_340)
        #expect(seconds("2100-03-01").map { $0 - 86_400 } == seconds("2100-02-28"))
        for text in ["2164-10-23 21:09:00", "1999-12-31 23:59:59", "2100-02-28 00:00:01"] {
            #expect(seconds(text).map { CivilTime.text(seconds: $0) } == text)
        }
        for text in ["", "2164-13-01", "2164-10-23 25:00:00", "2164/10/23", "2164-10-23 21:09:0"] {
            #expect(seconds(text) == nil)
        }
    }
}
