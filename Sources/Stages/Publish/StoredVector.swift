import Federation
import Sodium
import StageKit

/// As many values as the adapter has, as a round made them. They lie in a file of the stage's state, and are never in memory all at
/// once but to write a release's folder.
struct StoredVector: Sendable {
    let round: RoundNumber
    let digest: Digest
    let path: String
    let count: Int

    /// What the journal says of it.
    var note: String { "\(round) \(digest)" }

    func values() throws -> [Float] { try SpoolFile(reading: path).floats(0..<count * 4) }

    /// Reads the values in a range, with the file open throughout.
    func reader() throws -> (Range<Int>) throws -> [Float] {
        let file = try SpoolFile(reading: path)
        return { try file.floats($0.lowerBound * 4..<$0.upperBound * 4) }
    }
}

extension StoredVector {
    /// Finds again what the journal names, by its digest.
    ///
    /// - Parameters:
    ///   - note: what `note` was, without the round: hexadecimal.
    ///   - what: for the error.
    init(_ what: String, of round: RoundNumber, at path: String, digest note: Substring, count: Int) throws {
        let digest = try Payload.file(path: path, count: count * 4).withBytes { Digest(ofContent: $0) }
        guard digest.description == note else {
            throw StageError.journal("\(path) is not the \(what) of round \(round) that the journal names")
        }
        self.init(round: round, digest: digest, path: path, count: count)
    }
}

/// Writes values from front to back, and digests them on the way.
final class VectorWriter {
    private let round: RoundNumber
    private let file: SpoolFile
    private let hasher = Digest.ContentHasher()

    init(round: RoundNumber, path: String) throws {
        self.round = round
        file = try SpoolFile(creating: path)
    }

    func append(_ values: [Float]) throws {
        try values.withUnsafeBytes { bytes in  // this platform is little-endian, as a ClearVector is
            hasher.update(bytes)
            try file.append(contentsOf: bytes)
        }
    }

    /// Syncs the file, under a second name too where one is given.
    func finish(linkedAs other: String?) throws -> StoredVector {
        if let other { try file.link(as: other) }
        try file.sync()
        return StoredVector(round: round, digest: hasher.finish(), path: file.path, count: file.count / 4)
    }
}
