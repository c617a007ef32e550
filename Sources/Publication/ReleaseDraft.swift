package import Adapter
package import Federation

/// What publish knows when a round is done; the store adds the files' digests and the link to the release before.
package struct ReleaseDraft: Sendable {
    package let run: RunName
    package let round: RoundNumber
    package let model: ReleasedModel
    /// Seconds since 1970, for the manifest's `created` alone.
    package let createdAt: Int
    package let baseModelSHA256: String
    package let tokenizerSHA256: String
    /// Those since the release before.
    package let rounds: [ReleaseManifest.Round]
    /// The round of the release before, by the publisher's own memory; nil for the first.
    package let follows: RoundNumber?
    package let privacy: ReleaseManifest.Privacy
    /// Nil where no update has been made.
    package let method: ReleaseManifest.Method?
    package let metrics: [String: Double]
    /// Further files by plain name, such as the tokenizer.
    package let attachments: [String: [UInt8]]

    package init(
        run: RunName, round: RoundNumber, model: ReleasedModel, createdAt: Int, baseModelSHA256: String,
        tokenizerSHA256: String, rounds: [ReleaseManifest.Round], follows: RoundNumber? = nil,
        privacy: ReleaseManifest.Privacy, method: ReleaseManifest.Method?, metrics: [String: Double],
        attachments: [String: [UInt8]] = [:]
    ) {
        self.run = run
        self.round = round
        self.model = model
        self.createdAt = createdAt
        self.baseModelSHA256 = baseModelSHA256
        self.tokenizerSHA256 = tokenizerSHA256
        self.rounds = rounds
        self.follows = follows
        self.privacy = privacy
        self.method = method
        self.metrics = metrics
        self.attachments = attachments
    }
}
