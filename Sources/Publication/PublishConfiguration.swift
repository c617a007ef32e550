package import Adapter
package import Configuration
package import Federation

/// configs/…/publish.yaml: the run's plan, and what is trained.
package struct PublishConfiguration: Configurable, Sendable {
    /// What the rounds sum.
    package enum Model: Sendable {
        /// A LoRA adapter over the base model in this folder; or, under `mode: full`, the base model itself, if it has no more than so many
        /// weights.
        case adapter(base: String, AdapterConfiguration, maximumWeights: Int)
        /// So many values without a meaning: to measure rounds.
        case values(Int)

        /// The base model's; nil where there is none.
        package var folder: String? { if case .adapter(let base, _, _) = self { base } else { nil } }
    }

    package let model: Model
    /// The variables that the statistics round is about; nil for a run without one.
    package let variables: String?
    package let plan: RunPlan
    package let update: UpdatePlan
    package let clipNorm: Double
    package let range: Double
    package let bits: Int
    package let planner: PlannerPlan
    package let encryption: EncryptionPlan
    /// Nil where every value is sent, on the range of all.
    package let compression: CompressionSettings?
    package let pace: PacePlan
    /// Nil where updates are made and summed without noise.
    package let privacy: PrivacySettings?
    package let countBits: Int
    package let minimumCohort: Int
    /// Nil: the whole cohort.
    package let quorum: Int?
    package let deadline: Duration
    /// Nil: a step is tried until it is done.
    package let attempts: Int?
    /// How long publish stays for stages that have not heard the end of the run.
    package let endGrace: Duration
    package let threads: Int
    package let seed: UInt64
    /// Releases that stay on the disk, the newest ones; nil for all.
    package let keepReleases: Int?
    /// Where releases go; nil for `releases` in the stage's state.
    package let output: String?

    package init(from file: Section) throws {
        let seed = UInt64(
            file.int("seed", in: 0...Int.max, default: 1, about: "of the frozen A and of the data's order"))
        self.seed = seed
        variables = file.optionalPath(
            "variables", kind: .file,
            about: "the federation's variables file; without it there is no statistics round, and nothing to train on")
        let rounds = file.int("rounds", in: 0...100_000, about: "update rounds")
        let update = try UpdatePlan(from: file, rounds: rounds, seed: seed)
        self.update = update
        let bits = file.int("bits", in: 2...32, default: 12, about: "bits of a quantised value in updates")
        self.bits = bits
        let planner =
            try file.optionalSection(
                "planner", about: "lets publish choose what an update round asks of each cloud (docs/links.md)"
            ) { PlannerPlan.read($0, update: update, bits: bits) } ?? .off
        self.planner = planner
        clipNorm = file.double(
            "clip-norm", in: 0...1e9, default: 10, about: "L2 norm of a cloud's delta at most; 0 for no limit")
        let privacy = try file.optionalSection(
            "privacy", about: "noise that updates are made and summed under; without it none (docs/privacy.md)"
        ) { PrivacySettings.read($0, in: file, update: update) }
        self.privacy = privacy
        let isNoisy = privacy?.training != nil
        let given = file.optionalDouble(
            "range", in: Value.positive,
            about: "largest value of an update that the quantiser carries; without it learning-rate * local-steps")
        if let given = given ?? (isNoisy && update.optimizer == .sgd ? nil : update.reach) {
            range = given
        } else {
            range = 1
            file.refuse(
                isNoisy ? "privacy" : "gradient-clip",
                isNoisy
                    ? "nothing bounds the steps of `local-optimizer: sgd` under noise: give `range`"
                    : "at 0 nothing bounds the steps of `local-optimizer: sgd`: give `range`, or clip gradients")
        }
        countBits = file.int(
            "count-bits", in: 22...32, default: 32, about: "bits of a value in statistics and evaluations")
        minimumCohort = file.int(
            "minimum-cohort", in: 1...1024, default: 3,
            about: "clouds below which no sum is opened; never above the quorum")
        quorum = file.optionalInt(
            "quorum", in: 1...1024, about: "clouds that make an update round at its deadline; without it all")
        deadline = file.duration(
            "deadline", default: .seconds(600), about: "how long a round may take from its opening; without it 10m")
        attempts = file.optionalInt(
            "attempts", in: 1...100_000,
            about: "abandoned rounds in a row after which the run has failed; without it publish waits, and tries on")
        endGrace = file.duration(
            "end-grace", default: .seconds(120),
            about: "how long publish stays, when the run is over, for stages that have not heard it; without it 2m")
        threads = file.int("threads", in: 1...1024, default: 2, about: "threads that open sums")
        output = file.optionalPath(
            "output", about: "the folder that releases go to; without it `releases` in the stage's state")
        keepReleases = file.optionalInt(
            "keep-releases", in: 1...100_000, about: "releases that stay on the disk, the newest ones; without it all")
        let validateEvery = file.int(
            "validate-every", in: 0...100_000, default: 1,
            about: "an evaluation on the validation split before the first and after every so many updates; 0 for none")
        let test = file.bool("test", default: true, about: "whether the run ends with an evaluation on the test split")
        let clipNorm = clipNorm
        encryption =
            try file.optionalSection("encryption", about: "how much of an update is encrypted; without it everything") {
                EncryptionPlan.read($0, clipNorm: clipNorm)
            } ?? .full
        if planner.mode == .balance, case .literal = encryption {
            file.refuse("planner", "under `formula: literal-eq4` nobody is weighed, and no step: take one of the two")
        }
        if update.weights.mode != .uniform, case .literal = encryption {
            file.refuse(
                "weights",
                "under `formula: literal-eq4` nobody is weighed, as its denominator is the number of clouds, and a release would name `\(update.weights.mode.rawValue)` all the same: `weights: {mode: uniform}`"
            )
        }
        if validateEvery == 0, update.rounds > 0, update.weights.usesLosses {
            file.refuse(
                "weights",
                "`\(update.weights.mode.rawValue)` weighs by the clouds' losses, which they tell with their scores on the validation split, and `validate-every: 0` asks for none: set `validate-every`, or take fedavg or uniform"
            )
        }
        let encryption = encryption
        compression = try file.optionalSection(
            "compression", about: "fewer bytes for an update; without it every value is sent, on one range"
        ) { CompressionSettings.read($0, outer: update.outer, encryption: encryption) }
        let (compression, quorum) = (compression, quorum)
        let pace =
            try file.optionalSection(
                "pace", about: "whether an update round waits for its slowest cloud, and what a late update counts"
            ) {
                PacePlan.read(
                    $0, quorum: quorum, weights: update.weights, encryption: encryption, compression: compression)
            } ?? .synchronous
        self.pace = pace
        privacy?.check(
            in: file, update: update, encryption: encryption, compression: compression, planner: planner,
            pace: pace, clipNorm: clipNorm, test: test)
        plan = RunPlan(
            statistics: variables != nil, sensitivity: encryption.needsSensitivities, updates: update.rounds,
            validateEvery: validateEvery, test: test)
        let count = file.optionalInt(
            "values", in: 1...(1 << 28),
            about: "instead of `base` and `adapter`: so many values without a meaning, to measure rounds")
        if let count {
            model = .values(count)
        } else {
            let base = file.path("base", about: "the base model's folder: config.json, weights, tokenizer.json")
            let name = file.string(
                "base-name", default: base.split(separator: "/").last.map(String.init) ?? base,
                about: "the name by which users load the base model; without it its folder's")
            let (adapter, most) = try file.section("adapter", about: "LoRA's adapter; `{}` takes all defaults") {
                section in
                let trains = AdapterConfiguration.Trains.read(section)
                if let problem = trains.problem(
                    outer: update.outer, compression: compression, encryption: encryption, pace: pace)
                {
                    section.refuse("mode", problem)
                }
                let rank = section.int("rank", in: 1...512, default: 16, about: "LoRA's rank")
                let alpha = section.int("alpha", in: 1...65_536, default: 32, about: "LoRA's alpha")
                let targets =
                    section.has("targets")
                    ? section.list("targets", about: "the projections that are adapted; without it all seven") {
                        $0.choice(of: Projection.self).rawValue
                    }
                    : Projection.allCases.map(\.rawValue)
                let most = section.int(
                    "maximum-weights", in: 1...LlamaWeights.maximumCount,
                    default: 1 << 20,
                    about: "of `mode: full`: the weights of the largest base model that may be trained whole")
                guard trains == .full else {
                    if section.has("maximum-weights") {
                        section.refuse(
                            "maximum-weights", "only `mode: full` trains a base model's weights: leave it out")
                    }
                    return (
                        try AdapterConfiguration(
                            rank: rank, alpha: alpha, targetModules: targets, trains: trains, seed: seed,
                            baseModelName: name), most
                    )
                }
                for key in ["rank", "alpha", "targets"] where section.has(key) {
                    section.refuse(
                        key, "under `mode: full` every weight is trained, and there is no adapter: leave it out")
                }
                return (try AdapterConfiguration(everyWeightOf: name, seed: seed), most)
            }
            model = .adapter(base: base, adapter, maximumWeights: most)
        }
    }
}

extension PublishConfiguration {
    /// What its updates ask that clouds with several local-train stages cannot always do.
    package var workerDemands: WorkerDemands {
        var trains = ""
        if case .adapter(_, let adapter, _) = model { trains = adapter.trains.rawValue }
        return WorkerDemands(
            batch: update.batchSize, trains: trains, hasNoisySteps: privacy?.training != nil,
            takesLate: pace.mode != .synchronous)
    }
}
