import Adapter
import Federation
import FineTuning
import Glibc
import Publication
import Sodium
import StageKit
import Topology

/// An adapter as it is released: its values lie in a file, and are never in memory all at once but to write them as a folder.
struct ReleasedAdapter: Sendable {
    let round: RoundNumber
    let digest: Digest
    let path: String
    let count: Int

    /// What the journal says of it.
    var note: [UInt8] { Array("\(round) \(digest)".utf8) }

    func values() throws -> [Float] { try SpoolFile(reading: path).floats(0..<count * 4) }

    /// Lends `SpoolFile`'s values in `range` of the layout to `body`, with the file open throughout.
    func reader() throws -> (Range<Int>) throws -> [Float] {
        let file = try SpoolFile(reading: path)
        return { try file.floats($0.lowerBound * 4..<$0.upperBound * 4) }
    }
}

/// Writes the values of an adapter from front to back, and digests them on the way.
struct AdapterWriter: ~Copyable {
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
    consuming func finish(linkedAs other: String?) throws -> ReleasedAdapter {
        if let other { try file.link(as: other) }
        try file.sync()
        return ReleasedAdapter(round: round, digest: hasher.finish(), path: file.path, count: file.count / 4)
    }
}

/// What the run trains, and where its values stand: in a file of the stage's state that the journal names.
final class PublishedModel {
    let base: BaseModel?
    let configuration: AdapterConfiguration?
    let plan: AdapterPlan
    private let directory: String
    private let count: Int
    private(set) var current: ReleasedAdapter

    /// Round 0 is the untrained adapter.
    var round: RoundNumber { current.round }
    var digest: Digest { current.digest }

    init(_ parts: StageParts<PublishConfiguration>) throws {
        directory = parts.topology.stateFolder(of: parts.context.stage)
        let untrained: (borrowing AdapterWriter) throws -> Void
        switch parts.configuration.model {
        case .adapter(let folder, let configuration):
            let base = try BaseModel(directory: folder)
            guard let tokenizer = base.tokenizerDigest else {
                throw StageError.configuration(
                    "\(folder) has no tokenizer.json, so shards could not be checked against it")
            }
            self.base = base
            self.configuration = configuration
            plan = configuration.plan(baseDigest: base.digest.description, tokenizerDigest: tokenizer.description)
            let initial = try LowRankAdapter(initial: configuration, base: base.shape).trained
            count = initial.count
            untrained = { try $0.append(initial) }
        case .values(let count):
            base = nil
            configuration = nil
            plan = AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: parts.configuration.seed, baseModel: "none",
                baseDigest: "", tokenizerDigest: "")
            self.count = count
            untrained = { writer in
                let zeros = [Float](repeating: 0, count: min(count, 1 << 16))
                for start in stride(from: 0, to: count, by: zeros.count) {
                    try writer.append(Array(zeros.prefix(count - start)))
                }
            }
        }
        if let saved = try parts.context.journal.read({ try $0.fact("adapter") }) {
            current = try Self.load(saved, from: directory, count: count)
        } else {
            let writer = try AdapterWriter(round: RoundNumber(0), path: Self.path(of: RoundNumber(0), in: directory))
            try untrained(writer)
            current = try writer.finish(linkedAs: nil)
        }
    }

    func layout(range: Double) throws -> VectorLayout {
        if let base, let configuration { return try configuration.layout(of: base.shape, range: range) }
        return try VectorLayout([.init(name: "values", shape: [count], range: range)])
    }

    /// To be called once the journal names the adapter: the file of the one before goes.
    func take(_ adapter: ReleasedAdapter) {
        let old = path(of: current.round)
        current = adapter
        if old != path(of: adapter.round) { unlink(old) }
    }

    /// A file for each round: the one that the journal names is never the one that is being written.
    func path(of round: RoundNumber) -> String { Self.path(of: round, in: directory) }

    private static func path(of round: RoundNumber, in directory: String) -> String {
        "\(directory)/adapter-\(round).f32"
    }

    private static func load(_ saved: [UInt8], from directory: String, count: Int) throws -> ReleasedAdapter {
        let parts = String(decoding: saved, as: UTF8.self).split(separator: " ")
        guard parts.count == 2, let round = UInt32(parts[0]) else {
            throw StageError.journal("the journal's note of the adapter is damaged")
        }
        let path = path(of: RoundNumber(round), in: directory)
        let digest = try Payload.file(path: path, count: count * 4).withBytes { Digest(ofContent: $0) }
        guard digest.description == parts[1] else {
            throw StageError.journal("\(path) is not the adapter of round \(round) that the journal names")
        }
        return ReleasedAdapter(round: RoundNumber(round), digest: digest, path: path, count: count)
    }
}
