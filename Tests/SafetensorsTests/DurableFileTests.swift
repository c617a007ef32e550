import Glibc
import Safetensors
import Testing

func unlinkFile(_ path: String) { _ = unlink(path) }

struct DurableFileTests {
    @Test("A file is replaced whole, read back under a limit, and never created over another")
    func replaces() throws {
        let path = "/tmp/tributary-durable-\(UInt64.random(in: 0 ... .max))"
        defer { unlinkFile(path) }
        try DurableFile.create(path, [1, 2, 3])
        #expect(throws: SafetensorsError.system(operation: "create", path: path, code: EEXIST)) {
            try DurableFile.create(path, [4])
        }
        #expect(try DurableFile.read(path, limit: 3) == [1, 2, 3])
        try DurableFile.replace(path, with: [5, 6])
        #expect(try DurableFile.read(path, limit: 3) == [5, 6])
        #expect(throws: SafetensorsError.tooLarge(path: path, byteCount: 2, limit: 1)) {
            try DurableFile.read(path, limit: 1)
        }
    }
}
