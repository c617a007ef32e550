import Glibc
import Sodium
package import Tokenization

/// Texts to train the public base model on: the grammar of a record, no cloud's data, and no knowledge of any outcome.
///
/// A bin is a z-score by construction, so the texts are drawn as z-scores: five organ systems, each a latent number that
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
    /// The share of texts that ask made-up questions before they end.
    private static let asking = 0.75
    /// How many made-up questions there are, each with a letter of its own, and how many of them a text asks.
    private static let questions = 32
    private static let asked = 6

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

    /// The shard that a base is trained on; `label` is the coin.
    ///
    /// Most texts ask made-up questions, `A outcome= died B outcome= survived`, each letter weighing the record's variables
    /// by numbers of its own that are drawn at random, either sign alike. So the base learns to gather a whole record where
    /// it is asked and to weigh every variable either way, which the coin would never teach it; what an outcome without a
    /// letter has to do with any variable it cannot know.
    package func shard(_ count: Int, split: TokenShard.Split = .train) throws -> TokenShard {
        var random = SeededRandom(seed: seed, label: "base texts")
        var choice = SeededRandom(seed: seed, label: "base questions")
        let weights = (0..<BaseTexts.questions).map { _ in vocabulary.variables.variables.map { _ in choice.normal() } }
        var examples: [[Int32]] = []
        var labels: [Int32] = []
        for _ in 0..<count {
            let bins = bins(&random)
            let record = TextRecord(bins: bins, variables: vocabulary.variables, died: random.chance(0.5))
            var tokens = vocabulary.tokens(of: record)
            if choice.chance(BaseTexts.asking) {
                tokens.removeLast(2)
                var letters = Array(0..<BaseTexts.questions)
                for _ in 0..<BaseTexts.asked {
                    let letter = letters.remove(at: choice.index(letters.count))
                    let isSo = choice.chance(probability(bins, weights[letter]))
                    tokens += [Int32(65 + letter), vocabulary.question, isSo ? vocabulary.died : vocabulary.survived]
                }
            }
            examples.append(tokens)
            labels.append(record.died ? 1 : 0)
        }
        return try TokenShard(
            examples: examples, answer: examples.map { Int32($0.count - 1) }, label: labels, split: split,
            tokenizer: vocabulary.digest.description, cloud: "public")
    }

    /// Of a made-up outcome, from the bins that the text shows.
    private func probability(_ bins: [Int?], _ weights: [Double]) -> Double {
        let middle = Double(vocabulary.variables.binCount - 1) / 2
        let score = zip(bins, weights).reduce(0) { sum, pair in
            sum + (pair.0.map { (Double($0) - middle) / 2 * pair.1 } ?? 0)
        }
        return 1 / (1 + exp(-score))
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
