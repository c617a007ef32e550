package import MessagePack
package import Sodium

/// What a transfer carries.
package enum TransferKind: String, Sendable, CaseIterable, Hashable {
    /// Token shards, ingest to local-train.
    case shard
    /// A clear vector of a round, ingest or local-train to encrypt: never leaves its cloud.
    case vector
    /// A sealed vector, encrypt to aggregate.
    case contribution
    /// What each cloud signed of a sum, aggregate to publish and, where clouds help to open it, to their encrypt stages.
    case record
    /// Another cloud's contribution, aggregate to an encrypt stage that is to help to open the sum and checks it first.
    case evidence
    /// The product of a cohort's contributions, aggregate to publish.
    case sum
    /// A cloud's part in the opening of a sum, encrypt to publish.
    case share
    /// Word that the deadline passed without a quorum, aggregate to publish.
    case shortfall
    /// The values of a released adapter, publish to local-train.
    case adapter
    /// How fast a cloud's workers were in a round, encrypt to ingest: never leaves its cloud.
    case speeds

    // Under `secagg`, in the order of a round (docs/protocol.md, "Secure aggregation").

    /// A stage's keys for the masks of a round, encrypt and publish to aggregate.
    case advertisement
    /// All of them, aggregate to those who have sent one.
    case roster
    /// A cloud's secrets in shares, encrypt to aggregate.
    case shares
    /// Who masks with whom, and the shares of all, aggregate to the encrypt stages and to publish.
    case agreement
    /// Whose contributions are in the sum, aggregate to their encrypt stages and to publish.
    case survivors
    /// A cloud's word that it opens its shares for these survivors alone, encrypt to aggregate.
    case consent
    /// Everybody's, aggregate to the survivors' encrypt stages.
    case consents
    /// A cloud's shares, opened to publish.
    case disclosure
    /// Word that a cloud has lost its secrets of the round, encrypt to aggregate.
    case withdrawal

    /// Whether it belongs to masks.
    package var isOfMasks: Bool { TransferKind.ofMasks.contains(self) }

    package static let ofMasks: Set<TransferKind> = [
        .advertisement, .roster, .shares, .agreement, .survivors, .consent, .consents, .disclosure, .withdrawal,
    ]
}

/// Names a transfer over the whole federation: the same name is the same thing, whoever sends it how often.
package struct TransferName: Hashable, Sendable, CustomStringConvertible {
    package let run: RunName
    package let kind: TransferKind
    package let round: RoundNumber
    /// Whose it is; for a sum the aggregate's cloud, for an adapter publish's.
    package let cloud: CloudName
    package let part: UInt32

    package init(run: RunName, kind: TransferKind, round: RoundNumber, cloud: CloudName, part: UInt32 = 0) {
        self.run = run
        self.kind = kind
        self.round = round
        self.cloud = cloud
        self.part = part
    }

    package var description: String { "\(run)/\(kind.rawValue)/\(round)/\(cloud)/\(part)" }

    package init(_ text: String) throws(FederationError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, let kind = TransferKind(rawValue: parts[1]), let round = UInt32(parts[2]),
            let part = UInt32(parts[4])
        else { throw .invalidName(kind: "transfer", found: text) }
        self.init(
            run: try RunName(parts[0]), kind: kind, round: RoundNumber(round), cloud: try CloudName(parts[3]),
            part: part)
        guard description == text else { throw .invalidName(kind: "transfer", found: text) }
    }
}

/// Offers a transfer: what it is, how long, and its digest. Signed by the stage that made it, so it stands for the bytes.
package struct Offer: Declaration {
    package static let kind = "offer"
    /// 64 to 256 KiB suit CURVE best: larger frames are several times slower (measured).
    package static let chunkBytes = 128 << 10
    package static let maximumBytes = 1 << 31

    package let name: TransferName
    package let maker: StageName
    package let byteCount: Int
    package let digest: Digest
    /// What a receiver must know of the contents before it takes them; each kind has its own keys.
    package let about: Value

    package var run: RunName { name.run }

    package init(name: TransferName, maker: StageName, byteCount: Int, digest: Digest, about: Value) {
        self.name = name
        self.maker = maker
        self.byteCount = byteCount
        self.digest = digest
        self.about = about
    }

    package var chunkCount: Int { (byteCount + Offer.chunkBytes - 1) / Offer.chunkBytes }

    package func chunkRange(_ index: Int) -> Range<Int> {
        let start = index * Offer.chunkBytes
        return start..<min(start + Offer.chunkBytes, byteCount)
    }

    package var value: Value {
        .map([
            ("name", .text(name.description)), ("maker", .text(maker.description)), ("bytes", .number(byteCount)),
            ("digest", .digest(digest)), ("about", about),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer")
        name = try TransferName(fields.text("name"))
        maker = try fields.stage("maker")
        byteCount = try fields.integer("bytes", in: 1...Offer.maximumBytes)
        digest = try fields.digest("digest")
        about = try fields.take("about")
        try fields.finish()
    }
}

/// Says what became of a transfer: held durably, or refused for good. Signed by the stage that answers.
package struct Receipt: Declaration {
    package static let kind = "receipt"

    /// The reason for which something is refused that nobody is to blame for: it may be sent again under another round.
    package static let roundOver = "its round is over"
    /// The same for a vector that was trained over another partition than what the cloud's other workers have trained over: its
    /// worker trains again once it has its part of the newer one.
    package static let otherPartition = "it was trained over an older partition than the cloud's other workers have"

    package enum Outcome: String, Sendable, CaseIterable {
        /// On disk and synced: the sender may forget its copy.
        case durable
        /// Will never be taken, for the reason given: sending it again is of no use.
        case refused
    }

    package let name: TransferName
    package let digest: Digest
    package let outcome: Outcome
    package let reason: String

    package var run: RunName { name.run }

    package init(name: TransferName, digest: Digest, outcome: Outcome, reason: String = "") {
        self.name = name
        self.digest = digest
        self.outcome = outcome
        self.reason = String(reason.prefix(240))
    }

    package var value: Value {
        .map([
            ("name", .text(name.description)), ("digest", .digest(digest)), ("outcome", .text(outcome.rawValue)),
            ("reason", .text(reason)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "receipt")
        name = try TransferName(fields.text("name"))
        digest = try fields.digest("digest")
        outcome = try fields.choice("outcome")
        reason = try fields.text("reason", limit: 1024)
        try fields.finish()
    }
}
