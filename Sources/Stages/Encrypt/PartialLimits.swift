import Configuration
import Federation
import Monitoring
import StageKit

/// What this cloud lets leave it in clear, whatever an opening asks: nothing, unless its config says otherwise.
struct PartialLimits {
    /// The part of an update's values that must be encrypted.
    var minimumFraction = 1.0
    /// The least noise on the others, in clip norms over the root of the number of values.
    var minimumNoise = 0.5
    /// How often it sends values in clear from one adapter: a round that is given up is opened again, and each answer tells the
    /// same values under fresh noise.
    var answers = 3
    /// Whether it answers openings under equation 4 to the letter, which hides nothing.
    var literal = false

    init() {}

    init(from limits: Section) {
        minimumFraction = limits.double(
            "minimum-fraction", in: 0...1, default: minimumFraction,
            about: "the part of an update's values that must be encrypted; at 1 nothing is ever sent in clear")
        minimumNoise = limits.double(
            "minimum-noise", in: 0...1e6, default: minimumNoise,
            about: "the least noise on the others, in clip norms over the root of the number of values")
        answers = limits.int(
            "answers-in-clear", in: 1...10_000, default: answers,
            about: "how often values in clear are sent from one adapter")
        literal = limits.bool(
            "literal", default: literal, about: "whether openings under `literal-eq4` are answered, which hide nothing")
    }

    /// Why this cloud does not answer an opening; nil if it does.
    func refusal(of opening: Opening) -> String? {
        switch opening.encryption {
        case nil:
            guard opening.purpose == .sensitivity, minimumFraction == 1 else { return nil }
            return
                "its sum would choose which values are sent in clear, and this cloud's limits.minimum-fraction is 1: it sends none"
        case .selective(_, let noise):
            guard opening.encryptedFraction >= minimumFraction else {
                return
                    "it would encrypt \(opening.encryptedFraction) of the values, this cloud's limits.minimum-fraction is \(minimumFraction)"
            }
            guard noise >= minimumNoise else {
                return
                    "it would have noise \(noise) on values in clear, this cloud's limits.minimum-noise is \(minimumNoise)"
            }
            return nil
        case .literal:
            return literal ? nil : "\(PartialEncryption.leak); this cloud's limits.literal is false"
        }
    }
}

// What is said, and remembered, where not all is encrypted.
extension EncryptStage {
    static let answersPrefix = "in-clear/"

    /// How often this cloud has answered, with values in clear, openings that start from the same adapter.
    func answersInClear(_ opening: Opening, _ entry: JournalEntry) throws -> Int {
        guard let bytes = try entry.fact("\(Self.answersPrefix)\(opening.startsFrom)") else { return 0 }
        return bytes.reduce(0) { $0 << 8 | Int($1) }
    }

    /// Goes into the journal with the answer.
    func countAnswerInClear(_ opening: Opening, _ entry: JournalEntry) throws {
        guard opening.encryption != nil else { return }
        let count = try answersInClear(opening, entry) + 1
        try entry.setFact(
            "\(Self.answersPrefix)\(opening.startsFrom)", [UInt8(count >> 8 & 255), UInt8(count & 255)])
    }

    /// Throws where one more answer would be one too many.
    func checkAnswersInClear(_ opening: Opening) throws {
        guard case .selective = opening.encryption else { return }
        let given = try context.journal.read { try answersInClear(opening, $0) }
        guard given < configuration.partial.answers else {
            throw Refusal(
                "this cloud has sent values in clear from the same adapter \(given) times, each time under fresh noise; its limits.answers-in-clear is \(configuration.partial.answers)"
            )
        }
    }

    /// At the start: what this cloud's limits would let it do.
    func warn() {
        guard configuration.partial.literal else { return }
        context.log.tell(
            .literalFormulaAllowed,
            [
                .reason: .text(
                    "limits.literal is true: this cloud answers openings under a formula that leaks; \(PartialEncryption.leak)"
                )
            ])
    }

    /// In each round.
    func warn(of opening: Opening) {
        switch opening.encryption {
        case nil: break
        case .selective(let mask, let noise):
            context.log.tell(
                .partlyEncrypted, round: opening.round,
                [
                    .encrypted: .number(mask.count), .values: .number(mask.values),
                    .fraction: .real(opening.encryptedFraction), .noise: .real(noise),
                    .noiseDeviation: .real(opening.noiseDeviation),
                ])
        case .literal:
            context.log.tell(.literalFormula, round: opening.round, [.reason: .text(PartialEncryption.leak)])
        }
    }
}
