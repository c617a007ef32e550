import Adapter
import Federation
import FineTuning
import Glibc
import Publication
import Sodium
import StageKit
import Topology

/// What the run trains, and where its values stand: in a file of the stage's state that the journal names.
final class PublishedModel {
    private let untrained: UntrainedModel
    private let directory: String
    private(set) var current: StoredVector
    /// The adapter before it, where compression asks how the last update moved it.
    private(set) var previous: StoredVector?
    private let keepsPrevious: Bool
    private var moments: OuterMoments

    /// Round 0 is the untrained adapter.
    var round: RoundNumber { current.round }
    var digest: Digest { current.digest }

    var base: BaseModel? { untrained.base }
    var configuration: AdapterConfiguration? { untrained.configuration }
    var plan: AdapterPlan { untrained.plan }
    private var count: Int { untrained.count }

    init(_ parts: StageParts<PublishConfiguration>, untrained: UntrainedModel) throws {
        self.untrained = untrained
        let count = untrained.count
        directory = parts.topology.stateFolder(of: parts.context.stage)
        keepsPrevious = parts.configuration.compression?.needsStep ?? false
        let (adapter, before, moments) = try parts.context.journal.read {
            (try $0.fact(Self.adapterFact), try $0.fact(Self.previousFact), try $0.fact(Self.momentsFact))
        }
        if adapter != nil, let last = try parts.context.latestOpening()?.content.adapter {
            try untrained.check(goesOnFrom: last)
        }
        if let moments {
            self.moments = try Self.moments(moments, from: directory, count: count)
        } else {
            self.moments = .none
        }
        if let adapter {
            current = try Self.adapter(adapter, from: directory, count: count)
        } else {
            let writer = try VectorWriter(round: RoundNumber(0), path: Self.path(of: RoundNumber(0), in: directory))
            try untrained.write(to: writer)
            current = try writer.finish(linkedAs: nil)
        }
        if let before, !before.isEmpty {
            previous = try Self.adapter(before, from: directory, count: count)
        } else {
            previous = nil
        }
    }

    /// - Parameter turn: of which update (from 1); nil for all that is released.
    func layout(range: Double, ofUpdate turn: Int? = nil) throws -> VectorLayout {
        try untrained.layout(range: range, ofUpdate: turn)
    }

    /// What a round's sums do to the adapter.
    ///
    /// - Parameter places: the values that were summed; nil for all.
    func stepping(
        _ step: OuterStep, at places: ValueMask?, round: RoundNumber, linkedAs spooled: String?, sums: SumsWriter?
    ) -> ModelStep {
        let count = 1 + step.optimizer.initialMoments.count
        return ModelStep(
            step: step, round: round, start: current, moments: moments, paths: Array(paths(of: round).prefix(count)),
            spooled: spooled, places: places, sums: sums)
    }

    /// The values that an update changes; nil for all.
    func places(_ opening: Opening) throws -> ValueMask? {
        if let places = opening.compression?.places { return places }
        guard let base, let configuration else { return nil }
        return try configuration.places(
            of: configuration.factor(in: opening.layout, of: base.shape), in: base.shape)
    }

    /// How the last update moved the adapter, and the round of the adapter before; nil where that is not known.
    func lastStep() throws -> (since: RoundNumber, step: ReleasedStep)? {
        guard let previous else { return nil }
        return (previous.round, ReleasedStep(from: try previous.values(), to: try current.values()))
    }

    /// Writes into the journal what `take` is to be called with.
    func note(_ next: SteppedModel, in entry: JournalEntry) throws {
        try entry.setFact(Self.adapterFact, Array(next.adapter.note.utf8))
        try entry.setFact(Self.previousFact, keepsPrevious ? Array(current.note.utf8) : [])
        let digests = next.moments.vectors.map(\.digest.description)
        try entry.setFact(
            Self.momentsFact,
            Array(([next.moments.optimizer.rawValue, "\(next.adapter.round)"] + digests).joined(separator: " ").utf8))
    }

    /// To be called once the journal names the adapter: the files of the one before go.
    func take(_ next: SteppedModel) {
        let old = [current] + moments.vectors + [previous].compactMap(\.self)
        previous = keepsPrevious ? current : nil
        let kept = Set(([next.adapter] + next.moments.vectors + [previous].compactMap(\.self)).map(\.path))
        current = next.adapter
        moments = next.moments
        for vector in old where !kept.contains(vector.path) { unlink(vector.path) }
    }

    /// Files of a round, the adapter's first and moments behind it: those that the journal names are never those that are being
    /// written.
    func paths(of round: RoundNumber) -> [String] {
        [Self.path(of: round, in: directory)] + (0..<2).map { Self.momentPath($0, of: round, in: directory) }
    }

    static let adapterFact = "adapter"
    private static let previousFact = "adapter-before"
    private static let momentsFact = "moments"

    private static func path(of round: RoundNumber, in directory: String) -> String {
        "\(directory)/adapter-\(round).f32"
    }

    private static func momentPath(_ index: Int, of round: RoundNumber, in directory: String) -> String {
        "\(directory)/moment-\(index)-\(round).f32"
    }

    private static func adapter(_ saved: [UInt8], from directory: String, count: Int) throws -> StoredVector {
        let parts = String(decoding: saved, as: UTF8.self).split(separator: " ")
        guard parts.count == 2, let number = UInt32(parts[0]) else {
            throw StageError.journal("the journal's note of the adapter is damaged")
        }
        let round = RoundNumber(number)
        return try StoredVector(
            "adapter", of: round, at: path(of: round, in: directory), digest: parts[1], count: count)
    }

    private static func moments(_ saved: [UInt8], from directory: String, count: Int) throws -> OuterMoments {
        let parts = String(decoding: saved, as: UTF8.self).split(separator: " ")
        guard parts.count >= 2, let optimizer = OuterOptimizer.Name(rawValue: String(parts[0])),
            let number = UInt32(parts[1])
        else { throw StageError.journal("the journal's note of the outer optimiser's moments is damaged") }
        let round = RoundNumber(number)
        return OuterMoments(
            optimizer: optimizer,
            vectors: try parts.dropFirst(2).enumerated().map { index, digest in
                try StoredVector(
                    "moment", of: round, at: momentPath(index, of: round, in: directory), digest: digest, count: count)
            })
    }
}
