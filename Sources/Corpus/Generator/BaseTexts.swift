import Glibc
import Sodium
package import Tokenization

/// Texts to train the public base model on: the grammar of a record, no cloud's data, and no knowledge of any outcome.
///
/// A bin is a z-score by construction, so the texts are drawn as z-scores: ten systems, each a latent number that
/// moves its variables together in the direction that physiology gives (bicarbonate chemistry: Henderson-Hasselbalch;
/// renal failure raises urea and creatinine and lowers urine; liver failure raises bilirubin and lowers albumin; and so
/// on). From them a base learns the order of the variables and that neighbouring bins mean neighbouring values. The
/// outcome is a fair coin: the base knows which two words answer the question, and nothing about when.
package struct BaseTexts: Sendable {
    /// What moves a variable, and how strongly: the correlation with each latent. 0 circulation, 1 lungs, 2 kidneys,
    /// 3 brain, 4 inflammation, 5 liver and nutrition, 6 size of the body, 7 age, 8 bleeding, 9 water. Every variable has
    /// one, because a base learns that bins are ordered only where a bin tells something of another.
    private static let loadings: [String: [(system: Int, loading: Double)]] = [
        "age": [(7, 0.9)], "weight": [(6, 0.8), (7, -0.2)], "height": [(6, 0.7), (7, -0.3)],
        "heartrate": [(0, 0.5), (4, 0.4), (8, 0.4), (7, -0.3)], "meanbp": [(0, -0.7), (8, -0.3), (9, 0.3)],
        "respiratoryrate": [(1, 0.6), (4, 0.5)], "temperature": [(4, 0.7), (7, -0.3)],
        "gcs": [(3, -0.9)], "motor": [(3, -0.9)], "urine": [(2, -0.6), (0, -0.4), (9, 0.3)],
        "wbc": [(4, 0.7), (0, 0.2)], "sodium": [(9, -0.7), (3, 0.3)], "ph": [(1, -0.5), (2, -0.5), (0, -0.3)],
        "hematocrit": [(8, -0.8), (2, -0.3)], "creatinine": [(2, 0.8), (6, 0.2), (7, 0.2)],
        "albumin": [(5, -0.7), (4, -0.4)], "pao2": [(1, -0.7), (7, -0.2)], "pco2": [(1, 0.6), (3, 0.3)],
        "bun": [(2, 0.8), (7, 0.3), (8, 0.2)], "glucose": [(4, 0.5), (6, 0.3), (9, -0.4)],
        "bilirubin": [(5, 0.7), (4, 0.3)], "fio2": [(1, 0.8)], "intubated": [(1, 0.7), (3, 0.4)],
        "vent": [(1, 0.7), (3, 0.4)],
    ]
    private static let systems = 10
    /// The share of texts in which the question is answered by a recollection of the record.
    private static let recalling = 0.5
    /// At most so many variables are recalled.
    private static let recalled = 8

    package let vocabulary: BaseVocabulary
    package let seed: UInt64

    package init(vocabulary: BaseVocabulary, seed: UInt64) {
        self.vocabulary = vocabulary
        self.seed = seed
    }

    package func records(_ count: Int) -> [TextRecord] {
        var random = SeededRandom(seed: seed, label: "base texts")
        return (0..<count).map { _ in record(&random) }
    }

    /// The shard that a base is trained on; `label` is the coin. In half of the texts the question is answered not by the
    /// outcome but by some of the record's own variables in any order, each as its bin or a neighbour of it. So the base
    /// learns to gather the whole record where it is asked, and that neighbouring bins mean almost the same: the coin
    /// would teach it neither.
    package func shard(_ count: Int, split: TokenShard.Split = .train) throws -> TokenShard {
        var random = SeededRandom(seed: seed, label: "base texts")
        var questions = SeededRandom(seed: seed, label: "base questions")
        var examples: [(tokens: [Int32], answer: Int)] = []
        var labels: [Int32] = []
        for _ in 0..<count {
            let bins = bins(&random)
            let record = TextRecord(bins: bins, variables: vocabulary.variables, died: random.chance(0.5))
            var tokens = vocabulary.tokens(of: record)
            if questions.chance(BaseTexts.recalling) {
                tokens.removeLast()
                tokens += recollection(of: bins, &questions)
            }
            examples.append((tokens, record.answer))
            labels.append(record.died ? 1 : 0)
        }
        return try TokenShard(
            examples: examples.map(\.tokens), answer: examples.map { Int32(min($0.answer, $0.tokens.count - 1)) },
            label: labels, split: split, tokenizer: vocabulary.digest.description, cloud: "public")
    }

    private func recollection(of bins: [Int?], _ random: inout SeededRandom) -> [Int32] {
        var known = bins.indices.filter { bins[$0] != nil }
        var tokens: [Int32] = []
        while tokens.count < BaseTexts.recalled, !known.isEmpty {
            let variable = known.remove(at: random.index(known.count))
            guard let bin = bins[variable] else { continue }
            let moved = min(max(bin + random.index(3) - 1, 0), vocabulary.variables.binCount - 1)
            tokens.append(vocabulary.token(vocabulary.variables.variables[variable], bin: moved))
        }
        return tokens
    }

    private func record(_ random: inout SeededRandom) -> TextRecord {
        let bins = bins(&random)
        return TextRecord(bins: bins, variables: vocabulary.variables, died: random.chance(0.5))
    }

    private func bins(_ random: inout SeededRandom) -> [Int?] {
        let systems = (0..<BaseTexts.systems).map { _ in random.normal() }
        // How much was measured varies from stay to stay.
        let measured = random.uniform(0.4...1)
        return vocabulary.variables.variables.map { variable -> Int? in
            var z = 0.0
            var explained = 0.0
            for (system, loading) in BaseTexts.loadings[variable.name] ?? [] {
                z += loading * systems[system]
                explained += loading * loading
            }
            z += sqrt(max(0, 1 - explained)) * random.normal()
            return random.chance(measured) ? vocabulary.variables.bin(z) : nil
        }
    }
}
