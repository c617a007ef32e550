package import MessagePack
package import Sodium

/// Closes a round with what it revealed. Signed by publish.
package struct Release: Declaration {
    package static let kind = "release"

    package let run: RunName
    package let round: RoundNumber
    package let purpose: Purpose
    /// The opening that this answers.
    package let opening: Digest
    /// Who is in the sum.
    package let cohort: [Member]
    /// `statistics`: the decoded sums in the opening's layout. Empty otherwise.
    package let sums: [Double]
    /// `evaluation`: named figures, never the histograms.
    package let metrics: [String: Double]
    /// `update`: the digest of the adapter's values (f32, little endian, in layout order); they follow as a transfer.
    package let adapterDigest: Digest?
    /// By whose word the round is over fewer clouds than its opening names (`HelpedSum`), in the order of their names; empty
    /// where nobody was left out so.
    package let heldBy: [CloudName]
    /// The last of the run: stages may stop once they have it.
    package let isFinal: Bool

    package init(
        run: RunName, round: RoundNumber, purpose: Purpose, opening: Digest, cohort: [Member], sums: [Double],
        metrics: [String: Double], adapterDigest: Digest?, heldBy: [CloudName] = [], isFinal: Bool
    ) {
        self.run = run
        self.round = round
        self.purpose = purpose
        self.opening = opening
        self.cohort = cohort
        self.sums = sums
        self.metrics = metrics
        self.adapterDigest = adapterDigest
        self.heldBy = heldBy
        self.isFinal = isFinal
    }

    package var value: Value {
        .map([
            ("run", .text(run.description)), ("round", .round(round)), ("purpose", .text(purpose.rawValue)),
            ("opening", .digest(opening)), ("cohort", .list(cohort.map(\.value))),
            ("sums", .list(sums.map(Value.double))),
            ("metrics", .map(metrics.sorted { $0.key < $1.key }.map { ($0.key, .double($0.value)) })),
            ("adapter-digest", adapterDigest.map(Value.digest) ?? .none),
            ("held-by", .list(heldBy.map { .text($0.description) })), ("final", .bool(isFinal)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "release")
        run = try fields.run("run")
        round = try fields.round("round")
        purpose = try fields.choice("purpose")
        opening = try fields.digest("opening")
        cohort = try fields.list("cohort", limit: 1024).map { try Member($0) }
        sums = try fields.list("sums", limit: 100_000).map { value in
            guard case .double(let number) = value, number.isFinite else {
                throw FederationError.malformed(place: "release.sums", "expected finite numbers")
            }
            return number
        }
        guard case .map(let pairs) = try fields.take("metrics"), pairs.count <= 64 else {
            throw FederationError.malformed(place: "release.metrics", "expected a map of at most 64 figures")
        }
        var metrics: [String: Double] = [:]
        for (key, value) in pairs {
            guard case .double(let number) = value, number.isFinite, key.utf8.count <= 64 else {
                throw FederationError.malformed(place: "release.metrics", "expected finite numbers under short names")
            }
            metrics[key] = number
        }
        self.metrics = metrics
        if let bytes = try fields.optional("adapter-digest") {
            guard case .bytes(let bytes) = bytes, let digest = Digest(bytes: bytes) else {
                throw FederationError.malformed(place: "release.adapter-digest", "expected a digest of 32 bytes")
            }
            adapterDigest = digest
        } else {
            adapterDigest = nil
        }
        heldBy = try fields.clouds("held-by", at: "release")
        guard case .bool(let final) = try fields.take("final") else {
            throw FederationError.malformed(place: "release.final", "expected a boolean")
        }
        isFinal = final
        try fields.finish()
    }
}

/// Ends a round without a sum, and says who was missing. Signed by publish.
package struct Abandonment: Declaration {
    package static let kind = "abandonment"

    package let run: RunName
    package let round: RoundNumber
    package let opening: Digest
    package let missing: [CloudName]
    package let reason: String

    package init(run: RunName, round: RoundNumber, opening: Digest, missing: [CloudName], reason: String) {
        self.run = run
        self.round = round
        self.opening = opening
        self.missing = missing
        self.reason = reason.asReason
    }

    package var value: Value {
        .map([
            ("run", .text(run.description)), ("round", .round(round)), ("opening", .digest(opening)),
            ("missing", .list(missing.map { .text($0.description) })), ("reason", .text(reason)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "abandonment")
        run = try fields.run("run")
        round = try fields.round("round")
        opening = try fields.digest("opening")
        missing = try fields.clouds("missing", at: "abandonment")
        reason = try fields.text("reason", limit: 1024)
        try fields.finish()
    }
}
