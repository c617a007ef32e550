import Federation
import Publication
import StageKit

/// The adapter after a round's step, and what the optimiser takes on to the next.
struct SteppedModel: Sendable {
    let adapter: StoredVector
    let moments: OuterMoments
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

    /// - Parameter open: hands over the round's sums, block by block from front to back: their places in the layout, and they.
    func run(_ open: (@escaping (Range<Int>, [Double]) throws -> Void) throws -> Void) throws -> SteppedModel {
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
        try open { range, sums in
            let next = try step.apply(to: values(range), moments: past.map { try $0(range) }, weightedSum: sums)
            try writers[0].append(next.values)
            for (writer, moment) in zip(writers.dropFirst(), next.moments) { try writer.append(moment) }
        }
        return SteppedModel(
            // One file under two names: the spool's goes when every cloud has it, the model's with the next adapter.
            adapter: try writers[0].finish(linkedAs: spooled),
            moments: OuterMoments(
                optimizer: step.optimizer.name, vectors: try writers.dropFirst().map { try $0.finish(linkedAs: nil) }))
    }
}
