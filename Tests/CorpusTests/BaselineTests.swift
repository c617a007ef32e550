import Corpus
import Glibc
import Testing

@Suite("Baselines outside the federation")
struct BaselineTests {
    @Test("AUROC counts pairs, ties for a half")
    func auroc() throws {
        let scores: [(score: Double, died: Bool)] = [(1, false), (2, true), (2, false), (3, true), (0, false)]
        // Pairs (death, survivor): 2 beats 1 and 0, ties 2; 3 beats all three: 5.5 of 6.
        #expect(RankingMetrics.auroc(scores) == 5.5 / 6)
        #expect(RankingMetrics.auroc(scores.map { (-$0.score, $0.died) }) == 0.5 / 6)
        #expect(RankingMetrics.auroc([(1, true)]) == nil)
        let precision = try #require(RankingMetrics.averagePrecision([(3, true), (2, false), (1, true)]))
        let expected = (1 + 2.0 / 3) / 2
        #expect(abs(precision - expected) < 1e-12)
    }

    @Test("The regression finds the coefficients that made the data")
    func regression() throws {
        var random = SeededRandom(seed: 1, label: "regression")
        let truth = [-0.5, 1, -2, 0]
        var features: [[Double]] = []
        var died: [Bool] = []
        for _ in 0..<20_000 {
            let row = (0..<3).map { _ in random.normal() }
            let logOdds = truth[0] + zip(truth.dropFirst(), row).reduce(0) { $0 + $1.0 * $1.1 }
            features.append(row)
            died.append(random.chance(1 / (1 + exp(-logOdds))))
        }
        let model = try LogisticRegression(features: features, died: died, ridge: 0)
        for (found, expected) in zip(model.weights, truth) { #expect(abs(found - expected) < 0.08) }
        let shrunk = try LogisticRegression(features: features, died: died, ridge: 1e5)
        #expect(abs(shrunk.weights[2]) < 0.2)
        #expect(throws: IngestError.self) { try LogisticRegression(features: features, died: [true]) }
    }

    @Test("On generated clouds the true probabilities beat pooled data, and pooled data beats one cloud")
    func generated() throws {
        let folder = try TemporaryFolder()
        try Generator(seed: 1).write(to: folder.path)
        let partition = Partition(salt: "demo", scheme: .shares(validation: 0.1, test: 0.3))
        let clouds = try [("north", "mimic-carevue"), ("west", "mimic-metavision"), ("east", "eicu")].map {
            name, mapping in
            LogisticBaseline.Cloud(
                name: name,
                data: try Ingest(
                    IngestConfiguration(
                        tables: "\(folder.path)/\(name)", variables: "\(checkout)/configs/variables.yaml",
                        mapping: "\(checkout)/configs/mappings/\(mapping).yaml", partition: partition)
                ).harmonise())
        }
        let result = try LogisticBaseline(clouds: clouds).run()
        let bayes = try #require(
            try TruthTable(path: "\(folder.path)/truth.csv").bayes(result.scored.map { ($0.cloud, $0.stay, $0.died) }))
        let pooled = try #require(result.pooled)
        let alone = try clouds.map { try #require(result.alone($0.name)) }
        #expect(bayes > pooled && (0.8...0.95).contains(bayes))
        #expect(pooled > alone.reduce(0, +) / 3)
        print("generated, seed 1: Bayes \(bayes), pooled logistic regression \(pooled), alone \(alone)")
    }
}
