import Federation
import JSONText
import Safetensors
import Sodium

/// Reads a list of rounds once, from front to back, and holds it to what releases say of it.
struct RoundListCheck {
    private let path: String

    init(_ path: String) { self.path = path }

    /// Throws what is wrong. What the list holds behind the newest release's part is of later releases, and is left alone.
    func check(_ releases: [ReleaseManifest]) throws {
        var awaited = releases.sorted { $0.history.byteCount > $1.history.byteCount }
        let hasher = SHA256.Hasher()
        var (rounds, byteCount) = (0, 0)
        var last: RoundNumber?
        // As many as one release may list.
        var newest: [ReleaseManifest.Round] = []
        let mostListed = releases.map(\.rounds.count).max() ?? 0
        var lines = try LineReader(path, longest: RoundList.longestLine)
        while let release = awaited.last {
            guard let line = try lines.next() else {
                throw fault(
                    "it ends after \(rounds) rounds; the release of round \(release.round) lists \(release.history.rounds)"
                )
            }
            let round: ReleaseManifest.Round
            do { round = try ReleaseManifest.Round(line: line) } catch { throw fault("line \(rounds + 1): \(error)") }
            guard last.map({ $0 < round.round }) ?? true else {
                throw fault("line \(rounds + 1): round \(round.round) does not come after the line before")
            }
            last = round.round
            rounds += 1
            byteCount += line.count + 1
            hasher.update(line)
            hasher.update([UInt8(ascii: "\n")])
            newest.append(round)
            if newest.count > max(64, 2 * mostListed) { newest.removeFirst(newest.count - mostListed) }
            guard byteCount >= release.history.byteCount else { continue }
            guard byteCount == release.history.byteCount, rounds == release.history.rounds,
                hasher.copy().finish() == release.history.sha256,
                newest.suffix(release.rounds.count).elementsEqual(release.rounds)
            else {
                throw fault(
                    "its first \(rounds) rounds are not those that the release of round \(release.round) names: it was changed"
                )
            }
            awaited.removeLast()
        }
    }

    private func fault(_ reason: String) -> PublicationError { .list(path: path, reason) }
}

extension ReleaseManifest.Round {
    /// All rounds that are listed beside the releases in `directory`. Trusts the list: `ReleaseVerification` is what checks it.
    package static func listed(in directory: String) throws -> [Self] {
        var lines = try LineReader("\(directory)/\(RoundList.name)", longest: RoundList.longestLine)
        var rounds: [Self] = []
        while let line = try lines.next() { rounds.append(try Self(line: line)) }
        return rounds
    }
}

/// The lines of a file, one after the other, without their ends.
private struct LineReader {
    private let reader: FileReader
    private let path: String
    private let longest: Int
    private var buffer: [UInt8] = []
    private var start = 0

    init(_ path: String, longest: Int) throws {
        reader = try FileReader(path)
        self.path = path
        self.longest = longest
    }

    /// Nil at the end of the file; what has no end of line there is no line.
    mutating func next() throws -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return Array(buffer[start..<end])
            }
            guard buffer.count - start <= longest else {
                throw PublicationError.list(path: path, "a line of more than \(longest) bytes")
            }
            buffer.removeFirst(start)
            start = 0
            searched = buffer.count
            let piece = try reader.read(atMost: 1 << 16)
            guard !piece.isEmpty else { return nil }
            buffer += piece
        }
    }
}
