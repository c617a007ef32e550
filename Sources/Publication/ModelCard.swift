import Adapter
import Federation
import JSONText
import Safetensors
import Sodium

/// README.md of a release, with the front matter that the Hugging Face Hub reads. It holds no time and no digest of its own
/// folder, so the same run writes the same card.
struct ModelCard {
    let draft: ReleaseDraft
    let key: Minisign.PublicKey

    var text: String {
        [frontMatter, heading, participation, method, privacy, figures, use, check].joined(separator: "\n")
    }

    private var base: String { draft.model.baseModelName }
    private var isWhole: Bool { if case .whole = draft.model { true } else { false } }
    /// What was trained, as people call it.
    private var thing: String { isWhole ? "model" : "adapter" }

    private var frontMatter: String {
        let own =
            isWhole
            ? [JSON.quoted("base_model:finetune:\(base)")]
            : [JSON.quoted("base_model:adapter:\(base)"), "lora", "transformers"]
        let tags = own + ["federated-learning", "tributary"]
        return """
            ---
            base_model: \(JSON.quoted(base))
            library_name: \(isWhole ? "transformers" : "peft")
            pipeline_tag: text-generation
            tags:
            \(tags.map { "- \($0)" }.joined(separator: "\n"))
            ---

            """
    }

    private var heading: String {
        switch draft.model {
        case .adapter(let adapter): heading(adapter.configuration)
        case .whole(let model):
            """
            # Model of run \(draft.run), round \(draft.round)

            \(Self.escaped(base)) with all of its \(model.values.count) weights trained further (`full`). Several clouds trained it together with Tributary; no
            cloud's records left it.

            """
        }
    }

    private func heading(_ configuration: AdapterConfiguration) -> String {
        let targets = configuration.targets.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        let frozen = Self.words(for: configuration.trains)
        return """
            # Adapter of run \(draft.run), round \(draft.round)

            A LoRA adapter (rank \(configuration.rank), alpha \(configuration.alpha)) for \(Self.escaped(base)), on \(targets). \(frozen)
            Several clouds trained it together with Tributary; no cloud's records left it.

            """
    }

    private var participation: String {
        var lines = [
            "## Who took part", "", "Since the release before this one:", "",
            "| round | purpose | cloud | owner | weight | contribution |",
            "|--:|---|---|---|--:|---|",
        ]
        for round in draft.rounds {
            for part in round.cohort {
                lines.append(
                    "| \(round.round) | \(round.purpose)\(part.base.map { ", late of round \($0)" } ?? "") | \(part.cloud) | \(Self.escaped(part.owner)) | \(Figure.short(part.weight)) "
                        + "| `\(part.contribution.short)` |")
            }
        }
        return
            (lines + [
                "",
                "The full digests are in manifest.json, and all rounds of the run in rounds.jsonl, which lies beside the releases.",
                "",
            ]).joined(separator: "\n")
    }

    private var method: String {
        guard let method = draft.method else { return "" }
        return """
            ## How it was trained

            In the round that made it each cloud took \(method.summary); the mean of their deltas, by weight, went into the \(thing) by
            \(method.outer.summary). \(Self.words(for: method.weights, method.weightsParameters))\(method.compression.map { "\n\($0.summary)" } ?? "")\(method.pace.map { "\n\($0.summary)" } ?? "")

            """
    }

    private static func words(for trains: AdapterConfiguration.Trains) -> String {
        switch trains {
        case .b: "A was fixed by the run's seed, B was trained."
        case .alternate: "A and B were trained in turn, B in odd updates (`alternate`), so that each sum was exact."
        case .a:
            "**A alone was shared, and B here is 0 (`shareA`): by itself this adapter changes nothing. It belongs under a B of one's own: each cloud has trained one on its own records and kept it; whoever has none trains B over this A, which stands still.**"
        case .core:
            "A and B were fixed by the run's seed, and a matrix of the rank's size between them was trained (`core`), which is folded into B here."
        case .both:
            "**A and B were trained in one update (`inexact`): the mean of the clouds' factors, which this is, is not the mean of their adapters.**"
        case .full: ""  // has no adapter
        }
    }

    private static func words(for weights: Weighting.Mode, _ parameters: [String: Double]) -> String {
        let given = parameters.sorted { $0.key < $1.key }.map {
            "\($0.key.replacing("_seconds", with: "")) \(Figure.short($0.value))\($0.key.hasSuffix("_seconds") ? " s" : "")"
        }
        return words(for: weights, beta: parameters["beta"])
            + (given.isEmpty ? "" : " (\(given.joined(separator: ", ")).)")
    }

    private static func words(for weights: Weighting.Mode, beta: Double?) -> String {
        switch weights {
        case .fedavg: "Weights are the clouds' training records, bucketed."
        case .uniform: "Each cloud counted alike."
        case .quality:
            beta == 0
                ? "A cloud counted for its records, less for a late contribution (`quality`)."
                : "A cloud counted for its records, less for a large loss or a late contribution (`quality`)."
        case .qffl: "A cloud counted for its records, and more for a large loss (`qffl`)."
        case .reciprocal:
            "A cloud counted for records, a small loss and a fast link (`reciprocal`): the link says nothing of its data."
        case .literal:
            "**Weights were made by equation 5 of arXiv 2503.12226 to the letter (`literal`): fewer records, a larger loss and a slower link count for more, the opposite of what its text means.**"
        }
    }

    private var privacy: String {
        let privacy = draft.privacy
        let simulated =
            privacy.simulated.isEmpty
            ? "Nothing was simulated."
            : "**Simulated, so not a protection:** \(privacy.simulated.map(Self.escaped).joined(separator: ", "))."
        let degree = privacy.damgardJurik.map { $0 > 1 ? ", Damgård and Jurik's s = \($0)" : "" } ?? ""
        return """
            ## How the updates were protected

            | setting | value |
            |---|---|
            | suite | \(Self.escaped(privacy.suite)), profile \(Self.escaped(privacy.profile))\(degree) |
            | rests on | \(Self.escaped(privacy.assumption)) |
            | keys | \(Self.escaped(privacy.keyMode)) |
            | who together could open one cloud's update | \(Self.escaped(privacy.whoCouldOpen)) |
            | encrypted | \(Self.escaped(privacy.encryption?.summary ?? "not said")) |
            | quantisation | \(privacy.bits) bits, clip norm \(Figure.short(privacy.clipNorm)) |
            | smallest cohort whose sum was opened | \(privacy.minimumCohort) |

            \(simulated)
            \(privacy.noise?.summary ?? withoutNoise)

            """
    }

    private var withoutNoise: String {
        """
        The \(thing) itself is public to whoever holds it: without differential privacy it may reveal something about the
        records that it was trained on.
        """
    }

    private var figures: String {
        guard !draft.metrics.isEmpty else { return "" }
        let rows = draft.metrics.sorted { $0.key < $1.key }.map {
            "| \(Self.escaped($0.key)) | \(Figure.short($0.value)) |"
        }
        return (["## Figures", "", "| metric | value |", "|---|--:|"] + rows + [""]).joined(separator: "\n")
    }

    private var use: String {
        guard !isWhole else {
            return """
                ## Load it

                ```python
                from transformers import AutoModelForCausalLM

                model = AutoModelForCausalLM.from_pretrained(".")  # this folder
                ```

                """
        }
        return """
            ## Load it

            ```python
            from transformers import AutoModelForCausalLM
            from peft import PeftModel

            base = AutoModelForCausalLM.from_pretrained(\(JSON.quoted(base)))
            model = PeftModel.from_pretrained(base, ".")  # this folder
            ```

            """
    }

    private var check: String {
        """
        ## Verify it

        ```sh
        minisign -Vm manifest.json -P \(key.text)
        jq -r '.files[] | "\\(.sha256)  \\(.name)"' manifest.json | sha256sum --check --strict
        ```

        Take the key from its owner, not from this page. `tributary verify .` does both, looks for files that should not be
        here, follows the chain of releases back to the first, and holds rounds.jsonl to what they say of it.

        """
    }

    /// Text that somebody chose, made inert in a Markdown table.
    static func escaped(_ text: String) -> String {
        var output = ""
        for character in text {
            if "\\`*_{}[]<>|#~".contains(character) { output.append("\\") }
            output.append(character.isNewline ? " " : character)
        }
        return output
    }
}
