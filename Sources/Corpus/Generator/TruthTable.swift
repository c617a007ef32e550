/// Reads the `truth.csv` that the generator writes outside the clouds' folders.
package struct TruthTable {
    /// The true probability of death, by cloud and stay.
    package let probabilities: [String: [String: Double]]

    package init(path: String) throws {
        let table = try CSVReader(path: path)
        let (cloud, stay) = (try table.column("cloud"), try table.column("stay"))
        let probability = try table.column("probability")
        var probabilities: [String: [String: Double]] = [:]
        try table.forEachRow { row in
            guard let value = row.number(probability), (0...1).contains(value) else {
                throw row.unreadable(probability, expected: "a probability from 0 to 1")
            }
            probabilities[row.text(cloud), default: [:]][row.text(stay)] = value
        }
        self.probabilities = probabilities
    }

    /// The AUROC of the true probabilities on these stays: no model can be expected to do better. Nil if one is unknown.
    package func bayes(_ stays: [(cloud: String, stay: String, died: Bool)]) -> Double? {
        var scored: [(score: Double, died: Bool)] = []
        for stay in stays {
            guard let probability = probabilities[stay.cloud]?[stay.stay] else { return nil }
            scored.append((probability, stay.died))
        }
        return RankingMetrics.auroc(scored)
    }
}
