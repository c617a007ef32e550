import FoundationEssentials
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
        let reader = try FileReader(path)
        let hasher = SHA256.Hasher()
        var total = 0
        while true {
            let piece = try reader.read(atMost: 1 << 20)
            guard !piece.isEmpty else { return (hasher.finish(), total) }
            hasher.update(piece)
            total += piece.count
        }
    }
}
