import Encryption
import Federation
import Glibc
import Keys
import Publication
import Sodium

/// Computes what a run publishes from who was in which round, without wires, journals, schemes or stages: each cloud's values,
/// quantised and added up as integers.
final class Replay {
    private struct Part: Hashable {
        let cloud: CloudName
        let base: RoundNumber
        let round: RoundNumber
        let values: Int
        let weight: Float
        let partition: WorkerPartition?
    }

    private let keys: KeyStore
    private var quantised: [Part: [UInt32]] = [:]
    /// Values in it: a round of the longest plans has as many as thousands of others together.
    private var kept = 0
    private static let mostKept = 2_000_000

    init(keys: KeyStore) { self.keys = keys }

    /// What local-train makes where it trains nothing (`trainer: none`), written anew: xorshift64, 24 bits a value.
    static func delta(
        of cloud: CloudName, worker: Int = 1, round: RoundNumber, layout: VectorLayout
    ) -> [Float] {
        var state = (worker == 1 ? "\(cloud)" : "\(cloud)/\(worker)").utf8.reduce(14_695_981_039_346_656_037 as UInt64)
        {
            ($0 ^ UInt64($1)) &* 1_099_511_628_211
        }
        state = state &+ UInt64(round.value) &* 0x9e37_79b9_7f4a_7c15
        return layout.segments.flatMap { segment in
            (0..<segment.count).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return Float(segment.range) * (Float(state >> 40) / Float(1 << 23) - 1)
            }
        }
    }

    /// What a cloud's workers have trained together, each on its part of every batch: the parts by the largest remainder, of as many
    /// records as there are at most.
    private static func delta(
        of cloud: CloudName, _ partition: WorkerPartition?, base: RoundNumber, in opening: Opening
    ) -> [Float] {
        guard let partition, let training = opening.training else {
            return delta(of: cloud, round: base, layout: opening.layout)
        }
        let records = partition.parts.map(\.records)
        let all = records.reduce(0, +)
        let size = min(training.batchSize, all)
        var parts = records.map { $0 * size / all }
        let order = records.indices.sorted { (-(records[$0] * size % all), $0) < (-(records[$1] * size % all), $1) }
        for place in order[..<(size - parts.reduce(0, +))] { parts[place] += 1 }
        let deltas = partition.parts.map {
            delta(of: cloud, worker: $0.worker, round: base, layout: opening.layout)
        }
        return deltas[0].indices.map { index in
            Float(zip(parts, deltas).reduce(0.0) { $0 + Double($1.0) * Double($1.1[index]) } / Double(size))
        }
    }

    /// - Parameter base: the round that it was trained for; it counts less for each update that was released since.
    private func part(
        of cloud: CloudName, _ partition: WorkerPartition?, base: RoundNumber, in opening: Opening
    ) throws -> [UInt32] {
        var factor = opening.foldedWeight(of: cloud)
        if let pace = opening.pace {
            let since = pace.recent.updates.filter { $0.round.value >= base.value }.count
            factor *= exp(-pace.discount * log(1 + Double(since)))
        }
        let weight = Float(factor)
        let key = Part(
            cloud: cloud, base: base, round: opening.round, values: opening.layout.count, weight: weight,
            partition: partition)
        if let known = quantised[key] { return known }
        let values = Replay.delta(of: cloud, partition, base: base, in: opening).map { $0 * weight }
        let rounding = StochasticRounding(
            secret: try keys.roundingSecret(of: cloud), run: opening.run, round: opening.round, cloud: cloud)
        let made = try Quantiser(layout: opening.layout, bits: opening.bits).quantise(
            values, rounding: .stochastic(rounding)
        ).values
        if kept + made.count > Replay.mostKept { (quantised, kept) = ([:], 0) }
        quantised[key] = made
        kept += made.count
        return made
    }

    /// A compressed update: the same with what was left out before, at the places alone; what is left out now is answered too.
    private func compressed(
        of cloud: CloudName, _ partition: WorkerPartition?, in opening: Opening, _ plan: CompressionPlan,
        leftOut: [Float]?
    ) throws -> (integers: [UInt32], leftOut: [Float]) {
        let whole = zip(
            Replay.delta(of: cloud, partition, base: opening.round, in: opening),
            leftOut ?? [Float](repeating: 0, count: opening.layout.count)
        ).map { $0 + $1 }
        let places = (0..<whole.count).filter { plan.places?.contains($0) ?? true }
        let length = places.reduce(0.0) { $0 + Double(whole[$1]) * Double(whole[$1]) }.squareRoot()
        let shortened = places.map { place -> Float in
            length > opening.clipNorm ? Float(Double(whole[place]) * (opening.clipNorm / length)) : whole[place]
        }
        // Each tensor's part of the places on a range of its own, under the streams of its name.
        var (segments, first): ([VectorLayout.Segment], Int) = ([], 0)
        for segment in opening.layout.segments {
            let count = places.filter { first..<first + segment.count ~= $0 }.count
            if count > 0 { segments.append(.init(name: segment.name, shape: [count], range: segment.range)) }
            first += segment.count
        }
        let weight = Float(opening.foldedWeight(of: cloud))
        let quantiser = try Quantiser(layout: VectorLayout(segments), bits: opening.bits)
        let rounding = StochasticRounding(
            secret: try keys.roundingSecret(of: cloud), run: opening.run, round: opening.round, cloud: cloud)
        let integers = try quantiser.quantise(shortened.map { $0 * weight }, rounding: .stochastic(rounding)).values
        var left = whole
        for ((place, integer), step) in zip(
            zip(places, integers),
            segments.flatMap { [Double](repeating: $0.range / Double(1 << (opening.bits - 1) - 1), count: $0.count) })
        {
            let counted = step * Double(Int64(integer) - Int64(1) << Int64(opening.bits - 1)) / Double(weight)
            left[place] = Float(plan.feedback * (Double(whole[place]) - counted))
        }
        for place in left.indices where !(plan.places?.contains(place) ?? true) {
            left[place] = Float(plan.feedback * Double(whole[place]))
        }
        return (integers, left)
    }

    /// Takes the model through a compressed round; what a cloud left out counts from here if it is in the sum.
    private func step(
        _ model: inout ReplayedModel, _ opening: Opening, _ plan: CompressionPlan, cohort: [CloudName],
        _ partitions: [CloudName: WorkerPartition]
    ) throws {
        let places = (0..<opening.layout.count).filter { plan.places?.contains($0) ?? true }
        var sums = [UInt64](repeating: 0, count: places.count)
        for cloud in cohort {
            let made = try compressed(
                of: cloud, partitions[cloud], in: opening, plan, leftOut: model.leftOut[cloud])
            for (index, integer) in made.integers.enumerated() { sums[index] += UInt64(integer) }
            model.leftOut[cloud] = made.leftOut
        }
        let decoded = try Quantiser(layout: opening.sealed, bits: opening.bits).dequantise(
            sums, of: 0..<sums.count, contributions: cohort.count)
        let total = cohort.reduce(0.0) { $0 + opening.foldedWeight(of: $1) }
        guard let outer = opening.training?.outer else { return }
        for (place, sum) in zip(places, decoded) { model.move(place, by: sum / total, outer) }
    }

    /// Takes the model through a round.
    ///
    /// - Parameters:
    ///   - bases: of late updates the rounds that they were trained for.
    ///   - partitions: of clouds with several workers, over which partition these have trained.
    func step(
        _ model: inout ReplayedModel, _ opening: Opening, cohort: [CloudName], bases: [CloudName: RoundNumber] = [:],
        partitions: [CloudName: WorkerPartition] = [:]
    ) throws {
        if let plan = opening.compression { return try step(&model, opening, plan, cohort: cohort, partitions) }
        var sums = [UInt64](repeating: 0, count: opening.layout.count)
        for cloud in cohort {
            let integers = try part(
                of: cloud, partitions[cloud], base: bases[cloud] ?? opening.round, in: opening)
            for (index, value) in integers.enumerated() { sums[index] += UInt64(value) }
        }
        let decoded = try Quantiser(layout: opening.layout, bits: opening.bits).dequantise(
            sums, of: 0..<sums.count, contributions: cohort.count)
        let total = cohort.reduce(0.0) { $0 + opening.foldedWeight(of: $1) }
        guard let outer = opening.training?.outer else { return }
        for (index, sum) in decoded.enumerated() { model.move(index, by: sum / total, outer) }
    }
}

/// An adapter and the outer optimiser's moments, moved value by value, by the formulas as the papers write them.
struct ReplayedModel {
    private(set) var adapter: [Float]
    /// Of each cloud, where updates are compressed.
    var leftOut: [CloudName: [Float]] = [:]
    private var moments: [(Float, Float)?]

    init(count: Int) {
        adapter = [Float](repeating: 0, count: count)
        moments = [(Float, Float)?](repeating: nil, count: count)
    }

    var digest: Digest { adapter.withUnsafeBytes { Digest(ofContent: $0) } }

    mutating func move(_ index: Int, by mean: Double, _ outer: OuterOptimizer) {
        let old = Double(adapter[index])
        switch outer {
        case .average(let rate): adapter[index] = Float(old + rate * mean)
        case .nesterov(let rate, let momentum):
            let buffer = momentum * Double(moments[index]?.0 ?? 0) + mean
            moments[index] = (Float(buffer), 0)
            adapter[index] = Float(old + rate * (mean + momentum * buffer))
        case .adam(let rate, let momentum, let second, let epsilon):
            let (m, v) = moments[index] ?? (0, Float(epsilon * epsilon))
            let average = momentum * Double(m) + (1 - momentum) * mean
            let square = second * Double(v) + (1 - second) * mean * mean
            moments[index] = (Float(average), Float(square))
            adapter[index] = Float(old + rate * average / (square.squareRoot() + epsilon))
        }
    }
}
