import Gzip
import Testing

@Suite("Gzip")
struct GzipTests {
    private let folder: TemporaryFolder
    private let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

    init() throws { folder = try TemporaryFolder() }

    private func pack(_ content: [UInt8], _ name: String = "packed.gz") throws -> [UInt8] {
        let sink = try FileSink(path: "\(folder.path)/\(name)", packed: true)
        for start in stride(from: 0, to: content.count, by: 777) {
            try sink.write(Array(content[start..<min(start + 777, content.count)]))
        }
        try sink.finish()
        return try folder.read(name)
    }

    private func unpack(_ bytes: [UInt8], limit: Int = 1 << 30, pieces: Int = 4096) throws -> [UInt8] {
        let source = try FileSource(path: try folder.write("in.gz", bytes), limit: limit)
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: pieces)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
            if count == 0 { return output }
            output += buffer[..<count]
        }
    }

    @Test("What is packed unpacks to the same bytes, whatever the size of the pieces")
    func roundTrip() throws {
        let packed = try pack(content)
        #expect(packed.count < content.count)
        for pieces in [1 << 20, 4096, 13] { #expect(try unpack(packed, pieces: pieces) == content) }
        #expect(try unpack(try pack([])).isEmpty)
    }

    @Test("Members one after the other are one stream, as with cat a.gz b.gz")
    func concatenated() throws {
        let one = try pack(content)
        #expect(try unpack(one + one + one) == content + content + content)
    }

    @Test("A file that is not gzip comes out as it is")
    func plain() throws {
        #expect(try unpack(content) == content)
        #expect(try unpack([]).isEmpty)
        #expect(try unpack([0x1f]) == [0x1f])
    }

    @Test("A stream cut at any place is refused")
    func truncated() throws {
        let packed = try pack(Array(content.prefix(5000)))
        #expect(try unpack(packed).count == 5000)
        for length in [2, 5, 10, 11, packed.count / 2, packed.count - 8, packed.count - 1] {
            #expect(throws: GzipError.truncated(name: "\(folder.path)/in.gz")) { try unpack(Array(packed[..<length])) }
        }
    }

    @Test("A flipped bit is refused: by the format or by the checksum")
    func corrupt() throws {
        let packed = try pack(content)
        #expect(try unpack(packed) == content)
        for place in [3, packed.count / 2, packed.count - 6, packed.count - 2] {
            var spoiled = packed
            spoiled[place] ^= 0x40
            #expect(throws: GzipError.self) { try unpack(spoiled) }
        }
    }

    @Test("Bytes after the last member are refused")
    func trailing() throws {
        #expect(throws: GzipError.trailingBytes(name: "\(folder.path)/in.gz")) {
            try unpack(try pack(content) + [0, 1, 2])
        }
    }

    @Test("A small file that unpacks to a large one stops at the caller's limit")
    func bomb() throws {
        let packed = try pack([UInt8](repeating: 0, count: 4 << 20))
        #expect(packed.count < 8192)
        #expect(try unpack(packed, limit: 4 << 20).count == 4 << 20)
        #expect(throws: GzipError.tooLong(name: "\(folder.path)/in.gz", limit: 1 << 20)) {
            try unpack(packed, limit: 1 << 20)
        }
        #expect(throws: GzipError.tooLong(name: "\(folder.path)/in.gz", limit: 100)) { try unpack(content, limit: 100) }
    }

    @Test("The same content packs to the same bytes: no time, no name")
    func reproducible() throws {
        #expect(try pack(content, "first.gz") == pack(content, "second.gz"))
    }

    @Test("A file that is not there is named")
    func missing() throws {
        let error = #expect(throws: GzipError.self) { try FileSource(path: "/no/such/file.gz", limit: 1) }
        #expect("\(try #require(error))".contains("/no/such/file.gz"))
    }
}
