import Corpus
import Glibc
import Gzip
import Testing

/// What a cloud's folder of tables may hold without its ingest hanging, or eating the machine.
@Suite("Hostile tables", .timeLimit(.minutes(2)))
struct HostileTableTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func packed(_ name: String, _ write: (FileSink) throws -> Void) throws -> String {
        let path = "\(folder.path)/\(name)"
        let sink = try FileSink(path: path, packed: true)
        try write(sink)
        try sink.finish()
        return path
    }

    private func count(_ path: String) throws -> Int {
        let reader = try CSVReader(path: path)
        try reader.forEachRow { _ in }
        return reader.rows
    }

    @Test("A table that unpacks to two hundred times its length is refused early; a repetitive one is read")
    func bomb() throws {
        // The control: as long, and as an honest table is.
        let honest = try packed("honest.csv.gz") { sink in
            try sink.write("a,b\n")
            var rows = ""
            for index in 0..<40_000 { rows += "\(index &* 2_654_435_761 % 1_000_003),\(index % 97)\n" }
            for _ in 0..<160 { try sink.write(rows) }
        }
        #expect(try count(honest) == 6_400_000)

        let rows = Array(String(repeating: "1,1\n", count: 1 << 18).utf8)
        let bomb = try packed("bomb.csv.gz") { sink in
            try sink.write("a,b\n")
            for _ in 0..<512 { try sink.write(rows) }
        }
        #expect(throws: GzipError.bomb(name: bomb, ratio: 200)) { try count(bomb) }
    }

    @Test("A line without an end, and one with a million columns, end at their bounds")
    func lines() throws {
        let zeros = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        let endless = try packed("endless.csv.gz") { sink in
            try sink.write("a,b\n")
            for _ in 0..<48 { try sink.write(zeros) }
        }
        #expect(throws: CSVError.recordTooLong(file: endless, line: 2, limit: 1 << 20)) { try count(endless) }
        let quoted = try packed("quoted.csv.gz") { sink in
            try sink.write("a,b\n\"")
            for _ in 0..<48 { try sink.write(zeros) }
        }
        #expect(throws: CSVError.recordTooLong(file: quoted, line: 2, limit: 1 << 20)) { try count(quoted) }
        let wide = try folder.write("wide.csv", String(repeating: "c,", count: 1_000_000) + "c\n")
        #expect(throws: CSVError.tooManyColumns(file: wide, line: 1, limit: 1024)) { try count(wide) }
        let names = (0..<1024).map { "c\($0)" }.joined(separator: ",")
        let widest = try folder.write(
            "widest.csv", names + "\n" + String(repeating: "1,", count: 1023) + "1\n")
        #expect(try count(widest) == 1)
    }

    @Test("A pipe, a device, a folder and a link to one are refused at once; a link to a table is read")
    func nothingButFiles() throws {
        let table = try folder.write("table.csv", "a,b\n1,2\n")
        let link = "\(folder.path)/link.csv"
        #expect(symlink(table, link) == 0)
        #expect(try count(link) == 1)
        let pipe = "\(folder.path)/pipe.csv"
        #expect(mkfifo(pipe, 0o600) == 0)
        let zero = "\(folder.path)/zero.csv"
        #expect(symlink("/dev/zero", zero) == 0)
        for path in [pipe, zero, folder.path, "/dev/null"] {
            #expect(throws: GzipError.notAFile(name: path)) { try count(path) }
        }
    }
}
