import Adapter
import Encryption
import Federation
import FineTuning
import Testing
import Tokenization

@Suite("Workers of a cloud")
struct WorkersTests {
    let folder: TemporaryFolder
    let base: BaseModel

    init() throws {
        folder = try TemporaryFolder()
        try TinyLlama().write(to: folder.path)
        base = try BaseModel(directory: folder.path)
    }

    private func part(_ shard: TokenShard, _ examples: Range<Int>) throws -> TokenShard {
        try TokenShard(
            examples: examples.map { Array(shard.tokens[shard.range(of: $0)]) },
            answer: examples.map { shard.answer[$0] }, label: examples.map { shard.label[$0] }, split: shard.split,
            tokenizer: shard.tokenizer, cloud: shard.cloud)
    }

    private func delta(_ shard: TokenShard, batch: Int, decay: Double) throws -> [Float] {
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration(.both))
        _ = try tuner.train(
            shard,
            TrainingSettings(
                steps: 1, batchSize: batch, learningRate: .constant(0.1),
                optimizer: OptimizerSettings(rule: .sgd, weightDecay: decay, clipNorm: nil), seed: 5))
        return try tuner.delta().values
    }

    @Test(
        "One step of gradient descent on parts of all records, averaged by their batches, is one step on all of them",
        arguments: [[31, 19], [40, 9, 1]])
    func meanOfParts(records: [Int]) throws {
        let all = records.reduce(0, +)
        let shard = try randomShard(examples: all)
        let whole = try delta(shard, batch: 4096, decay: 0.1)
        let partition = try WorkerPartition(
            number: 1, parts: records.enumerated().map { .init(worker: $0 + 1, records: $1) })
        let batches = try #require(partition.batches(of: 4096))
        var deltas: [[Float]] = []
        var first = 0
        for (count, batch) in zip(records, batches) {
            deltas.append(try delta(try part(shard, first..<first + count), batch: batch, decay: 0.1))
            first += count
        }
        func lend(_ rest: ArraySlice<[Float]>, _ lent: [UnsafeRawBufferPointer]) throws -> [Float] {
            guard let next = rest.first else { return try WorkerMean.of(lent, batches: batches) }
            return try next.withUnsafeBytes { try lend(rest.dropFirst(), lent + [$0]) }
        }
        let mean = try lend(deltas[...], [])
        func norm(_ values: [Float]) -> Double { values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
        let off = norm(zip(mean, whole).map { $0 - $1 }) / norm(whole)
        print("\(records): \(off) off, relatively")
        #expect(norm(whole) > 0 && off < 1e-5)
        // Unweighted it is not.
        let plain = deltas[0].indices.map { place in
            Float(deltas.reduce(0.0) { $0 + Double($1[place]) } / Double(deltas.count))
        }
        #expect(norm(zip(plain, whole).map { $0 - $1 }) / norm(whole) > 1e-3)
    }
}
