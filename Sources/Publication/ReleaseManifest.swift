package import Federation
package import Sodium

/// What a release is and how it came to be: signed, and chained to the release before it. docs/release.md is its schema.
package struct ReleaseManifest: Equatable, Sendable {
    package static let format = 2
    package static let name = "manifest.json"
    package static let signatureName = "manifest.json.minisig"
    package static let keyName = "tributary.pub"
    package static let maximumByteCount = 64 << 20

    /// The model that the adapter adapts, by the name that PEFT loads it by and the SHA-256 of its weights file.
    package struct BaseModel: Equatable, Sendable {
        package let name: String
        package let sha256: String

        package init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    package struct File: Equatable, Sendable {
        package let name: String
        package let sha256: String
        package let byteCount: Int
    }

    /// A cloud's part in a round.
    package struct Participant: Equatable, Sendable {
        package let cloud: CloudName
        package let owner: String
        /// Its share's weight as the opening set it: capped and bucketed, not a count of patients.
        package let weight: Double
        /// The digest of the contribution that entered the sum.
        package let contribution: Digest
        /// Of a late update the round that it was trained for.
        package let base: RoundNumber?

        package init(
            cloud: CloudName, owner: String, weight: Double, contribution: Digest, base: RoundNumber? = nil
        ) {
            self.base = base
            self.cloud = cloud
            self.owner = owner
            self.weight = weight
            self.contribution = contribution
        }
    }

    package struct Round: Equatable, Sendable {
        package let round: RoundNumber
        package let purpose: Purpose
        /// The id of the key of sums that contributions were sealed under, in hexadecimal; nil under `clear`.
        package let key: String?
        /// By name of the cloud.
        package let cohort: [Participant]

        package init(round: RoundNumber, purpose: Purpose, key: String?, cohort: [Participant]) {
            self.round = round
            self.purpose = purpose
            self.key = key
            self.cohort = cohort.sorted { $0.cloud < $1.cloud }
        }
    }

    /// The list of the run's rounds (`RoundList`) as it stood with this release: how much of the file that is, and its digest.
    package struct History: Equatable, Sendable {
        package let rounds: Int
        package let byteCount: Int
        package let sha256: String
    }

    /// How the clouds' updates were protected, and what that rests on.
    package struct Privacy: Equatable, Sendable {
        package let suite: String
        package let profile: String
        /// Damgard and Jurik's s: 1 is Paillier's scheme. Nil under another suite, and in releases from before it was said.
        package let damgardJurik: Int?
        /// The assumption that the profile rests on, as a sentence.
        package let assumption: String
        package let keyMode: String
        /// Who together could open one cloud's update, as a sentence.
        package let whoCouldOpen: String
        package let bits: Int
        package let clipNorm: Double
        package let minimumCohort: Int
        /// Parts of the protection that were simulated; empty for a real run.
        package let simulated: [String]
        /// How much of an update was encrypted; nil in releases from before it was said.
        package let encryption: PartEncrypted?
        /// Nil without noise.
        package let noise: DifferentialPrivacy?

        package init(
            suite: String, profile: String, assumption: String, keyMode: String, whoCouldOpen: String, bits: Int,
            clipNorm: Double, minimumCohort: Int, simulated: [String] = [], encryption: PartEncrypted? = nil,
            damgardJurik: Int? = nil, noise: DifferentialPrivacy? = nil
        ) {
            self.noise = noise
            self.suite = suite
            self.profile = profile
            self.assumption = assumption
            self.keyMode = keyMode
            self.whoCouldOpen = whoCouldOpen
            self.bits = bits
            self.clipNorm = clipNorm
            self.minimumCohort = minimumCohort
            self.simulated = simulated
            self.encryption = encryption
            self.damgardJurik = damgardJurik
        }
    }

    package let run: RunName
    package let round: RoundNumber
    /// UTC, `2026-01-31T08:00:00Z`. The only time in a release.
    package let created: String
    package let baseModel: BaseModel
    package let tokenizerSHA256: String
    /// Every file of the release but the manifest and its signature, by name.
    package let files: [File]
    /// The rounds since the release before, in order; of the first release every one so far.
    package let rounds: [Round]
    /// Every round of the run up to this release.
    package let history: History
    package let privacy: Privacy
    /// Nil where no update has been made: the adapter is untrained.
    package let method: Method?
    /// Finite figures by name, such as `auroc`.
    package let metrics: [String: Double]
    /// SHA-256 of the manifest of the release before; nil for the first.
    package let previous: String?

    /// The comment that the signature covers beside the manifest.
    package var trustedComment: String { "tributary run \(run) round \(round)" }
}
