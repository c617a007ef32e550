package import MessagePack
package import Sodium

/// Whose contributions are in the sum. Made by aggregate.
package struct MaskSurvivors: MaskDocument {
    package static let kind = "mask-survivors"

    package let head: MaskHead
    package let agreement: Digest
    /// In the order of names; the digests are those of the masked contributions.
    package let survivors: [MaskPart]

    package init(head: MaskHead, agreement: Digest, survivors: [MaskPart]) {
        self.head = head
        self.agreement = agreement
        self.survivors = survivors
    }

    package var value: Value {
        .map(
            head.pairs + [
                ("agreement", .digest(agreement)), ("survivors", .list(survivors.map(\.value))),
            ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        head = try MaskHead(&fields)
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

    package var choice: MaskChoice {
        MaskChoice(
            head: survivors.head, agreement: survivors.agreement, survivors: survivors.documentDigest, stage: stage)
    }

    /// What the cloud signs once the decision is in its journal.
    package var consent: MaskConsent { MaskConsent(choice) }
}

/// A survivor's word that it opens its shares for this set of survivors and for no other. Signed by the cloud.
package struct MaskConsent: MaskDocument {
    package static let kind = "mask-consent"

    package let choice: MaskChoice
    package var head: MaskHead { choice.head }
    package var stage: StageName { choice.stage }

    package init(_ choice: MaskChoice) { self.choice = choice }

    package var value: Value { .map(choice.pairs) }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        choice = try MaskChoice(&fields)
        try fields.finish()
    }
}

/// One share for each member of the agreement, in its order: of the seed of a survivor's self-mask, of the mask key of a
/// cloud that dropped out. There is room for one, so there are never both. Sealed to publish, signed by the cloud.
package struct MaskDisclosure: MaskDocument {
    package static let kind = "mask-disclosure"
    package static let shareByteCount = 32

    package let choice: MaskChoice
    package let sealed: [UInt8]
    package var head: MaskHead { choice.head }
    package var stage: StageName { choice.stage }

    package init(_ choice: MaskChoice, sealed: [UInt8]) {
        self.choice = choice
        self.sealed = sealed
    }

    package var value: Value { .map(choice.pairs + [("sealed", .bytes(sealed))]) }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        choice = try MaskChoice(&fields)
        sealed = try fields.bytes(
            "sealed", limit: MaskRoster.maximumAdvertisements * Self.shareByteCount + SealedSecret.overhead)
        try fields.finish()
    }
}
