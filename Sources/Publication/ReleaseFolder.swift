import FoundationEssentials
import Glibc
import Safetensors
import Sodium

/// Reading what lies in a directory of releases.
enum ReleaseFolder {
    static func name(round: UInt32) -> String {
        let digits = String(round)
        return "round-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// The round that a folder's name states; nil for any other name.
    static func round(ofName name: String) -> UInt32? {
        guard name.hasPrefix("round-"), let round = UInt32(name.dropFirst(6)), self.name(round: round) == name else {
            return nil
        }
        return round
    }

    static func entries(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    /// The rounds that have a release in `directory`, ascending.
    static func rounds(in directory: String) throws -> [UInt32] {
        try entries(directory).compactMap(round(ofName:)).sorted()
    }

    /// A manifest's bytes, what they say, and their SHA-256.
    static func manifest(in folder: String) throws -> (manifest: ReleaseManifest, bytes: [UInt8], sha256: String) {
        let path = "\(folder)/\(ReleaseManifest.name)"
        let bytes = try DurableFile.read(path, limit: ReleaseManifest.maximumByteCount)
        return (try ReleaseManifest(bytes), bytes, SHA256.hex(of: bytes))
    }

    /// SHA-256 and size of a file, read piece by piece. Symbolic links are not followed.
    static func digest(_ path: String) throws -> (sha256: String, byteCount: Int) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { throw SafetensorsError.system(operation: "open", path: path, code: errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SafetensorsError.system(operation: "read what is not a regular file", path: path, code: EINVAL)
        }
        let hasher = SHA256.Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var total = 0
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SafetensorsError.system(operation: "read", path: path, code: errno) }
            guard count > 0 else { return (hasher.finish(), total) }
            hasher.update(buffer[..<count])
            total += count
        }
    }
}
