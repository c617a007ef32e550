package import MessagePack
package import Sodium

/// A cloud's secrets of one round in shares: every cloud of the roster can open its own two, any `threshold` of a kind make
/// the secret. Signed by the cloud.
package struct MaskShares: MaskDocument {
    package static let kind = "mask-shares"
    /// A share of the mask key and one of the self-mask's seed, sealed.
    package static let sealedByteCount = 64 + SealedSecret.overhead

    /// What one cloud gets.
    package struct Portion: Hashable, Sendable {
        package let receiver: StageName
        /// Empty where the receiver is the sender.
        package let sealed: [UInt8]
        /// Commitments to the two shares inside, so that whoever opens one later can be held to it.
        package let maskShare: Digest
        package let seedShare: Digest

        package init(receiver: StageName, sealed: [UInt8], maskShare: Digest, seedShare: Digest) {
            self.receiver = receiver
            self.sealed = sealed
            self.maskShare = maskShare
            self.seedShare = seedShare
        }
    }

    package let head: MaskHead
    /// The roster's.
    package let roster: Digest
    package let stage: StageName
    /// The commitment to the seed of the self-mask.
    package let seed: Digest
    /// One for each cloud of the roster, in its order, the sender included.
    package let portions: [Portion]

    package init(
        head: MaskHead, roster: Digest, stage: StageName, seed: Digest,
        portions: [Portion]
    ) {
        self.head = head
        self.roster = roster
        self.stage = stage
        self.seed = seed
        self.portions = portions
    }

    package var value: Value {
        .map(
            head.pairs + [
                ("roster", .digest(roster)), ("stage", .text(stage.description)), ("seed", .digest(seed)),
                ("shares", .list(portions.map(\.value))),
            ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        head = try MaskHead(&fields)
        roster = try fields.digest("roster")
        stage = try fields.stage("stage")
        seed = try fields.digest("seed")
        portions = try fields.list("shares", limit: MaskRoster.maximumAdvertisements).map { try Portion($0) }
        try fields.finish()
    }
}

extension MaskShares.Portion {
    var value: Value {
        .map([
            ("to", .text(receiver.description)), ("sealed", .bytes(sealed)), ("mask", .digest(maskShare)),
            ("seed", .digest(seedShare)),
        ])
    }

    init(_ value: Value) throws {
        var fields = try Fields(value, at: "mask-shares.shares")
        receiver = try fields.stage("to")
        sealed = try fields.bytes("sealed", limit: MaskShares.sealedByteCount)
        maskShare = try fields.digest("mask")
        seedShare = try fields.digest("seed")
        try fields.finish()
        guard sealed.isEmpty || sealed.count == MaskShares.sealedByteCount else {
            throw FederationError.malformed(
                place: "mask-shares.shares.sealed",
                "expected 0 or \(MaskShares.sealedByteCount) bytes, found \(sealed.count)")
        }
    }
}

/// A stage and the digest of what it sent.
package struct MaskPart: Hashable, Sendable {
    package let stage: StageName
    package let digest: Digest

    package init(stage: StageName, digest: Digest) {
        self.stage = stage
        self.digest = digest
    }

    var value: Value { .map([("stage", .text(stage.description)), ("digest", .digest(digest))]) }

    init(_ value: Value, at place: String) throws {
        var fields = try Fields(value, at: place)
        stage = try fields.stage("stage")
        digest = try fields.digest("digest")
        try fields.finish()
    }
}

/// Whose shares have arrived: these clouds mask with each other and with publish. Made by aggregate; its digest names the
/// masks of the round.
package struct MaskAgreement: MaskDocument {
    package static let kind = "mask-agreement"

    package let head: MaskHead
    package let roster: Digest
    /// In the order of names; the digests are those of the `mask-shares`.
    package let members: [MaskPart]

    package init(head: MaskHead, roster: Digest, members: [MaskPart]) {
        self.head = head
        self.roster = roster
        self.members = members
    }

    package var value: Value {
        .map(
            head.pairs + [
                ("roster", .digest(roster)), ("members", .list(members.map(\.value))),
            ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        head = try MaskHead(&fields)
        roster = try fields.digest("roster")
        members = try fields.list("members", limit: MaskRoster.maximumAdvertisements).map {
            try MaskPart($0, at: "mask-agreement.members")
        }
        try fields.finish()
    }
}
