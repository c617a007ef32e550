internal import MessagePack
package import Sodium

/// What every document of a masked round begins with: the opening that it belongs to.
package struct MaskHead: Hashable, Sendable {
    package let run: RunName
    package let round: RoundNumber
    /// The digest of the opening as it was signed.
    package let opening: Digest

    package init(run: RunName, round: RoundNumber, opening: Digest) {
        self.run = run
        self.round = round
        self.opening = opening
    }

    var pairs: [(String, Value)] {
        [("run", .text(run.description)), ("round", .round(round)), ("opening", .digest(opening))]
    }

    init(_ fields: inout Fields) throws {
        run = try fields.run("run")
        round = try fields.round("round")
        opening = try fields.digest("opening")
    }
}

/// A document of a masked round.
package protocol MaskDocument: Declaration {
    var head: MaskHead { get }
}

extension MaskDocument {
    package var run: RunName { head.run }
    package var round: RoundNumber { head.round }
    package var opening: Digest { head.opening }
}

/// The set of survivors that a cloud has decided on: what it consents to, and opens its shares for.
package struct MaskChoice: Hashable, Sendable {
    package let head: MaskHead
    package let agreement: Digest
    /// The digest of the `mask-survivors`.
    package let survivors: Digest
    package let stage: StageName

    package init(head: MaskHead, agreement: Digest, survivors: Digest, stage: StageName) {
        self.head = head
        self.agreement = agreement
        self.survivors = survivors
        self.stage = stage
    }

    var pairs: [(String, Value)] {
        head.pairs + [
            ("agreement", .digest(agreement)), ("survivors", .digest(survivors)), ("stage", .text(stage.description)),
        ]
    }

    init(_ fields: inout Fields) throws {
        head = try MaskHead(&fields)
        agreement = try fields.digest("agreement")
        survivors = try fields.digest("survivors")
        stage = try fields.stage("stage")
    }
}
