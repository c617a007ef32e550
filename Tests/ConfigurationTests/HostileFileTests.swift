import Configuration
import Glibc
import Testing

@Suite("Hostile configuration files")
struct HostileFileTests {
    private func messages(_ text: String) -> [String] {
        do {
            _ = try Document(text: text, file: "x.yaml")
            return []
        } catch { return error.problems.map(\.message) }
    }

    @Test("a few aliases are read, many are refused before they are expanded")
    func aliases() throws {
        let few = try ConfigurationFile.decode(text: "a: &shared [1, 2]\nb: *shared\n", file: "x.yaml") { file in
            (file.list("a") { $0.int() }, file.list("b") { $0.int() })
        }
        #expect(few.0 == few.1)

        var bomb = "k0: &k0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*k\(level - 1)", count: 9).joined(separator: ", ")
            bomb += "k\(level): &k\(level) [\(aliases)]\n"
        }
        #expect(messages(bomb) == ["more than 16 anchors and aliases: write the values out"])
    }

    @Test("words with stars in comments are no aliases")
    func comments() {
        #expect(messages(String(repeating: "# an *important* word & more\n", count: 40) + "a: 1\n") == [])
    }

    @Test("a document is refused beyond 32 levels or 50 000 keys and values")
    func limits() {
        func nested(_ depth: Int) -> String {
            "a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(messages(nested(31)) == [])
        #expect(messages(nested(32)) == ["nested more than 32 deep"])
        #expect(!messages(nested(100_000)).isEmpty)
        func wide(_ count: Int) -> String { "a: [" + String(repeating: "1,", count: count) + "]" }
        #expect(messages(wide(49_000)) == [])
        #expect(messages(wide(50_000)) == ["more than 50000 keys and values"])
    }

    @Test("a file over one MiB, a folder, a missing file and one that is not UTF-8 are refused by name")
    func files() throws {
        let folder = "/tmp/tributary-configuration-\(getpid())"
        #expect(mkdir(folder, 0o700) == 0)
        defer { rmdir(folder) }
        let path = "\(folder)/x.yaml"
        defer { unlink(path) }

        func write(_ bytes: [UInt8]) throws {
            let file = try #require(fopen(path, "w"))
            defer { fclose(file) }
            #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        }
        func message() -> String? {
            do {
                _ = try Document(at: path)
                return nil
            } catch { return error.description }
        }
        try write(Array("a: 1\n".utf8))
        #expect(message() == nil)
        try write([UInt8](repeating: UInt8(ascii: "#"), count: 1_048_577))
        #expect(message() == "\(path): is 1048577 bytes long; a configuration may have 1048576")
        try write([0x61, 0x3A, 0x20, 0xFF, 0x0A])
        #expect(message() == "\(path): is not UTF-8 text")
        unlink(path)
        #expect(message() == "\(path): cannot be read: No such file or directory")
        let error = #expect(throws: ConfigurationError.self) { try Document(at: folder) }
        #expect(error?.description == "\(folder): is not a regular file")
    }
}
