package import Adapter
package import Configuration

/// configs/…/publish.yaml: the run's plan, and what is trained.
package struct PublishConfiguration: Configurable, Sendable {
    /// What the rounds sum.
    package enum Model: Sendable {
        /// A LoRA adapter over the base model in this folder.
        case adapter(base: String, AdapterConfiguration)
        /// So many values without a meaning: to measure rounds.
        case values(Int)

        /// The base model's; nil where there is none.
        package var folder: String? { if case .adapter(let base, _) = self { base } else { nil } }
    }

    package let model: Model
    /// The variables that the statistics round is about; nil for a run without one.
    package let variables: String?
    package let plan: RunPlan
    package let update: UpdatePlan
    package let clipNorm: Double
    package let range: Double
    package let bits: Int
    package let encryption: EncryptionPlan
    package let countBits: Int
    package let minimumCohort: Int
    /// Nil: the whole cohort.
    package let quorum: Int?
    package let deadline: Duration
    package let attempts: Int
    /// How long publish stays for stages that have not heard the end of the run.
    package let endGrace: Duration
    package let threads: Int
    package let seed: UInt64
    /// Releases that stay on the disk, the newest ones; nil for all.
    package let keepReleases: Int?
    /// Where releases go; nil for `releases` in the stage's state.
    package let output: String?

    package init(from file: Section) throws {
        let seed = UInt64(file.int("seed", in: 0...Int.max, default: 1))
        self.seed = seed
        variables = file.optionalPath("variables", kind: .file)
        let update = try UpdatePlan(from: file, rounds: file.int("rounds", in: 0...100_000), seed: seed)
        self.update = update
        clipNorm = file.double("clip-norm", in: 0...1e9, default: 10)
        if let given = file.optionalDouble("range", in: Value.positive) ?? update.reach {
            range = given
        } else {
            range = 1
            file.refuse(
                "gradient-clip",
                "at 0 nothing bounds the steps of `local-optimizer: sgd`: give `range`, or clip gradients")
        }
        bits = file.int("bits", in: 2...32, default: 12)
        countBits = file.int("count-bits", in: 22...32, default: 32)
        minimumCohort = file.int("minimum-cohort", in: 1...1024, default: 3)
        quorum = file.optionalInt("quorum", in: 1...1024)
        deadline = file.duration("deadline", default: .seconds(600))
        attempts = file.int("attempts", in: 1...1000, default: 3)
        endGrace = file.duration("end-grace", default: .seconds(120))
        threads = file.int("threads", in: 1...1024, default: 2)
        output = file.optionalPath("output")
        keepReleases = file.optionalInt("keep-releases", in: 1...100_000)
        let validateEvery = file.int("validate-every", in: 0...100_000, default: 1)
        let test = file.bool("test", default: true)
        let clipNorm = clipNorm
        encryption =
            try file.optionalSection("encryption") { EncryptionPlan.read($0, clipNorm: clipNorm) } ?? .full
        plan = RunPlan(
            statistics: variables != nil, sensitivity: encryption.needsSensitivities, updates: update.rounds,
            validateEvery: validateEvery, test: test)
        if let count = file.optionalInt("values", in: 1...(1 << 28)) {
            model = .values(count)
        } else {
            let base = file.path("base")
            let name = file.string("base-name", default: base.split(separator: "/").last.map(String.init) ?? base)
            let adapter = try file.section("adapter") { section in
                try AdapterConfiguration(
                    rank: section.int("rank", in: 1...512, default: 16),
                    alpha: section.int("alpha", in: 1...65_536, default: 32),
                    targetModules: section.has("targets")
                        ? section.list("targets") { $0.choice(of: Projection.self).rawValue }
                        : Projection.allCases.map(\.rawValue),
                    seed: seed, baseModelName: name)
            }
            model = .adapter(base: base, adapter)
        }
    }
}
