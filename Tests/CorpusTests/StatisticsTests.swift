import Corpus
import Federation
import Testing
import Tokenization

@Suite("Splits, statistics and records")
struct StatisticsTests {
    private let variables = Sample.variables

    private func stays(_ count: Int, label: String, patients: Int? = nil) -> [Stay] {
        var random = SeededRandom(seed: 3, label: label)
        return (0..<count).map { index in
            let values = variables.variables.map { variable -> Double in
                if random.chance(0.2) { return .nan }
                let share = random.uniform()
                return variable.range.lowerBound + share * share
                    * (variable.range.upperBound - variable.range.lowerBound)
            }
            return Stay(
                id: "\(label)\(index)", patient: "\(label)\(index % (patients ?? count))", values: values,
                died: index % 4 == 0)
        }
    }

    private func released(_ clouds: [[Stay]]) -> [Double] {
        clouds.map { StatisticsVector.values(of: $0, variables: variables) }
            .reduce([Double](repeating: 0, count: variables.count * 4)) { zip($0, $1).map(+) }
    }

    @Test("A patient's stays never lie on both sides, and the shares come out")
    func shares() {
        let partition = Partition(salt: "a", scheme: .shares(validation: 0.1, test: 0.3))
        var counts: [TokenShard.Split: Int] = [:]
        for patient in 0..<20_000 {
            let split = partition.split(of: "\(patient)")
            #expect(partition.split(of: "\(patient)") == split)
            counts[split, default: 0] += 1
        }
        #expect(abs(Double(counts[.test] ?? 0) / 20_000 - 0.3) < 0.02)
        #expect(abs(Double(counts[.validation] ?? 0) / 20_000 - 0.1) < 0.01)
        let other = Partition(salt: "b", scheme: .shares(validation: 0.1, test: 0.3))
        #expect((0..<100).contains { other.split(of: "\($0)") != partition.split(of: "\($0)") })
    }

    @Test("Each patient is tested in exactly one fold")
    func folds() {
        let folds = (0..<5).map { Partition(salt: "s", scheme: .fold(index: $0, count: 5, validation: 0.1)) }
        for patient in 0..<2000 { #expect(folds.count { $0.split(of: "\(patient)") == .test } == 1) }
    }

    @Test("Counts are exact on the round's grid, and the sums fit it")
    func layout() throws {
        for bits in [22, 32, 40] {
            let layout = try StatisticsVector.layout(of: variables, bits: bits)
            #expect(layout.count == variables.count * 4)
            let whole = Double((1 << (bits - 1)) - 1)
            #expect(layout.segments[0].range / whole == 1 && layout.segments[1].range / whole == 1)
            #expect(whole >= Double(StatisticsVector.maximumStays))
        }
        #expect(throws: IngestError.self) { try StatisticsVector.layout(of: variables, bits: 21) }
    }

    @Test("The sum over clouds standardises as all data together would, without any cloud's own mean")
    func standardisation() throws {
        let clouds = [stays(120, label: "a"), stays(80, label: "b"), stays(200, label: "c")]
        let together = clouds.flatMap { $0 }
        let standardisation = try Standardisation(released: released(clouds), variables: variables)
        for index in variables.variables.indices {
            let z = together.compactMap { standardisation.z($0.values[index], of: index) }
            let mean = z.reduce(0, +) / Double(z.count)
            let variance = z.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(z.count)
            #expect(abs(mean) < 1e-6 && abs(variance - 1) < 1e-6)
        }
        #expect(
            try Standardisation(released: released([together]), variables: variables).scales.count == variables.count)
    }

    @Test("What fewer than ten patients have is treated as absent, however many stays they have")
    func fewPatients() throws {
        let few = stays(300, label: "a", patients: 9).map {
            Stay(id: $0.id, patient: $0.patient, values: $0.values, died: $0.died)
        }
        let enough = stays(300, label: "a", patients: 10)
        #expect(try Standardisation(released: released([few]), variables: variables).scales.allSatisfy { $0 == nil })
        #expect(try Standardisation(released: released([enough]), variables: variables).scales.allSatisfy { $0 != nil })
        let record = TextRecord(
            few[0], standardisation: try Standardisation(released: released([few]), variables: variables))
        #expect(record.pieces.count == 3)
    }

    @Test("Released sums that contradict themselves are refused")
    func contradictions() throws {
        let good = released([stays(100, label: "a")])
        _ = try Standardisation(released: good, variables: variables)
        #expect(throws: IngestError.self) {
            try Standardisation(released: Array(good.dropLast()), variables: variables)
        }
        for (place, value) in [(0, Double.nan), (0, -1), (variables.count, 3), (2 * variables.count, 1e6)] {
            var spoiled = good
            spoiled[place] = value
            #expect(throws: IngestError.self) { try Standardisation(released: spoiled, variables: variables) }
        }
    }

    @Test("Bins are cut at the edges, and what is missing is skipped, normal or the mean as its variable says")
    func records() throws {
        #expect([-5, -1, -0.5, 0, 0.9, 1, 7].map { variables.bin($0) } == [0, 1, 1, 2, 2, 3, 3])
        let standardisation = try Standardisation(released: released([stays(200, label: "a")]), variables: variables)
        let empty = Stay(
            id: "1", patient: "1", values: [Double](repeating: .nan, count: variables.count), died: true)
        let normal = try #require(standardisation.z(15, of: 4))
        #expect(
            TextRecord(empty, standardisation: standardisation).text
                == "<bos> weight=2 gcs=\(variables.bin(normal)) outcome= died")
        var values = empty.values
        values[0] = 16
        let young = TextRecord(
            Stay(id: "1", patient: "1", values: values, died: false), standardisation: standardisation)
        #expect(young.text.hasPrefix("<bos> age=0 weight=2 gcs="))
        #expect(young.text.hasSuffix(" outcome= survived"))
        #expect(young.pieces[young.answer] == " survived")
    }

    @Test("The prompt does not depend on the outcome")
    func promptIsBlind() throws {
        let all = stays(200, label: "a")
        let standardisation = try Standardisation(released: released([all]), variables: variables)
        for stay in all {
            let other = Stay(id: stay.id, patient: stay.patient, values: stay.values, died: !stay.died)
            let records = [stay, other].map { TextRecord($0, standardisation: standardisation) }
            #expect(records[0].prompt == records[1].prompt && records[0].text != records[1].text)
        }
        // Nor do the statistics.
        let flipped = all.map { Stay(id: $0.id, patient: $0.patient, values: $0.values, died: !$0.died) }
        #expect(released([all]) == released([flipped]))
    }
}
