import Glibc
import Synchronization

/// Files for decoders that read files: in a folder of this process alone, on a file system in memory where there is one.
package enum ScratchFile {
    private static let folder: String = {
        for parent in ["/dev/shm", "/tmp"] {
            var template = Array("\(parent)/tributary-decoders-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { continue }
            atexit { rmdir(ScratchFile.folder) }
            return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        preconditionFailure("no folder for scratch files: \(errno)")
    }()
    private static let turn = Mutex<Void>(())

    /// Lends a folder that holds the one file of that name, to one borrower at a time; whatever is in it is removed then.
    package static func lend<Result>(
        _ name: String, _ bytes: some Collection<UInt8>, _ body: (_ folder: String) throws -> Result
    ) throws -> Result {
        try turn.withLock { _ in
            let path = "\(folder)/\(name)"
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            let bytes = Array(bytes)
            precondition(file >= 0 && write(file, bytes, bytes.count) == bytes.count, "\(path): \(errno)")
            close(file)
            defer { empty() }
            return try body(folder)
        }
    }

    private static func empty() {
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(folder)/\(name)")
        }
    }
}

extension ScratchFile {
    /// A small file, whole.
    package static func read(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        precondition(file >= 0, "\(path): \(errno)")
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(file, &bytes, bytes.count)
        precondition(count >= 0, "\(path): \(errno)")
        return Array(bytes[..<count])
    }
}
