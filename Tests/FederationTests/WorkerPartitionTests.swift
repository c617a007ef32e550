import Federation
import MessagePack
import Testing

@Suite("A cloud's records among its workers")
struct WorkerPartitionTests {
    private func partition(_ records: [Int], number: Int = 1) throws -> WorkerPartition {
        try WorkerPartition(
            number: number, parts: records.enumerated().map { .init(worker: $0 + 1, records: $1) })
    }

    @Test(
        "A batch is shared by the records, by hand",
        arguments: [
            // 8 * 60 / 100 = 4.8, 8 * 40 / 100 = 3.2: the one left goes to the larger remainder.
            ([60, 40], 8, [5, 3]),
            ([50, 50], 7, [4, 3]),
            // 2, 0.67, 0.33: the one left goes to the second, and the third takes one of the first's.
            ([60, 20, 10], 3, [1, 1, 1]),
            // 9.8, 0.1, 0.1: nobody goes without.
            ([980, 10, 10], 10, [8, 1, 1]),
            // Fewer records than the batch: all of them.
            ([51, 49], 128, [51, 49]),
            ([7], 4, [4]),
            ([7], 9, [7]),
        ] as [([Int], Int, [Int])])
    func byHand(records: [Int], batch: Int, expected: [Int]) throws {
        #expect(try partition(records).batches(of: batch) == expected)
    }

    @Test("The parts of a batch add up to it, none is empty, and none is more than its worker has")
    func addUp() throws {
        var seed: UInt64 = 11
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        for _ in 0..<2000 {
            let records = (0..<(1 + random(8))).map { _ in 1 + random([3, 50, 4000][random(3)]) }
            let batch = 1 + random(200)
            let all = records.reduce(0, +)
            let size = min(batch, all)
            let batches = try partition(records).batches(of: batch)
            guard size >= records.count else {
                #expect(batches == nil)
                continue
            }
            let taken = try #require(batches)
            #expect(taken.reduce(0, +) == size)
            #expect(zip(taken, records).allSatisfy { 1...$1 ~= $0 }, "\(records) of \(batch): \(taken)")
            // The largest remainder is at most one off, but where somebody would have had none.
            let exact = records.map { Double(size * $0) / Double(all) }
            if exact.allSatisfy({ $0 >= 1 }) {
                #expect(zip(taken, exact).allSatisfy { abs(Double($0) - $1) < 1 }, "\(records) of \(batch): \(taken)")
            }
        }
    }

    @Test("Worker 1's vector keeps its name, and every other worker and partition has another")
    func names() throws {
        var seen: Set<UInt32> = [0, 2, 3]
        #expect(WorkerPartition.part(of: 1, in: nil) == 1)
        seen.insert(1)
        let all = Array(WorkerPartition.workers)
        var partitions = try (2...64).map { try WorkerPartition(unrecorded: Array(all[..<$0])) }
        for number in [1, 2, 300, WorkerPartition.numbers.upperBound] {
            partitions.append(
                try WorkerPartition(number: number, parts: all.map { .init(worker: $0, records: 2) }))
        }
        for partition in partitions {
            for worker in partition.workers {
                #expect(seen.insert(WorkerPartition.part(of: worker, in: partition)).inserted)
            }
        }
    }

    @Test("What several workers cannot answer is said with the reason, and one worker can")
    func openings() throws {
        let plain = Samples.opening(.update)
        #expect(plain.refusal(ofWorkers: 8) == nil)
        let batch = try #require(plain.training).batchSize
        #expect(plain.refusal(ofWorkers: batch + 1)?.contains("batches of \(batch) records") == true)
        // The key as publish's config has it.
        #expect(plain.refusal(ofWorkers: batch + 1)?.contains("raise publish's `batch-size`") == true)
        #expect(Samples.opening(.evaluation).refusal(ofWorkers: 64) == nil)
        // Noise in the sum is another thing than noise in each step.
        let noise = Samples.privacy
        #expect(Samples.privateOpening().refusal(ofWorkers: 2)?.contains("its noise is counted") == true)
        #expect(Samples.privateOpening().refusal(ofWorkers: 1) == nil)
        let inSum = PrivacyPlan(training: nil, sum: noise.sum, delta: noise.delta)
        #expect(Samples.privateOpening(inSum).refusal(ofWorkers: 2) == nil)
        let late = Pace(mode: .buffered, window: 0, oldest: 2, discount: 0.5, recent: RecentUpdates([]))
        #expect(
            Samples.privateOpening(inSum, pace: late).refusal(ofWorkers: 2)?.contains("it counts late updates") == true)
    }

    @Test("What no cloud's records can be is refused")
    func refusals() throws {
        func parts(_ workers: [Int], records: Int = 5) -> [WorkerPartition.Part] {
            workers.map { .init(worker: $0, records: records) }
        }
        _ = try WorkerPartition(number: 1, parts: parts([1, 2, 5]))
        for wrong in [[], [2], [1, 1], [1, 3, 2], [1, 65], [0, 1]] {
            #expect(throws: FederationError.self, "\(wrong)") { try WorkerPartition(number: 1, parts: parts(wrong)) }
        }
        #expect(throws: FederationError.self) { try WorkerPartition(number: 1, parts: parts([1], records: 0)) }
        #expect(throws: FederationError.self) { try WorkerPartition(number: 1 << 16, parts: parts([1])) }
        // On the wire too, and not by a larger list than there can be workers.
        let good = try partition([3, 4])
        #expect(try WorkerPartition(good.value) == good)
        let part = Value.map([("worker", .number(1)), ("records", .number(1))])
        #expect(throws: FederationError.self) {
            try WorkerPartition(
                .map([("number", .number(1)), ("parts", .list([Value](repeating: part, count: 65)))]))
        }
    }
}
