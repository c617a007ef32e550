package import MessagePack
package import Sodium

/// Whose contributions are in the sum. Made by aggregate.
package struct MaskSurvivors: Declaration {
    package static let kind = "mask-survivors"

    package let run: RunName
    package let round: RoundNumber
    package let opening: Digest
    package let agreement: Digest
    /// In the order of names; the digests are those of the masked contributions.
    package let survivors: [MaskPart]

    package init(run: RunName, round: RoundNumber, opening: Digest, agreement: Digest, survivors: [MaskPart]) {
        self.run = run
        self.round = round
        self.opening = opening
        self.agreement = agreement
        self.survivors = survivors
    }

    package var value: Value {
        .map([
            ("run", .text(run.description)), ("round", .round(round)), ("opening", .digest(opening)),
            ("agreement", .digest(agreement)), ("survivors", .list(survivors.map(\.value))),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        run = try fields.run("run")
        round = try fields.round("round")
        opening = try fields.digest("opening")
        agreement = try fields.digest("agreement")
        survivors = try fields.list("survivors", limit: MaskRoster.maximumAdvertisements).map {
            try MaskPart($0, at: "mask-survivors.survivors")
        }
        try fields.finish()
    }
}

/// What a cloud has decided about a round, and writes to its journal before it signs or opens anything: this set of
/// survivors, and never another.
package struct MaskDecision: Declaration {
    package static let kind = "mask-decision"

    package let stage: StageName
    package let survivors: MaskSurvivors
    package var run: RunName { survivors.run }

    package init(stage: StageName, survivors: MaskSurvivors) {
        self.stage = stage
        self.survivors = survivors
    }

    package var value: Value {
        .map([("stage", .text(stage.description)), ("survivors", survivors.value)])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        stage = try fields.stage("stage")
        survivors = try MaskSurvivors(fields.take("survivors"))
        try fields.finish()
    }

    /// What the cloud signs once the decision is in its journal.
    package var consent: MaskConsent {
        MaskConsent(
            run: survivors.run, round: survivors.round, opening: survivors.opening, agreement: survivors.agreement,
            survivors: survivors.documentDigest, stage: stage)
    }
}

/// A survivor's word that it opens its shares for this set of survivors and for no other. Signed by the cloud.
package struct MaskConsent: Declaration {
    package static let kind = "mask-consent"

    package let run: RunName
    package let round: RoundNumber
    package let opening: Digest
    package let agreement: Digest
    /// The digest of the `mask-survivors`.
    package let survivors: Digest
    package let stage: StageName

    package init(
        run: RunName, round: RoundNumber, opening: Digest, agreement: Digest, survivors: Digest, stage: StageName
    ) {
        self.run = run
        self.round = round
        self.opening = opening
        self.agreement = agreement
        self.survivors = survivors
        self.stage = stage
    }

    package var value: Value {
        .map([
            ("run", .text(run.description)), ("round", .round(round)), ("opening", .digest(opening)),
            ("agreement", .digest(agreement)), ("survivors", .digest(survivors)), ("stage", .text(stage.description)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        run = try fields.run("run")
        round = try fields.round("round")
        opening = try fields.digest("opening")
        agreement = try fields.digest("agreement")
        survivors = try fields.digest("survivors")
        stage = try fields.stage("stage")
        try fields.finish()
    }
}

/// One share for each member of the agreement, in its order: of the seed of a survivor's self-mask, of the mask key of a
/// cloud that dropped out. There is room for one, so there are never both. Sealed to publish, signed by the cloud.
package struct MaskDisclosure: Declaration {
    package static let kind = "mask-disclosure"
    package static let shareByteCount = 32

    package let run: RunName
    package let round: RoundNumber
    package let opening: Digest
    package let agreement: Digest
    /// The digest of the `mask-survivors`.
    package let survivors: Digest
    package let stage: StageName
    package let sealed: [UInt8]

    package init(
        run: RunName, round: RoundNumber, opening: Digest, agreement: Digest, survivors: Digest, stage: StageName,
        sealed: [UInt8]
    ) {
        self.run = run
        self.round = round
        self.opening = opening
        self.agreement = agreement
        self.survivors = survivors
        self.stage = stage
        self.sealed = sealed
    }

    package var value: Value {
        .map([
            ("run", .text(run.description)), ("round", .round(round)), ("opening", .digest(opening)),
            ("agreement", .digest(agreement)), ("survivors", .digest(survivors)), ("stage", .text(stage.description)),
            ("sealed", .bytes(sealed)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        run = try fields.run("run")
        round = try fields.round("round")
        opening = try fields.digest("opening")
        agreement = try fields.digest("agreement")
        survivors = try fields.digest("survivors")
        stage = try fields.stage("stage")
        sealed = try fields.bytes(
            "sealed", limit: MaskRoster.maximumAdvertisements * Self.shareByteCount + SealedSecret.overhead)
        try fields.finish()
    }
}
