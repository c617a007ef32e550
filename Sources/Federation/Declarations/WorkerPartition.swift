package import MessagePack

/// How a cloud's training records are shared out among its workers (its local-train stages): each patient's lie at one of them.
package struct WorkerPartition: Hashable, Sendable {
    package struct Part: Hashable, Sendable {
        /// The worker's ordinal (`StageName.ordinal`).
        package let worker: Int
        /// Training records there.
        package let records: Int

        package init(worker: Int, records: Int) {
            self.worker = worker
            self.records = records
        }
    }

    package static let workers = 1...StageRole.mostWorkers
    /// 16 bits of a vector's part (`part(of:in:)`).
    package static let numbers = 0...(1 << 16 - 1)

    /// Counted from 1 over a run; 0 where nothing was ever shared out.
    package let number: Int
    /// By ascending ordinal; the first is worker 1, which alone has the held-out records.
    package let parts: [Part]

    package init(number: Int, parts: [Part]) throws(FederationError) {
        func malformed(_ reason: String) -> FederationError { .malformed(place: "partition", reason) }
        guard WorkerPartition.numbers.contains(number) else { throw malformed("its number is \(number)") }
        guard parts.first?.worker == 1, parts.allSatisfy({ WorkerPartition.workers.contains($0.worker) }),
            zip(parts, parts.dropFirst()).allSatisfy({ $0.worker < $1.worker })
        else { throw malformed("its workers are not in order, or worker 1 is not among them") }
        guard parts.allSatisfy({ (1...100_000_000).contains($0.records) }) else {
            throw malformed("a worker has no record, or more than a hundred million")
        }
        self.number = number
        self.parts = parts
    }

    /// Of workers that have no records at all: they count alike.
    package init(unrecorded workers: [Int]) throws(FederationError) {
        try self.init(number: 0, parts: workers.sorted().map { Part(worker: $0, records: 1) })
    }

    package var workers: [Int] { parts.map(\.worker) }
    package var records: Int { parts.reduce(0) { $0 + $1.records } }

    /// How many records of a step's batch each worker takes, in the order of `parts`: its share of all records by the largest
    /// remainder, at least 1. They add up to the batch, or to all records where there are fewer, and none is more than its worker
    /// has; so every record is in as many batches as every other, and with weights of these the mean of the workers' mean
    /// gradients is the batch's.
    ///
    /// - Parameter batch: at least 1.
    /// - Returns: nil where the batch has fewer records than there are workers.
    package func batches(of batch: Int) -> [Int]? {
        let (all, size) = (records, min(batch, records))
        guard size >= parts.count else { return nil }
        var taken = parts.map { size * $0.records / all }
        let remainders = parts.map { size * $0.records % all }
        let byRemainder = parts.indices.sorted { (-remainders[$0], $0) < (-remainders[$1], $1) }
        for index in byRemainder.prefix(size - taken.reduce(0, +)) { taken[index] += 1 }
        for index in taken.indices where taken[index] == 0 {
            guard let largest = taken.indices.max(by: { (taken[$0], -$0) < (taken[$1], -$1) }) else { break }
            taken[largest] -= 1
            taken[index] = 1
        }
        return taken
    }

    /// What a worker takes of a batch; nil where it is none of these, or the batch is too small.
    package func batch(of worker: Int, in size: Int) -> Int? {
        guard let index = parts.firstIndex(where: { $0.worker == worker }) else { return nil }
        return batches(of: size)?[index]
    }

    /// The part of a worker's vector in the names of transfers: what was made over another partition, or without records beside another
    /// number of workers, is another thing. Worker 1's is 1 where nothing was shared out.
    package static func part(of worker: Int, in partition: WorkerPartition?) -> UInt32 {
        let own = UInt32(worker == 1 ? 1 : 16 + worker)
        guard let partition else { return own }
        let beside = partition.number == 0 ? UInt32(partition.parts.count) : 0
        return beside << 24 | UInt32(partition.number) << 8 | own
    }
}

extension WorkerPartition {
    package var value: Value {
        .map([
            ("number", .number(number)),
            (
                "parts",
                .list(parts.map { .map([("worker", .number($0.worker)), ("records", .number($0.records))]) })
            ),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "partition")
        let number = try fields.integer("number", in: WorkerPartition.numbers)
        let parts = try fields.list("parts", limit: WorkerPartition.workers.count).map { value in
            var fields = try Fields(value, at: "partition.parts")
            let part = Part(
                worker: try fields.integer("worker", in: WorkerPartition.workers),
                records: try fields.integer("records", in: 1...100_000_000))
            try fields.finish()
            return part
        }
        try fields.finish()
        try self.init(number: number, parts: parts)
    }
}

extension Value {
    /// How records are shared out; nil where they are not.
    static func optional(_ partition: WorkerPartition?) -> Value { partition?.value ?? .none }
}

extension Fields {
    /// How records are shared out; nil where they are not.
    mutating func partition() throws -> WorkerPartition? { try optional("partition").map { try WorkerPartition($0) } }
}

/// What an update asks that clouds with several workers cannot always do.
package struct WorkerDemands: Sendable, Equatable {
    private let batch: Int
    /// As an adapter's plan says it.
    private let trains: String
    private let hasNoisySteps: Bool
    private let takesLate: Bool

    package init(batch: Int, trains: String, hasNoisySteps: Bool, takesLate: Bool) {
        self.batch = batch
        self.trains = trains
        self.hasNoisySteps = hasNoisySteps
        self.takesLate = takesLate
    }

    /// Why a cloud of so many workers cannot do it; nil if it can.
    ///
    /// - Parameter whose: the cloud, in the genitive.
    package func refusal(of workers: Int, _ whose: String) -> String? {
        guard workers > 1 else { return nil }
        if batch < workers {
            return
                "its batches of \(batch) records cannot be shared among \(whose) \(workers) workers: raise publish's `batch-size`, or take fewer workers"
        }
        if trains == "a" {
            return
                "under `shareA` each of \(whose) \(workers) workers would keep a B of its own, of one part of the records: use one worker, or another `adapter.mode`"
        }
        if hasNoisySteps {
            return
                "its noise is counted over the records of one worker, and \(whose) are \(workers): use one worker, or no `privacy.noise`"
        }
        if takesLate {
            return
                "it counts late updates, which nobody keeps where a cloud has several workers, and \(whose) are \(workers): use one worker, or `pace: {mode: synchronous}`"
        }
        return nil
    }
}

extension Opening {
    /// Why a cloud of several workers cannot answer; nil if it can.
    package func refusal(ofWorkers workers: Int) -> String? {
        guard let training, purpose == .update else { return nil }
        return WorkerDemands(
            batch: training.batchSize, trains: adapter.trains, hasNoisySteps: privacy?.training != nil,
            takesLate: pace != nil
        ).refusal(of: workers, "this cloud's")
    }
}
