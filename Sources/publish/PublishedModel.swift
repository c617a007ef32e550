import Adapter
import Federation
import FineTuning
import Glibc
import Publication
import Sodium
import StageKit
import Topology

/// An adapter's values as they are released.
struct ReleasedAdapter: Sendable {
    let round: RoundNumber
    let values: [Float]
    let digest: Digest

    init(round: RoundNumber, values: [Float]) {
        self.round = round
        self.values = values
        digest = values.withUnsafeBytes { Digest(of: $0) }  // this platform is little-endian, as a ClearVector is
    }

    /// Writes the values to a synced file, under a second name too where one is given.
    func write(to path: String, linkedAs other: String?) throws {
        let file = try SpoolFile(creating: path)
        try values.withUnsafeBytes { try file.append(contentsOf: $0) }
        if let other { try file.link(as: other) }
        try file.sync()
    }

    /// What the journal says of it.
    var note: [UInt8] { Array("\(round) \(digest)".utf8) }
}

/// What the run trains, and where its values stand: in memory, and in a file of the stage's state that the journal names.
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
            current = ReleasedAdapter(
                round: RoundNumber(0), values: try LowRankAdapter(initial: configuration, base: base.shape).trained)
        case .values(let count):
            base = nil
            configuration = nil
            plan = AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: parts.configuration.seed, baseModel: "none",
                baseDigest: "", tokenizerDigest: "")
            current = ReleasedAdapter(round: RoundNumber(0), values: [Float](repeating: 0, count: count))
        }
        count = current.values.count
        if let saved = try parts.context.journal.read({ try $0.fact("adapter") }) { current = try load(saved) }
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
    func path(of round: RoundNumber) -> String { "\(directory)/adapter-\(round).f32" }

    private func load(_ saved: [UInt8]) throws -> ReleasedAdapter {
        let parts = String(decoding: saved, as: UTF8.self).split(separator: " ")
        guard parts.count == 2, let round = UInt32(parts[0]) else {
            throw StageError.journal("the journal's note of the adapter is damaged")
        }
        let path = path(of: RoundNumber(round))
        let values = try ClearVector.floats(SpoolFile(reading: path).read(0..<(count * 4)))
        let adapter = ReleasedAdapter(round: RoundNumber(round), values: values)
        guard adapter.digest.description == parts[1] else {
            throw StageError.journal("\(path) is not the adapter of round \(round) that the journal names")
        }
        return adapter
    }
}
