import Encryption
import Federation
import Publication
import Sodium
import StageKit

/// The adapter after a round's step, and what the optimiser takes on to the next.
struct SteppedModel: Sendable {
    let adapter: StoredVector
    let moments: OuterMoments
    /// What clouds need of it that have the adapter before; nil for all values.
    let change: AdapterChange?

    /// What goes to each cloud.
    var byteCount: Int {
        switch change {
        case .values(let values): values.count
        case .sums(let payload, _, _): payload.count
        case nil: adapter.count * 4
        }
    }
}

/// What an update has changed.
enum AdapterChange: Sendable {
    /// The values that were summed, as they are now, f32: where not all were.
    case values([UInt8])
    /// The sums themselves.
    case sums(payload: Payload, digest: Digest, AdapterAbout.Sums)
}

/// What publish's optimiser remembers from round to round, in the order of `OuterOptimizer.initialMoments`.
struct OuterMoments: Sendable {
    let optimizer: OuterOptimizer.Name
    let vectors: [StoredVector]

    static let none = OuterMoments(optimizer: .average, vectors: [])
}

/// A round's step over the newest adapter, block by block; runs on any thread.
struct ModelStep: Sendable {
    let step: OuterStep
    let round: RoundNumber
    let start: StoredVector
    /// Those of the round before; of another optimiser they mean nothing here.
    let moments: OuterMoments
    /// Where the next adapter and its moments go.
    let paths: [String]
    /// A second name for the adapter, under which it is sent.
    let spooled: String?
    /// The values that are summed; nil for all. The others stay as they are.
    var places: ValueMask?
    /// Where the sums are written down; nil where their clouds get values.
    var sums: SumsWriter?

    /// - Parameter open: hands over the round's sums, block by block from front to back: as they were quantised; their places in the
    ///   layout, and they.
    func run(
        _ open: (
            _ whole: @escaping ([UInt64]) throws -> Void, _ body: @escaping (Range<Int>, [Double]) throws -> Void
        ) throws -> Void
    ) throws -> SteppedModel {
        let written = sums?.begin()
        func decoded(_ body: @escaping (Range<Int>, [Double]) throws -> Void) throws {
            try open({ try written?.append($0) }, body)
        }
        let values = try start.reader()
        let past: [(Range<Int>) throws -> [Float]] =
            if moments.optimizer == step.optimizer.name {
                try moments.vectors.map { try $0.reader() }
            } else {
                step.optimizer.initialMoments.map { initial in
                    { [Float](repeating: Float(initial), count: $0.count) }
                }
            }
        let writers = try paths.map { try VectorWriter(round: round, path: $0) }
        var changed: [UInt8] = []
        func advance(_ range: Range<Int>, _ sums: [Double]) throws {
            let next = try step.apply(to: values(range), moments: past.map { try $0(range) }, weightedSum: sums)
            try writers[0].append(next.values)
            for (writer, moment) in zip(writers.dropFirst(), next.moments) { try writer.append(moment) }
            guard let places, written == nil else { return }
            for place in range where places.contains(place) {
                withUnsafeBytes(of: next.values[place - range.lowerBound].bitPattern.littleEndian) {
                    changed.append(contentsOf: $0)
                }
            }
        }
        if let places {
            try spread(over: places, decoded, advance)
        } else {
            try decoded(advance)
        }
        return SteppedModel(
            // One file under two names: the spool's goes when every cloud has it, the model's with the next adapter.
            adapter: try writers[0].finish(linkedAs: spooled),
            moments: OuterMoments(
                optimizer: step.optimizer.name, vectors: try writers.dropFirst().map { try $0.finish(linkedAs: nil) }),
            change: try written?.finish() ?? places.map { _ in .values(changed) })
    }

    /// Sums of the values at `places` as those of all values, where the others' are 0.
    private func spread(
        over places: ValueMask, _ open: (@escaping (Range<Int>, [Double]) throws -> Void) throws -> Void,
        _ body: (Range<Int>, [Double]) throws -> Void
    ) throws {
        let gathered = Gathered()
        try open { gathered.sums += $1 }
        var next = 0
        for first in stride(from: 0, to: places.values, by: 1 << 16) {
            let range = first..<min(first + (1 << 16), places.values)
            try body(
                range,
                range.map { place in
                    guard places.contains(place) else { return 0 }
                    defer { next += 1 }
                    return gathered.sums[next]
                })
        }
    }

    private final class Gathered { var sums: [Double] = [] }
}
