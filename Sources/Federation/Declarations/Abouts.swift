package import MessagePack
package import Sodium

/// The typed `about` of an offer.
package protocol OfferAbout {
    var value: Value { get }
    init(_ value: Value) throws
}

extension OfferAbout {
    /// As it is journaled.
    package var encoded: [UInt8] { encode(value) }
    package init(encoded: [UInt8]) throws { try self.init(decode(encoded)) }
}

/// What an offer says of a token shard.
package struct ShardAbout: OfferAbout, Equatable, Sendable {
    package let split: String
    package let examples: Int
    /// BLAKE2b-256 of the tokenizer.json that made the tokens, 64 hexadecimal digits: must be the base model's own.
    package let tokenizer: String
    /// How many shards its receiver gets of the partition that the name's round stands for.
    package let count: Int
    /// Nil where a cloud's records were never shared out.
    package let partition: WorkerPartition?

    package init(
        split: String, examples: Int, tokenizer: String, count: Int, partition: WorkerPartition? = nil
    ) {
        self.split = split
        self.examples = examples
        self.tokenizer = tokenizer
        self.count = count
        self.partition = partition
    }

    package var value: Value {
        .map([
            ("split", .text(split)), ("examples", .number(examples)), ("tokenizer", .text(tokenizer)),
            ("of", .number(count)), ("partition", .optional(partition)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        split = try fields.text("split", limit: 16)
        examples = try fields.integer("examples", in: 0...100_000_000)
        tokenizer = try fields.text("tokenizer", limit: 64)
        count = try fields.integer("of", in: 1...65_536)
        partition = try fields.partition()
        try fields.finish()
    }
}

/// What an offer says of a clear vector: which opening it answers, how many training records lie behind it, and of scores on the
/// validation split the mean loss.
package struct VectorAbout: OfferAbout, Equatable, Sendable {
    package let opening: Digest
    package let records: Int
    /// In 1/1024 nat, as it was measured: it does not leave the cloud so.
    package let loss: UInt32?
    /// Of an update, what its training took, in milliseconds: as `loss`, it does not leave the cloud so.
    package let trained: UInt32?
    /// Of a late update the round that it was trained for; nil for one of the opening's own.
    package let base: RoundNumber?
    /// Of an update, whose gradients were clipped and noised: whom its opening's `privacy` protects.
    package let unit: PrivacyPlan.Unit?
    /// Of an update by one of several workers: over which partition it was trained.
    package let partition: WorkerPartition?

    package init(
        opening: Digest, records: Int, loss: UInt32? = nil, trained: UInt32? = nil, base: RoundNumber? = nil,
        unit: PrivacyPlan.Unit? = nil, partition: WorkerPartition? = nil
    ) {
        self.base = base
        self.unit = unit
        self.partition = partition
        self.opening = opening
        self.records = records
        self.loss = loss
        self.trained = trained
    }

    package var value: Value {
        .map([
            ("opening", .digest(opening)), ("records", .number(records)), ("loss", .optionalNumber(loss)),
            ("trained", .optionalNumber(trained)), ("base", .optional(base)),
            ("unit", unit.map { .text($0.rawValue) } ?? .none), ("partition", .optional(partition)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        opening = try fields.digest("opening")
        records = try fields.integer("records", in: 0...100_000_000)
        loss = try fields.optionalCount("loss", in: Weight.range)
        trained = try fields.optionalCount("trained", in: Weight.range)
        base = try fields.base()
        unit = try fields.optionalChoice("unit")
        partition = try fields.partition()
        try fields.finish()
    }
}

/// What an offer says of a contribution: the opening that it answers (and with it the layout), the suite, the key, how its
/// slots are cut, and the weight that the others may know.
package struct ContributionAbout: OfferAbout, Equatable, Sendable {
    package let opening: Digest
    package let suite: Suite
    package let profile: String
    /// Under `secagg` the name of the agreement that the masks are of (`MaskAgreement.name`).
    package let keyID: [UInt8]
    /// Damgard and Jurik's s.
    package let degree: Int
    /// Bits of a value in it, and the contributions that its slots have room for: with others, no slot of the sum carries.
    package let bits: Int
    package let room: Int
    package let weight: UInt32
    /// Of scores on the validation split: the cloud's mean loss in 1/1024 nat, bucketed, if it tells.
    package let loss: UInt32?
    /// Where clouds open sums: what this one has helped to open from the round's adapter. Under `secagg` it says so with its keys.
    package let helped: HelpedSum?
    /// Of an update: what its training took, in milliseconds, bucketed, if the cloud tells.
    package let trained: UInt32?
    /// Of a late update the round that it was trained for.
    package let base: RoundNumber?
    /// That the cloud knows what it has sealed (docs/protocol.md, "Proofs"); empty under `clear`.
    package let proof: [UInt8]

    package static let maximumProofBytes = 8 << 10

    package init(
        opening: Digest, suite: Suite, profile: String, keyID: [UInt8], degree: Int = 1, bits: Int, room: Int,
        weight: UInt32, loss: UInt32? = nil, trained: UInt32? = nil, base: RoundNumber? = nil, helped: HelpedSum? = nil,
        proof: [UInt8] = []
    ) {
        self.trained = trained
        self.base = base
        self.opening = opening
        self.suite = suite
        self.profile = profile
        self.keyID = keyID
        self.degree = degree
        self.bits = bits
        self.room = room
        self.weight = weight
        self.loss = loss
        self.helped = helped
        self.proof = proof
    }

    /// Of a contribution that is sealed as `opening` asks; under `secagg` with the masks of an agreement.
    package init(
        answering opening: Signed<Opening>, masks: [UInt8]? = nil, weight: UInt32, loss: UInt32? = nil,
        trained: UInt32? = nil, base: RoundNumber? = nil, helped: HelpedSum? = nil, proof: [UInt8] = []
    ) {
        let asked = opening.content
        self.init(
            opening: opening.digest, suite: asked.suite, profile: asked.profile, keyID: masks ?? asked.keyID,
            degree: asked.degree,
            bits: asked.bits, room: asked.cohort.count, weight: weight, loss: loss, trained: trained, base: base,
            helped: helped, proof: proof)
    }

    package var value: Value {
        .map([
            ("opening", .digest(opening)), ("suite", .text(suite.rawValue)), ("profile", .text(profile)),
            ("key", .bytes(keyID)), ("degree", .number(degree)), ("bits", .number(bits)), ("room", .number(room)),
            ("weight", .unsigned(UInt64(weight))), ("loss", .optionalNumber(loss)),
            ("trained", .optionalNumber(trained)), ("base", .optional(base)), ("helped", .optional(helped)),
            ("proof", .bytes(proof)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        opening = try fields.digest("opening")
        suite = try fields.choice("suite")
        profile = try fields.text("profile", limit: 64)
        keyID = try fields.bytes("key", limit: 16)
        degree = try fields.integer("degree", in: 1...3)
        bits = try fields.integer("bits", in: 2...32)
        room = try fields.integer("room", in: 1...4096)
        weight = UInt32(try fields.integer("weight", in: 1...Weight.maximum))
        loss = try fields.optionalCount("loss", in: Weight.range)
        helped = try fields.helped("helped", at: "offer.about")
        trained = try fields.optionalCount("trained", in: Weight.range)
        proof = try fields.bytes("proof", limit: ContributionAbout.maximumProofBytes)
        base = try fields.base()
        try fields.finish()
    }
}

/// What an offer says of a sum: which opening, and the contributions that it is the product of.
package struct SumAbout: OfferAbout, Equatable, Sendable {
    package struct Part: Equatable, Sendable {
        package let cloud: CloudName
        package let weight: UInt32
        package let digest: Digest
        /// What the contribution took on its way, from its offer to its last byte, in milliseconds, bucketed; nil where aggregate does
        /// not know (it was held since an earlier start).
        package let transfer: UInt32?
        /// When it was here whole, in milliseconds since aggregate took the opening up, to four significant bits; nil where it has been
        /// started since.
        package let arrival: UInt32?
        /// Of a late update the round that it was trained for.
        package let base: RoundNumber?

        package init(
            cloud: CloudName, weight: UInt32, digest: Digest, transfer: UInt32? = nil, arrival: UInt32? = nil,
            base: RoundNumber? = nil
        ) {
            self.arrival = arrival
            self.base = base
            self.cloud = cloud
            self.weight = weight
            self.digest = digest
            self.transfer = transfer
        }
    }

    package let opening: Digest
    /// The root of the hash tree over what the clouds signed (`RoundRecord.root`).
    package let root: Digest
    /// In the order of the clouds' names.
    package let parts: [Part]

    package init(opening: Digest, root: Digest, parts: [Part]) {
        self.opening = opening
        self.root = root
        self.parts = parts
    }

    package var value: Value {
        .map([
            ("opening", .digest(opening)), ("root", .digest(root)),
            (
                "parts",
                .list(
                    parts.map {
                        .map([
                            ("cloud", .text($0.cloud.description)), ("weight", .unsigned(UInt64($0.weight))),
                            ("digest", .digest($0.digest)),
                            ("transfer", .optionalNumber($0.transfer)),
                            ("arrival", .optionalNumber($0.arrival)), ("base", .optional($0.base)),
                        ])
                    })
            ),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        opening = try fields.digest("opening")
        root = try fields.digest("root")
        parts = try fields.list("parts", limit: 1024).map { value in
            var fields = try Fields(value, at: "offer.about.parts")
            let part = Part(
                cloud: try fields.cloud("cloud"), weight: UInt32(try fields.integer("weight", in: 1...Weight.maximum)),
                digest: try fields.digest("digest"),
                transfer: try fields.optionalCount("transfer", in: Weight.range),
                arrival: try fields.optionalCount("arrival", in: Weight.range),
                base: try fields.base())
            try fields.finish()
            return part
        }
        try fields.finish()
        guard zip(parts, parts.dropFirst()).allSatisfy({ $0.cloud < $1.cloud }) else {
            throw FederationError.malformed(place: "offer.about.parts", "clouds are not in order, or one appears twice")
        }
    }
}

/// What an offer says of a record, of evidence, and of all that belongs to masks: the opening that it belongs to.
package struct OpeningAbout: OfferAbout, Equatable, Sendable {
    package let opening: Digest

    package init(opening: Digest) { self.opening = opening }

    package var value: Value { .map([("opening", .digest(opening))]) }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        opening = try fields.digest("opening")
        try fields.finish()
    }
}

/// What an offer says of a cloud's part in an opening: of which sum, and the proof that it is the right one.
package struct ShareAbout: OfferAbout, Equatable, Sendable {
    package let opening: Digest
    /// The digest of the sum's payload.
    package let sum: Digest
    package let proof: [UInt8]

    package static let maximumProofBytes = 8 << 10

    package init(opening: Digest, sum: Digest, proof: [UInt8]) {
        self.opening = opening
        self.sum = sum
        self.proof = proof
    }

    package var value: Value {
        .map([("opening", .digest(opening)), ("sum", .digest(sum)), ("proof", .bytes(proof))])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        opening = try fields.digest("opening")
        sum = try fields.digest("sum")
        proof = try fields.bytes("proof", limit: ShareAbout.maximumProofBytes)
        try fields.finish()
    }
}

/// Why there will be no sum of a round, and who was missing.
package struct ShortfallAbout: OfferAbout, Equatable, Sendable {
    package let opening: Digest
    package let missing: [CloudName]
    package let reason: String

    package init(opening: Digest, missing: [CloudName], reason: String) {
        self.opening = opening
        self.missing = missing
        self.reason = reason.asReason
    }

    package var value: Value {
        .map([
            ("opening", .digest(opening)), ("missing", .list(missing.map { .text($0.description) })),
            ("reason", .text(reason)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        opening = try fields.digest("opening")
        missing = try fields.clouds("missing", at: "offer.about")
        reason = try fields.text("reason", limit: 1024)
        try fields.finish()
    }
}
