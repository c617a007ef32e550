import Corpus
import Federation
import Testing
import Tokenization

@Suite("Which worker trains on whom")
struct PatientPlacementTests {
    private let variables = Sample.variables
    private let partition = Partition(salt: "a", scheme: .shares(validation: 0.1, test: 0.2))

    /// Of each patient 1 to 4 stays, in any order.
    private func stays(_ patients: Int, seed: UInt64 = 5) -> [Stay] {
        var random = SeededRandom(seed: seed, label: "placement")
        var stays: [Stay] = []
        for patient in 0..<patients {
            for stay in 0..<(1 + Int(random.uniform() * 4)) {
                stays.append(
                    Stay(
                        id: "\(patient).\(stay)", patient: "p\(patient)",
                        values: variables.variables.map { _ in .nan }, died: patient % 5 == 0))
            }
        }
        return stays.map { (random.uniform(), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func training(_ stays: [Stay]) -> [Stay] { stays.filter { partition.split(of: $0.patient) == .train } }

    @Test(
        "A patient's stays lie at one worker, every training stay at one, and the parts are the shares but for a patient's stays"
    )
    func parts() throws {
        let stays = training(stays(800))
        for shares in [[1.0], [1, 1], [1, 1, 1], [3, 1], [1, 10, 5], [0.2, 0.2, 0.3, 0.3]] {
            let placement = try PatientPlacement(stays, ranked: partition, shares: shares)
            var counts = [Int](repeating: 0, count: shares.count)
            for stay in stays {
                let place = try #require(placement.place(of: stay.patient))
                counts[place] += 1
            }
            #expect(counts == placement.records)
            let total = shares.reduce(0, +)
            for (count, share) in zip(counts, shares) {
                // Half of a patient's stays at either cut, of at most 4.
                #expect(abs(Double(count) - Double(stays.count) * share / total) <= 4, "\(shares): \(counts)")
            }
        }
    }

    @Test("Neither the order of rows nor a restart moves anybody, and another salt does")
    func order() throws {
        let stays = training(stays(300))
        let one = try PatientPlacement(stays, ranked: partition, shares: [1, 1])
        let other = try PatientPlacement(stays.reversed(), ranked: partition, shares: [1, 1])
        #expect(stays.allSatisfy { one.place(of: $0.patient) == other.place(of: $0.patient) })
        let salted = Partition(salt: "b", scheme: partition.scheme)
        let moved = try PatientPlacement(stays, ranked: salted, shares: [1, 1])
        #expect(stays.contains { one.place(of: $0.patient) != moved.place(of: $0.patient) })
        // By hand: the half of the patients whose hashes are smallest.
        let ranked = Set(stays.map(\.patient)).sorted {
            partition.rank(of: $0).lexicographicallyPrecedes(partition.rank(of: $1))
        }
        let places = try ranked.map { try #require(one.place(of: $0)) }
        #expect(places == places.sorted() && Set(places) == [0, 1])
    }

    @Test("Shares that change a little move the patients at the cut alone")
    func smallChange() throws {
        let stays = training(stays(1000))
        let before = try PatientPlacement(stays, ranked: partition, shares: [0.5, 0.5])
        let after = try PatientPlacement(stays, ranked: partition, shares: [0.52, 0.48])
        let patients = Set(stays.map(\.patient))
        let moved = patients.filter { before.place(of: $0) != after.place(of: $0) }
        #expect(!moved.isEmpty && Double(moved.count) < 0.03 * Double(patients.count), "\(moved.count)")
        #expect(moved.allSatisfy { after.place(of: $0) == 0 })
    }

    @Test("Everybody has a patient, however small the share, and too few patients are refused")
    func few() throws {
        let stays = training(stays(12))
        let patients = Set(stays.map(\.patient)).count
        #expect(try PatientPlacement(stays, ranked: partition, shares: [1, 1e-9]).records.allSatisfy { $0 > 0 })
        #expect(try PatientPlacement(stays, ranked: partition, shares: [1e-9, 1, 1e-9]).records.allSatisfy { $0 > 0 })
        let each = try PatientPlacement(stays, ranked: partition, shares: [Double](repeating: 1, count: patients))
        #expect(each.records.allSatisfy { $0 > 0 })
        #expect(throws: IngestError.fewPatients(found: patients, workers: patients + 1)) {
            try PatientPlacement(stays, ranked: partition, shares: [Double](repeating: 1, count: patients + 1))
        }
    }

    @Test("Shards of workers are the cloud's, cut by patients; the first has all that are held out")
    func shards() throws {
        let stays = stays(60)
        let harmonised = Harmonised(
            stays: stays, counts: IngestCounts(variables: variables.count), variables: variables, partition: partition,
            mapping: "sample")
        let sums = harmonised.statistics
        let standardisation = try Standardisation(
            released: StatisticsVector.withheld(sums, variables: variables), variables: variables)
        let encoder = BaseVocabulary(variables: variables)
        let cloud = try CloudName("north")
        let whole = try harmonised.shards(standardisation: standardisation, encoder: encoder, cloud: cloud)
        let placement = try harmonised.placement(shares: [2, 1])
        let parts = try harmonised.shards(
            placed: placement, standardisation: standardisation, encoder: encoder, cloud: cloud)
        #expect(parts.map { $0.map(\.split) } == [[.train, .validation, .test], [.train]])
        #expect(parts.map { $0[0].count } == placement.records)
        #expect(parts[0][1...] == whole[1...])
        // As text, each worker's training examples together are the cloud's.
        func examples(_ shard: TokenShard) -> [[Int32]] {
            (0..<shard.count).map { Array(shard.tokens[shard.range(of: $0)]) }
        }
        func sorted(_ examples: [[Int32]]) -> [[Int32]] { examples.sorted { $0.lexicographicallyPrecedes($1) } }
        #expect(sorted(parts.flatMap { examples($0[0]) }) == sorted(examples(whole[0])))
    }
}
