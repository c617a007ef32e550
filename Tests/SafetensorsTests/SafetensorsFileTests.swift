import Safetensors
import Testing

struct SafetensorsFileTests {
    /// A file made by hand: the length, the header, `dataByteCount` bytes counting up.
    private func file(_ header: String, dataByteCount: Int) -> [UInt8] {
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        bytes += Array(header.utf8)
        return bytes + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
    }

    private func entry(_ name: String, _ type: String, _ shape: String, _ start: Int, _ end: Int) -> String {
        "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
    }

    @Test("A file made by hand gives its tensors, at any alignment")
    func readsByHand() throws {
        let header =
            "{\"__metadata__\":{\"format\":\"pt\"},\(entry("a", "U8", "[3]", 0, 3)),\(entry("b", "I32", "[2]", 3, 11))}"
        let read = try SafetensorsFile(bytes: file(header, dataByteCount: 11))
        #expect(read.metadata == ["format": "pt"])
        #expect(try read.bytes("a") == [0, 1, 2])
        #expect(try read.integers("b", as: Int32.self) == [0x06050403, 0x0A090807])
        #expect(read.tensors["b"]?.shape == [2])
        #expect(read.tensors["b"]?.count == 2)
    }

    @Test("Scalars and empty tensors are tensors")
    func readsScalars() throws {
        let header = "{\(entry("s", "F64", "[]", 0, 8)),\(entry("e", "F32", "[0,7]", 8, 8))}"
        let read = try SafetensorsFile(bytes: file(header, dataByteCount: 8))
        #expect(read.tensors["s"]?.count == 1)
        #expect(try read.floats("e").isEmpty)
    }

    @Test("F16 and BF16 convert to the float they stand for")
    func convertsNarrowFloats() throws {
        let half: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x7BFF]
        let brain: [UInt16] = [0x3F80, 0xC000, 0x3DCD]
        let bytes = try SafetensorsWriter.encode([
            TensorContents(
                name: "h", type: .f16, shape: [4], bytes: half.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }),
            TensorContents(
                name: "b", type: .bf16, shape: [3], bytes: brain.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }),
        ])
        let read = try SafetensorsFile(bytes: bytes)
        #expect(try read.floats("h") == [1, -2, 0x1p-24, 65504])
        #expect(try read.floats("b") == [1, -2, 0.10009765625])
        #expect(throws: SafetensorsError.self) { try read.integers("h", as: Int16.self) }
    }

    @Test("What is written reads back, through memory and through a mapped file")
    func roundTrips() throws {
        let tensors = [
            TensorContents(name: "weight", shape: [2, 3], floats: [1, -0.5, .pi, 0, 1e-30, -1e30]),
            TensorContents(name: "tokens", shape: [2], integers: [Int32.min, 7]),
            TensorContents(name: "offsets", shape: [2], integers: [0, Int64.max]),
            TensorContents(name: "mask", type: .bool, shape: [3], bytes: [1, 0, 1]),
        ]
        let path = "/tmp/tributary-safetensors-\(UInt64.random(in: 0 ... .max)).safetensors"
        try SafetensorsWriter.write(tensors, metadata: ["split": "train", "cloud": "north"], to: path)
        defer { unlinkFile(path) }
        for read in [
            try SafetensorsFile(
                bytes: SafetensorsWriter.encode(tensors, metadata: ["split": "train", "cloud": "north"])),
            try SafetensorsFile(path: path),
        ] {
            #expect(read.metadata == ["split": "train", "cloud": "north"])
            #expect(try read.floats("weight") == [1, -0.5, .pi, 0, 1e-30, -1e30])
            #expect(try read.integers("tokens", as: Int32.self) == [.min, 7])
            #expect(try read.integers("offsets", as: Int64.self) == [0, .max])
            #expect(try read.bytes("mask") == [1, 0, 1])
        }
    }

    @Test("The bytes written do not depend on the order in which tensors are given")
    func isDeterministic() throws {
        let tensors = (0..<6).map { TensorContents(name: "t\($0)", shape: [1], floats: [Float($0)]) }
        let forward = try SafetensorsWriter.encode(tensors, metadata: ["x": "1", "y": "2"])
        #expect(try SafetensorsWriter.encode(tensors.reversed(), metadata: ["y": "2", "x": "1"]) == forward)
        #expect((8 + Int(forward[0]) + Int(forward[1]) << 8).isMultiple(of: 8))
    }

    @Test("A spoiled header is refused; the unspoiled one is accepted")
    func refusesSpoiledHeaders() throws {
        let good = entry("a", "F32", "[2]", 0, 8)
        #expect(throws: Never.self) { try SafetensorsFile(bytes: file("{\(good)}", dataByteCount: 8)) }
        let spoiled: [(why: String, header: String, count: Int)] = [
            ("hole", "{\(good),\(entry("b", "U8", "[1]", 9, 10))}", 10),
            ("overlap", "{\(good),\(entry("b", "F32", "[2]", 4, 12))}", 12),
            ("same bytes twice", "{\(good),\(entry("b", "F32", "[2]", 0, 8))}", 8),
            ("beyond the file", "{\(entry("a", "F32", "[4]", 0, 16))}", 8),
            ("bytes after the last tensor", "{\(good)}", 12),
            ("does not begin at 0", "{\(entry("a", "F32", "[1]", 4, 8))}", 8),
            ("shape and bytes differ", "{\(entry("a", "F32", "[3]", 0, 8))}", 8),
            ("shape overflows", "{\(entry("a", "F32", "[4611686018427387904,4611686018427387904]", 0, 8))}", 8),
            ("negative dimension", "{\(entry("a", "F32", "[-2]", 0, 8))}", 8),
            ("backwards", "{\(entry("a", "F32", "[2]", 8, 0))}", 8),
            ("unknown type", "{\(entry("a", "F33", "[2]", 0, 8))}", 8),
            ("name twice", "{\(good),\(good)}", 8),
            ("nine dimensions", "{\(entry("a", "F32", "[2,1,1,1,1,1,1,1,1]", 0, 8))}", 8),
            ("unknown key", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8),
            ("three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8),
            ("metadata not strings", "{\"__metadata__\":{\"format\":1},\(good)}", 8),
            ("metadata not an object", "{\"__metadata__\":[],\(good)}", 8),
            ("not an object", "[\(good.dropFirst(4))]", 8),
            ("leading space", " {\(good)}", 8),
            ("text after the header's object", "{\(good)}{}", 8),
        ]
        for (why, header, count) in spoiled {
            #expect(throws: SafetensorsError.self, "\(why)") {
                try SafetensorsFile(bytes: file(header, dataByteCount: count))
            }
        }
    }

    @Test("A length that does not fit the file or the limit is refused before anything is read")
    func refusesLengths() throws {
        let good = file("{\(entry("a", "F32", "[2]", 0, 8))}", dataByteCount: 8)
        #expect(throws: Never.self) { try SafetensorsFile(bytes: good) }
        for prefix in [UInt64.max, 1 << 62, 17 << 20, UInt64(good.count)] {
            let spoiled = withUnsafeBytes(of: prefix.littleEndian) { Array($0) } + good.dropFirst(8)
            #expect(throws: SafetensorsError.self) { try SafetensorsFile(bytes: spoiled) }
        }
        #expect(throws: SafetensorsError.self) { try SafetensorsFile(bytes: Array(good.prefix(7))) }
        #expect(throws: SafetensorsError.self) { try SafetensorsFile(bytes: []) }
        #expect(throws: SafetensorsError.self) { try SafetensorsFile(bytes: Array(good.dropLast())) }
    }

    @Test("Every truncation and every flipped header byte is refused or reads as some valid file, never traps")
    func survivesDamage() throws {
        let good = try SafetensorsWriter.encode(
            [
                TensorContents(name: "a", shape: [2], floats: [1, 2]),
                TensorContents(name: "b", shape: [1], integers: [Int64(3)]),
            ],
            metadata: ["format": "pt"])
        for length in 0..<good.count {
            #expect(throws: SafetensorsError.self) { try SafetensorsFile(bytes: Array(good.prefix(length))) }
        }
        var accepted = 0
        for position in 0..<(good.count - 16) {
            for bit in 0..<8 {
                var spoiled = good
                spoiled[position] ^= 1 << UInt8(bit)
                do throws(SafetensorsError) {
                    let file = try SafetensorsFile(bytes: spoiled)
                    for name in file.tensors.keys { _ = try file.bytes(name) }
                    accepted += 1
                } catch {
                    continue
                }
            }
        }
        #expect(accepted > 0, "flips inside names and metadata still make valid files")
    }

    @Test("A missing file, a directory and a missing tensor are named")
    func namesWhatIsMissing() throws {
        let missing = #expect(throws: SafetensorsError.self) {
            try SafetensorsFile(path: "/tmp/no-such-file.safetensors")
        }
        #expect(missing?.description == "/tmp/no-such-file.safetensors: cannot open: No such file or directory")
        #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: "/tmp") }
        let read = try SafetensorsFile(
            bytes: SafetensorsWriter.encode([TensorContents(name: "a", shape: [1], floats: [1])]))
        #expect(throws: SafetensorsError.missing(name: "b")) { try read.floats("b") }
    }

    @Test("The writer refuses what would not read back")
    func writerRefuses() throws {
        let a = TensorContents(name: "a", shape: [1], floats: [1])
        #expect(throws: Never.self) { try SafetensorsWriter.encode([a]) }
        #expect(throws: SafetensorsError.self) { try SafetensorsWriter.encode([a, a]) }
        #expect(throws: SafetensorsError.self) {
            try SafetensorsWriter.encode([TensorContents(name: "a", shape: [2], floats: [1])])
        }
        #expect(throws: SafetensorsError.self) {
            try SafetensorsWriter.encode([TensorContents(name: "__metadata__", shape: [1], floats: [1])])
        }
    }
}
