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
    /// Which organ system moves a variable, and how strongly: the correlation with it.
    private static let loadings: [String: [(system: Int, loading: Double)]] = [
        "heartrate": [(0, 0.5), (4, 0.3)], "meanbp": [(0, -0.7)], "respiratoryrate": [(1, 0.5), (4, 0.3)],
        "temperature": [(4, 0.6)], "gcs": [(3, -0.9)], "motor": [(3, -0.9)], "urine": [(2, -0.5), (0, -0.3)],
        "wbc": [(4, 0.6)], "ph": [(1, -0.4), (2, -0.4)], "creatinine": [(2, 0.8)], "albumin": [(4, -0.4)],
        "pao2": [(1, -0.6)], "pco2": [(1, 0.5)], "bun": [(2, 0.8)], "glucose": [(4, 0.4)], "bilirubin": [(4, 0.3)],
        "fio2": [(1, 0.7)], "intubated": [(1, 0.7), (3, 0.3)], "vent": [(1, 0.7), (3, 0.3)], "hematocrit": [(0, -0.3)],
    ]
    private static let systems = 5

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
    package func shard(_ count: Int, split: TokenShard.Split = .train) throws -> TokenShard {
        let records = records(count)
        return try TokenShard(
            examples: records.map { vocabulary.tokens(of: $0) }, answer: records.map { Int32($0.answer) },
            label: records.map { $0.died ? 1 : 0 }, split: split, tokenizer: vocabulary.digest.description,
            cloud: "public")
    }

    private func record(_ random: inout SeededRandom) -> TextRecord {
        let systems = (0..<BaseTexts.systems).map { _ in random.normal() }
        // How much was measured varies from stay to stay.
        let measured = random.uniform(0.4...1)
        let bins = vocabulary.variables.variables.map { variable -> Int? in
            var z = 0.0
            var explained = 0.0
            for (system, loading) in BaseTexts.loadings[variable.name] ?? [] {
                z += loading * systems[system]
                explained += loading * loading
            }
            z += sqrt(max(0, 1 - explained)) * random.normal()
            return random.chance(measured) ? vocabulary.variables.bin(z) : nil
        }
        return TextRecord(bins: bins, variables: vocabulary.variables, died: random.chance(0.5))
    }
}
