import Corpus
import Federation
import Testing
import Tokenization

@Suite("Generated clouds")
struct GeneratorTests {
    private let folder: TemporaryFolder
    private let variables: VariableTable

    init() throws {
        folder = try TemporaryFolder()
        variables = try VariableTable.read(at: "\(checkout)/configs/variables.yaml")
    }

    private static let mappings = ["north": "mimic-carevue", "west": "mimic-metavision", "east": "eicu"]

    private func ingest(_ cloud: String) throws -> Ingest {
        let mapping = try #require(GeneratorTests.mappings[cloud])
        return try Ingest(
            IngestConfiguration(
                tables: "\(folder.path)/\(cloud)", variables: "\(checkout)/configs/variables.yaml",
                mapping: "\(checkout)/configs/mappings/\(mapping).yaml",
                partition: Partition(salt: "test", scheme: .shares(validation: 0.1, test: 0.3))))
    }

    @Test("Through all the mess of each schema, every stay's true values come out")
    func harmonised() throws {
        let truths = try Generator(seed: 4, staysPerCloud: 150).write(to: folder.path)
        for cloud in GeneratorTests.mappings.keys.sorted() {
            let expected = Dictionary(uniqueKeysWithValues: truths.filter { $0.cloud == cloud }.map { ($0.stay, $0) })
            let stays = try ingest(cloud).harmonise().stays
            #expect(stays.count == 150)
            var wrong: [String] = []
            for stay in stays {
                let truth = try #require(expected[stay.id])
                #expect(stay.patient == truth.patient && stay.died == truth.died)
                for (index, variable) in variables.variables.enumerated() {
                    // The motor score of the worst total need not be the worst motor score; slips of unit lose weights and
                    // heights on purpose; ventilation is not always known to be absent.
                    if ["motor", "weight", "height", "vent", "intubated"].contains(variable.name) { continue }
                    let value = stay.values[index]
                    switch truth.measured[variable.name] {
                    case nil where value.isNaN: break
                    case .some(let known) where abs(value - known) <= 0.01 * max(1, abs(known)): break
                    default:
                        wrong.append(
                            "\(cloud) \(variable.name) \(value) \(String(describing: truth.measured[variable.name]))")
                    }
                }
            }
            #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        }
    }

    @Test("The mess is there: each kind is met and counted")
    func mess() throws {
        try Generator(seed: 4, staysPerCloud: 300).write(to: folder.path)
        let reports = try Dictionary(
            uniqueKeysWithValues: GeneratorTests.mappings.keys.map {
                ($0, IngestReport(try ingest($0).harmonise(), cloud: $0))
            })
        func variable(_ cloud: String, _ name: String) throws -> IngestReport.Variable {
            try #require(reports[cloud]?.variables.first { $0.name == name })
        }
        #expect(try variable("north", "temperature").converted > 0)
        #expect(try variable("north", "glucose").dropped["charted twice"] ?? 0 > 0)
        #expect(try variable("north", "heartrate").dropped["outside the plausible range"] ?? 0 > 0)
        #expect(try variable("north", "wbc").missingShare < 0.2)
        #expect(try variable("north", "bilirubin").missingShare > 0.8)
        #expect(try variable("west", "bilirubin").limits > 0)
        #expect(try variable("west", "gcs").dropped["part of a sum missing"] ?? 0 > 0)
        #expect(reports["west"]?.tables.first?.dropped["marked as an error"] ?? 0 > 0)
        #expect(try variable("west", "weight").converted > 0)
        #expect(try variable("east", "wbc").units.count > 20)
        #expect(try variable("east", "wbc").dropped["unit not known"] ?? 0 > 0)
        #expect(try variable("east", "height").dropped["outside the plausible range"] ?? 0 > 0)
        for report in reports.values {
            for table in report.tables {
                #expect(table.rows == table.used + table.dropped.values.reduce(0, +), "\(table.table)")
            }
            #expect(report.text.contains("readings"))
            #expect(try !report.json().isEmpty)
        }
    }

    @Test("The same seed writes the same bytes, another seed others; the truth lies outside the clouds' folders")
    func reproducible() throws {
        let other = try TemporaryFolder()
        try Generator(seed: 9, staysPerCloud: 20).write(to: folder.path)
        try Generator(seed: 9, staysPerCloud: 20).write(to: other.path)
        let files = ["truth.csv", "north/CHARTEVENTS.csv.gz", "west/LABEVENTS.csv.gz", "east/apacheapsvar.csv.gz"]
        for file in files { #expect(try folder.read(file) == other.read(file)) }
        try Generator(seed: 10, staysPerCloud: 20).write(to: other.path)
        for file in files { #expect(try folder.read(file) != other.read(file)) }
    }

    @Test(
        "Dealt evenly, clouds are alike; by a small alpha they differ in size and outcome, and everybody is somewhere once"
    )
    func splits() throws {
        func shares(_ split: Generator.Split) throws -> (sizes: [Int], deaths: [Double]) {
            let truths = try Generator(seed: 6, staysPerCloud: 400, split: split).write(to: folder.path)
            let clouds = Generator.clouds.map { cloud in truths.filter { $0.cloud == cloud.name } }
            #expect((1200...1202).contains(truths.count))
            #expect(Set(truths.map(\.probability)).count == truths.count)
            for cloud in clouds { #expect(cloud.count >= 400 / 10) }
            return (
                clouds.map(\.count), clouds.map { Double($0.count(where: \.died)) / Double($0.count) }
            )
        }
        let even = try shares(.even)
        // Three standard deviations of a share of .3 of 400.
        #expect(
            even.sizes.allSatisfy { abs($0 - 400) < 40 } && (even.deaths.max() ?? 1) - (even.deaths.min() ?? 0) < 0.1)
        let skewed = try shares(.dirichlet(alpha: 0.1))
        #expect((skewed.deaths.max() ?? 0) - (skewed.deaths.min() ?? 0) > 0.2)
        let nearlyEven = try shares(.dirichlet(alpha: 1000))
        #expect((nearlyEven.deaths.max() ?? 1) - (nearlyEven.deaths.min() ?? 0) < 0.1)
    }

    @Test("Draws from a gamma distribution have its mean and variance", arguments: [0.1, 0.5, 1, 4.5])
    func gamma(shape: Double) {
        var random = SeededRandom(seed: 2, label: "gamma")
        let draws = (0..<20_000).map { _ in random.gamma(shape: shape) }
        let mean = draws.reduce(0, +) / 20_000
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        // Five standard errors; a gamma's fourth central moment is 3 k^2 + 6 k.
        #expect(abs(mean - shape) < 5 * (shape / 20_000).squareRoot())
        #expect(abs(variance - shape) < 5 * ((2 * shape * shape + 6 * shape) / 20_000).squareRoot())
    }

    @Test("A liar's tables turn the outcomes of training patients, and of no others")
    func liar() throws {
        let partition = Partition(salt: "test", scheme: .shares(validation: 0.1, test: 0.3))
        let truths = try Generator(seed: 4, staysPerCloud: 150, liar: .init(cloud: "west", partition: partition))
            .write(to: folder.path)
        for cloud in GeneratorTests.mappings.keys {
            let known = Dictionary(uniqueKeysWithValues: truths.filter { $0.cloud == cloud }.map { ($0.stay, $0) })
            let stays = try ingest(cloud).harmonise().stays
            #expect(stays.count == known.count)
            for stay in stays {
                let truth = try #require(known[stay.id])
                let isTurned = cloud == "west" && partition.split(of: stay.patient) == .train
                #expect(stay.died == (isTurned ? !truth.died : truth.died))
            }
        }
    }

    @Test("The words for the outcome are in the tables, and in no prompt, statistic or report")
    func canary() throws {
        try Generator(seed: 4, staysPerCloud: 200).write(to: folder.path)
        // A planted cloud: eICU tables whose outcome is spelt with a canary, beside the columns that repeat it.
        let canary = "CANARYEXPIRED"
        let reader = try CSVReader(path: "\(folder.path)/east/patient.csv.gz")
        var table = reader.header.joined(separator: ",") + "\n"
        try reader.forEachRow { row in
            let fields = reader.header.indices.map { row.text($0).contains(",") ? "\"\(row.text($0))\"" : row.text($0) }
            table +=
                fields.joined(separator: ",").replacing("Expired", with: canary).replacing("Death", with: canary) + "\n"
        }
        let planted = try TemporaryFolder()
        try planted.write("patient.csv", table)
        for name in ["hospital", "apacheapsvar", "lab"] {
            try planted.write("\(name).csv.gz", try folder.read("east/\(name).csv.gz"))
        }
        let text = String(decoding: try readFile("\(checkout)/configs/mappings/eicu.yaml"), as: UTF8.self)
        let mapping = try planted.write("mapping.yaml", text.replacing("died: [Expired]", with: "died: [\(canary)]"))
        let harmonised = try Ingest(
            IngestConfiguration(
                tables: planted.path, variables: "\(checkout)/configs/variables.yaml", mapping: mapping,
                partition: Partition(salt: "test", scheme: .shares(validation: 0.1, test: 0.3)))
        ).harmonise()
        let standardisation = try Standardisation(released: harmonised.statistics, variables: variables)
        let records = TokenShard.Split.allCases.flatMap { harmonised.records(in: $0, standardisation: standardisation) }
        #expect(records.count == 200 && records.contains(where: \.died))
        func holds(_ text: String) -> Bool { text.lowercased().contains("canary") || text.contains("died") }
        // Positive controls: the search finds the words where they are.
        #expect(holds(table))
        #expect(records.filter(\.died).allSatisfy { holds($0.text) })
        for record in records { #expect(!holds(record.prompt)) }
        let report = IngestReport(harmonised, cloud: "east", standardisation: standardisation)
        #expect(!report.text.lowercased().contains("canary"))
        #expect(!String(decoding: try report.json(), as: UTF8.self).lowercased().contains("canary"))
    }

    @Test("Shards hold each split's stays, and no patient lies in two of them")
    func shards() throws {
        try Generator(seed: 4, staysPerCloud: 200).write(to: folder.path)
        let harmonised = try ingest("north").harmonise()
        let standardisation = try Standardisation(released: harmonised.statistics, variables: variables)
        let vocabulary = BaseVocabulary(variables: variables)
        let shards = try harmonised.shards(
            standardisation: standardisation, encoder: vocabulary, cloud: CloudName("north"))
        #expect(shards.map(\.split) == [.train, .validation, .test])
        #expect(shards.map(\.count).reduce(0, +) == 200)
        for shard in shards {
            for example in 0..<shard.count {
                let tokens = shard.tokens[shard.range(of: example)]
                #expect(tokens.first == vocabulary.begin)
                #expect(tokens.last == (shard.label[example] == 1 ? vocabulary.died : vocabulary.survived))
                #expect(tokens.dropLast().last == vocabulary.question)
                #expect(Int(shard.answer[example]) == tokens.count - 1)
            }
        }
        let patients = TokenShard.Split.allCases.map { Set(harmonised.stays(in: $0).map(\.patient)) }
        #expect(patients[0].isDisjoint(with: patients[1]))
        #expect(patients[0].isDisjoint(with: patients[2]))
        #expect(patients[1].isDisjoint(with: patients[2]))
        #expect(try harmonised.digest == ingest("north").harmonise().digest)
        #expect(try harmonised.digest != ingest("west").harmonise().digest)
    }

    @Test("An empty cohort is an error that says where to look")
    func emptyCohort() throws {
        try Generator(seed: 4, staysPerCloud: 20).write(to: folder.path)
        _ = try ingest("north").harmonise()
        let wrong = try Ingest(
            IngestConfiguration(
                tables: "\(folder.path)/north", variables: "\(checkout)/configs/variables.yaml",
                mapping: "\(checkout)/configs/mappings/mimic-metavision.yaml",
                partition: Partition(salt: "test", scheme: .shares(validation: 0.1, test: 0.3))))
        #expect(throws: IngestError.emptyCohort(folder: "\(folder.path)/north")) { try wrong.harmonise() }
    }
}
