import Foundation
import Safetensors
import Testing

/// Against the reference implementation, where a Python that has it is at hand.
struct ReferenceTests {
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

    private func run(_ script: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(ReferenceTests.python))
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: text, as: UTF8.self)
    }

    @Test(
        "Our file is byte for byte the reference library's, and each reads the other's",
        .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a Python with safetensors and numpy"))
    func matchesReference() throws {
        let path = "/tmp/tributary-reference-\(UInt64.random(in: 0 ... .max)).safetensors"
        defer { unlinkFile(path) }
        let script = """
            import sys, numpy as np
            from safetensors.numpy import save_file, load_file
            t = {"z.f32": np.array([[1.5, -2.25]], np.float32), "a.f32": np.zeros((3,), np.float32),
                 "i64": np.array([1, -1], np.int64), "f64": np.array(0.1), "u8": np.arange(5, dtype=np.uint8),
                 "f16": np.array([1, 0.5, 65504], np.float16), "flag": np.array([True, False]),
                 "i32": np.array([7], np.int32), "i16": np.array([-7], np.int16), "i8": np.array([-1, 1], np.int8)}
            save_file(t, sys.argv[1], metadata={"format": "pt"})
            """
        _ = try run(script, [path])
        let theirs = try DurableFile.read(path, limit: 1 << 20)
        let file = try SafetensorsFile(bytes: theirs)
        #expect(try file.floats("z.f32") == [1.5, -2.25])
        #expect(try file.floats("f16") == [1, 0.5, 65504])
        #expect(try file.integers("i16", as: Int16.self) == [-7])
        #expect(file.tensors["f64"]?.shape == [])
        let contents = try file.tensors.values.map { entry in
            TensorContents(name: entry.name, type: entry.type, shape: entry.shape, bytes: try file.bytes(entry.name))
        }
        #expect(try SafetensorsWriter.encode(contents, metadata: file.metadata) == theirs)
    }
}
