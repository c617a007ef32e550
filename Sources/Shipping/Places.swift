package import Federation
internal import Glibc
package import Monitoring

/// How far a sink has come in the spools of a cloud's stages: a small file that is replaced as a whole.
package struct Places {
    let path: String
    private(set) var kept: [StageName: SpoolReader.Place]

    /// What an earlier monitor has kept; nothing where there is none. A file that cannot be used is as good as none: events come
    /// twice then, and none is missing.
    init(path: String) {
        self.path = path
        kept = [:]
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return }
        kept = Self.places(in: String(decoding: bytes[..<count], as: UTF8.self))
    }

    /// What `text` writes; a line that is none of ours is left out.
    package static func places(in text: String) -> [StageName: SpoolReader.Place] {
        var places: [StageName: SpoolReader.Place] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let place = SpoolReader.Place(String(parts[1])) else { continue }
            for stage in Self.stage(String(parts[0])) { places[stage] = place }
        }
        return places
    }

    /// A line for each stage.
    package static func text(_ places: [StageName: SpoolReader.Place]) -> String {
        places.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.text)\n" }.joined()
    }

    private static func stage(_ text: String) -> [StageName] {
        do { return [try StageName(text)] } catch { return [] }  // a line that is none of ours
    }

    /// Keeps these, should this process be killed or the host lose its power.
    mutating func keep(_ places: [StageName: SpoolReader.Place]) throws {
        guard places != kept else { return }
        let text = Self.text(places)
        let draft = "\(path).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SinkFault("open \(draft)", errno: errno) }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard write(file, bytes, bytes.count) == bytes.count else { throw SinkFault("write \(draft)", errno: errno) }
        guard rename(draft, path) == 0 else { throw SinkFault("rename \(draft)", errno: errno) }
        kept = places
    }
}
