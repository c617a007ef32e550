package import MessagePack
package import Sodium

/// How values are hidden in a round.
package enum Suite: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Packed Paillier: whoever lacks the private key learns sizes only.
    case paillier
    /// Pairwise masks: whoever lacks the others' masks learns sizes only. For rounds in which all clouds answer together.
    case secagg
    /// Nothing is hidden: the peer to test and measure against. Refused between clouds unless asked for by name.
    case clear

    package var description: String { rawValue }
}

/// A cloud that may take part in a round, and its weight (bucketed, see `Weight`).
package struct Member: Hashable, Sendable {
    package let cloud: CloudName
    package let weight: UInt32

    package init(cloud: CloudName, weight: UInt32) {
        self.cloud = cloud
        self.weight = weight
    }
}

/// The rule of a cloud's own steps.
package enum LocalOptimizer: String, Hashable, Sendable, CaseIterable {
    case adamW = "adamw"
    /// Plain gradient descent: with one step a round it is FedSGD (McMahan et al. 2017).
    case sgd
}

/// What every cloud does alike in an `update` round, and what publish does with the sum of it.
package struct TrainingPlan: Hashable, Sendable {
    package let steps: Int
    package let batchSize: Int
    package let optimizer: LocalOptimizer
    package let learningRate: Double
    package let weightDecay: Double
    package let gradientClip: Double
    /// FedProx's mu (Li et al. 2020, arXiv 1812.06127): each step's loss has mu / 2 times the squared distance from the round's
    /// start in it. 0 for none.
    package let proximal: Double
    /// Public: initialisation and data order (docs/architecture.md, "Three sources of randomness").
    package let seed: UInt64
    package let outer: OuterOptimizer
    /// What the cohort's weights come from.
    package let weighting: WeightingPlan
    package let pacing: Pacing

    package init(
        steps: Int, batchSize: Int, optimizer: LocalOptimizer = .adamW, learningRate: Double, weightDecay: Double,
        gradientClip: Double, proximal: Double = 0, seed: UInt64, outer: OuterOptimizer = .average(rate: 1),
        weighting: WeightingPlan = .records, pacing: Pacing = .even
    ) {
        self.steps = steps
        self.batchSize = batchSize
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.gradientClip = gradientClip
        self.proximal = proximal
        self.seed = seed
        self.outer = outer
        self.weighting = weighting
        self.pacing = pacing
    }

    /// In a few words, for whoever looks: `12 adamw steps, average`.
    package var summary: String {
        let near = proximal > 0 ? ", proximal \(proximal)" : ""
        let weights = ", weights \(weighting.rule.mode.rawValue)"
        let counts = pacing.paces.map(\.steps)
        if let least = counts.min(), let most = counts.max() {
            return
                "\(least) to \(most) \(optimizer.rawValue) steps, balanced\(near), \(outer.summary)\(weights)"
        }
        return "\(steps) \(optimizer.rawValue) step\(steps == 1 ? "" : "s")\(near), \(outer.summary)\(weights)"
    }
}

/// Which held-out patients an `evaluation` round scores.
package enum EvaluationSplit: String, Sendable, CaseIterable {
    case validation
    case test
}

/// Opens a round: what is asked, of whom, until when, and in which form. Signed by publish.
package struct Opening: Declaration {
    package static let kind = "opening"

    package let run: RunName
    package let round: RoundNumber
    package let purpose: Purpose
    /// Whose the sum is, until an `Appointment` says otherwise.
    package let seat: Seat
    package let layout: VectorLayout
    /// Bits of a quantised value, 2...32.
    package let bits: Int
    package let suite: Suite
    /// Names the Paillier key (BLAKE2b of n, 16 bytes) and its profile; empty under `secagg` and `clear`.
    package let keyID: [UInt8]
    package let profile: String
    /// Damgard and Jurik's s under `paillier`: plaintexts are mod n^s. 1 otherwise.
    package let degree: Int
    /// The L2 norm to which a delta is clipped; 0 where nothing is clipped.
    package let clipNorm: Double
    package let cohort: [Member]
    package let quorum: Int
    package let minimumCohort: Int
    /// Milliseconds since 1970, UTC.
    package let deadline: UInt64
    /// The release whose adapter this round starts from; round 0 is the untrained adapter.
    package let startsFrom: RoundNumber
    package let adapterDigest: Digest
    /// What is trained, on which base model: a cloud whose base or tokenizer differs refuses the round.
    package let adapter: AdapterPlan
    package let training: TrainingPlan?
    package let split: EvaluationSplit?
    /// Nil where everything is sealed with the suite.
    package let encryption: PartialEncryption?
    /// Of an update; nil where all values are sent, on the layout's ranges.
    package let compression: CompressionPlan?
    /// Of an update; nil where it is synchronous.
    package let pace: Pace?
    /// Of an update; nil without noise.
    package let privacy: PrivacyPlan?
    /// What is sealed and added: the layout, or what compression leaves of it.
    package let sealed: VectorLayout

    package init(
        run: RunName, round: RoundNumber, purpose: Purpose, seat: Seat, layout: VectorLayout, bits: Int,
        suite: Suite, keyID: [UInt8], profile: String, degree: Int = 1, clipNorm: Double, cohort: [Member], quorum: Int,
        minimumCohort: Int, deadline: UInt64, startsFrom: RoundNumber, adapterDigest: Digest, adapter: AdapterPlan,
        training: TrainingPlan?, split: EvaluationSplit?, encryption: PartialEncryption? = nil,
        compression: CompressionPlan? = nil, pace: Pace? = nil, privacy: PrivacyPlan? = nil
    ) {
        self.privacy = privacy
        self.run = run
        self.round = round
        self.purpose = purpose
        self.seat = seat
        self.layout = layout
        self.bits = bits
        self.suite = suite
        self.keyID = keyID
        self.profile = profile
        self.degree = degree
        self.clipNorm = clipNorm
        self.cohort = cohort
        self.quorum = quorum
        self.minimumCohort = minimumCohort
        self.deadline = deadline
        self.startsFrom = startsFrom
        self.adapterDigest = adapterDigest
        self.adapter = adapter
        self.training = training
        self.split = split
        self.encryption = encryption
        self.compression = compression
        self.pace = pace
        sealed = compression?.places.map(layout.selecting) ?? layout
    }

    /// Of an update the round whose adapter it starts from.
    package var updateStart: RoundNumber? { purpose == .update ? startsFrom : nil }

    package func member(_ cloud: CloudName) -> Member? { cohort.first { $0.cloud == cloud } }

    /// How the update comes about, in a few words for whoever looks; empty but for updates.
    package var method: String {
        guard let training else { return "" }
        let words: [String?] = [
            training.summary, adapterMode, compression?.summary(bits: bits, values: layout.count) ?? "\(bits) bits",
            pace?.summary ?? "synchronous", privacy?.summary, encryptionMode,
        ]
        return words.compactMap { $0 }.joined(separator: ", ")
    }

    /// Nothing where values without a meaning are summed.
    private var adapterMode: String? {
        switch adapter.trains {
        case "b": adapter.targets.isEmpty ? nil : "adapter freezeA"
        case "a": "adapter shareA"
        case "both": "adapter inexact"
        case "alternate":
            "adapter alternate (\(layout.segments.first?.name.hasSuffix("lora_A.weight") == true ? "A" : "B"))"
        default: "adapter \(adapter.trains)"
        }
    }

    /// How much of the update is encrypted, and by which formula.
    private var encryptionMode: String {
        switch encryption {
        case .selective(let mask, let noise):
            "encryption selective (\(mask.count) of \(mask.values) values, noise \(noise) on the others)"
        case .literal(let omega): "encryption literal-eq4 (omega \(omega), which hides nothing)"
        case nil: suite == .clear ? "encryption none" : "encryption full"
        }
    }

    /// The standard deviation of the noise that each cloud adds to a value in clear; 0 where there is none.
    package var noiseDeviation: Double {
        guard case .selective(_, let noise) = encryption else { return 0 }
        return noise * clipNorm / Double(layout.count).squareRoot()
    }

    /// The part of the values that is encrypted (of Equation 4's: how much of each).
    package var encryptedFraction: Double {
        switch encryption {
        case .selective(let mask, _): Double(mask.count) / Double(mask.values)
        case .literal(let omega): omega
        case nil: suite == .clear ? 0 : 1
        }
    }
}

extension Opening {
    package var value: Value {
        .map(
            [
                ("run", .text(run.description)),
                ("round", .round(round)),
                ("purpose", .text(purpose.rawValue)),
                ("layout", layout.value),
                ("bits", .number(bits)),
                ("suite", .text(suite.rawValue)),
                ("key", .bytes(keyID)),
                ("profile", .text(profile)),
                ("degree", .number(degree)),
                ("clip", .double(clipNorm)),
                ("cohort", .list(cohort.map(\.value))),
                ("quorum", .number(quorum)),
                ("minimum", .number(minimumCohort)),
                ("deadline", .unsigned(deadline)),
                ("starts-from", .round(startsFrom)),
                ("adapter-digest", .digest(adapterDigest)),
                ("adapter", adapter.value),
                ("training", training?.value ?? .none),
                ("split", split.map { .text($0.rawValue) } ?? .none),
                ("encryption", encryption?.value ?? .none),
                ("compression", compression?.value ?? .none),
                ("pace", pace?.value ?? .none),
                ("privacy", privacy?.value ?? .none),
            ] + seat.pairs)
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "opening")
        run = try fields.run("run")
        round = try fields.round("round")
        purpose = try fields.choice("purpose")
        layout = try VectorLayout(value: fields.take("layout"))
        bits = try fields.integer("bits", in: 2...32)
        suite = try fields.choice("suite")
        keyID = try fields.bytes("key", limit: 16)
        profile = try fields.text("profile", limit: 64)
        degree = try fields.integer("degree", in: 1...3)
        clipNorm = try fields.real("clip", in: 0...1e12)
        cohort = try fields.list("cohort", limit: 1024).map { try Member($0) }
        quorum = try fields.integer("quorum", in: 1...1024)
        minimumCohort = try fields.integer("minimum", in: 1...1024)
        deadline = try fields.wide("deadline")
        startsFrom = try fields.round("starts-from")
        adapterDigest = try fields.digest("adapter-digest")
        adapter = try AdapterPlan(fields.take("adapter"))
        training = try fields.optional("training").map { try TrainingPlan($0) }
        split = try fields.optionalChoice("split")
        let values = layout.count
        encryption = try fields.optional("encryption").map { try PartialEncryption($0, values: values) }
        let layout = layout
        compression = try fields.optional("compression").map { try CompressionPlan($0, layout: layout) }
        sealed = compression?.places.map(layout.selecting) ?? layout
        pace = try fields.optional("pace").map { try Pace($0) }
        privacy = try fields.optional("privacy").map { try PrivacyPlan($0) }
        seat = try fields.seat(at: "opening")
        try fields.finish()
        guard Set(cohort.map(\.cloud)).count == cohort.count else {
            throw FederationError.malformed(place: "opening.cohort", "a cloud appears twice")
        }
        guard quorum <= cohort.count, minimumCohort <= quorum else {
            throw FederationError.malformed(
                place: "opening.quorum",
                "expected minimum <= quorum <= cohort, found \(minimumCohort), \(quorum) and \(cohort.count)")
        }
        guard degree == 1 || suite == .paillier else {
            throw FederationError.malformed(place: "opening.degree", "\(suite) has no s but 1, found \(degree)")
        }
        guard (training != nil) == (purpose == .update), (split != nil) == (purpose == .evaluation) else {
            throw FederationError.malformed(place: "opening.purpose", "plan and split do not fit \(purpose)")
        }
        guard encryption == nil || (purpose == .update && suite == .paillier) else {
            throw FederationError.malformed(
                place: "opening.encryption", "only updates under paillier have a part in clear")
        }
        if let paces = training?.pacing.paces, !paces.isEmpty || training?.pacing.mode == .balanced {
            guard paces.map(\.cloud) == cohort.map(\.cloud) else {
                throw FederationError.malformed(
                    place: "opening.training.pacing", "its clouds are not the cohort's, in the same order")
            }
            guard encryption?.formula != .literal else {
                throw FederationError.malformed(
                    place: "opening.training.pacing", "equation 4 to the letter weighs no steps")
            }
        }
        guard compression == nil || (purpose == .update && encryption == nil) else {
            throw FederationError.malformed(
                place: "opening.compression", "only updates that are sealed whole are compressed")
        }
        try pace?.check(self)
        if let problem = privacy?.problem(in: self) {
            throw FederationError.malformed(place: "opening.privacy", problem)
        }
        if case .selective = encryption, clipNorm == 0 {
            throw FederationError.malformed(
                place: "opening.clip", "noise is counted in clip norms, and nothing is clipped")
        }
    }
}

extension Member {
    package var value: Value {
        .map([("cloud", .text(cloud.description)), ("weight", .unsigned(UInt64(weight)))])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "member")
        cloud = try fields.cloud("cloud")
        weight = UInt32(try fields.integer("weight", in: 1...Weight.maximum))
        try fields.finish()
    }
}

extension TrainingPlan {
    package var value: Value {
        .map([
            ("steps", .number(steps)), ("batch", .number(batchSize)), ("optimizer", .text(optimizer.rawValue)),
            ("rate", .double(learningRate)), ("decay", .double(weightDecay)), ("gradient-clip", .double(gradientClip)),
            ("proximal", .double(proximal)), ("seed", .unsigned(seed)), ("outer", outer.value),
            ("weighting", weighting.value), ("pacing", pacing.value),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "training")
        steps = try fields.integer("steps", in: 0...1_000_000)
        batchSize = try fields.integer("batch", in: 1...65_536)
        optimizer = try fields.choice("optimizer")
        learningRate = try fields.real("rate", in: 0...1e3)
        weightDecay = try fields.real("decay", in: 0...1e3)
        gradientClip = try fields.real("gradient-clip", in: 0...1e9)
        proximal = try fields.real("proximal", in: 0...1e6)
        seed = try fields.wide("seed")
        outer = try OuterOptimizer(fields.take("outer"))
        weighting = try WeightingPlan(fields.take("weighting"))
        pacing = try Pacing(fields.optional("pacing"))
        try fields.finish()
    }
}

extension VectorLayout {
    package var value: Value {
        .list(
            segments.map { segment in
                .list([
                    .text(segment.name), .list(segment.shape.map(Value.number)), .double(segment.range),
                ])
            })
    }

    package init(value: Value) throws {
        guard case .list(let rows) = value, rows.count <= VectorLayout.maximumSegments else {
            throw FederationError.malformed(place: "layout", "expected a list of segments, found \(value.kind)")
        }
        try self.init(
            rows.map { row in
                guard case .list(let parts) = row, parts.count == 3, case .text(let name) = parts[0],
                    case .list(let dimensions) = parts[1], case .double(let range) = parts[2]
                else { throw FederationError.malformed(place: "layout", "a segment is [name, shape, range]") }
                let shape = try dimensions.map { dimension -> Int in
                    guard case .unsigned(let number) = dimension, let size = Int(exactly: number) else {
                        throw FederationError.malformed(place: "layout.\(name.prefix(64))", "a dimension is a number")
                    }
                    return size
                }
                return Segment(name: name, shape: shape, range: range)
            })
    }
}
