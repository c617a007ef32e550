package import Configuration
import FineTuning
import StageKit
import Tokenization
import Torch

/// configs/…/local-train.yaml.
package struct LocalTrainConfiguration: Configurable {
    enum Trainer: String, Sendable, CaseIterable {
        /// LoRA through libtorch.
        case lora
        /// Trains nothing and sends a fixed vector: to measure rounds, never for results.
        case none
    }

    let trainer: Trainer
    /// The base model's folder; empty for the trainer `none`.
    let base: String
    let threads: Int
    let compute: ComputeSettings
    /// The texts of the two answers, one token each.
    let event: String
    let noEvent: String
    /// Training records that a sensitivity round looks at.
    let sensitivityRecords: Int

    package init(from file: Section) throws {
        trainer = file.choice(
            "trainer", default: .lora, about: "`none` trains nothing and sends a fixed vector, to measure rounds")
        threads = file.int("threads", in: 1...1024, default: 1, about: "compute threads")
        let precision: Precision = file.choice(
            "precision", default: .f32,
            about:
                "of the base model's weights and of what flows between its layers; what is trained, and sent, is f32 in either case"
        )
        let name = file.string(
            "device", default: "cpu", about: "`cpu`, or `cuda` or `cuda:N`, where the engine is built for it")
        if let device = Device(name) {
            compute = ComputeSettings(device: device, precision: precision)
        } else {
            file.refuse("device", "expected cpu, cuda or cuda:N with N from 0 to 127, found \"\(name.prefix(40))\"")
            compute = ComputeSettings(device: .cpu, precision: precision)
        }
        base =
            file.optionalPath(
                "base", kind: .any,
                about: "the base model's folder: config.json, weights, tokenizer.json; the same files as publish's")
            ?? ""
        event = file.string(
            "event", default: " died", about: "the answer where it happened: one token of the base model's tokenizer")
        noEvent = file.string(
            "no-event", default: " survived",
            about: "the answer where it did not: one token of the base model's tokenizer")
        sensitivityRecords = file.int(
            "sensitivity-records", in: 1...65_536, default: 64,
            about: "training records that a sensitivity round looks at")
        if trainer == .lora, base.isEmpty { file.refuse("`base`: the folder of the base model is missing") }
    }
}

extension LocalTrainConfiguration {
    /// The tokens of the two answers in the base model's own tokenizer.
    func answers() throws -> AnswerTokens {
        let tokenizer = try Tokenizer(path: "\(base)/tokenizer.json")
        func token(_ text: String, _ key: String) throws -> Int32 {
            let ids = tokenizer.encode(text, addingSpecialTokens: false)
            guard ids.count == 1, let id = ids.first else {
                throw StageError.configuration(
                    "`\(key)`: \"\(text)\" is \(ids.count) tokens in the base model's tokenizer, expected one")
            }
            return id
        }
        return AnswerTokens(event: try token(event, "event"), noEvent: try token(noEvent, "no-event"))
    }
}
