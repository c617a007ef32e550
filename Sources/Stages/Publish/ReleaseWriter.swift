import Adapter
import Encryption
import Federation
import FineTuning
import Glibc
import Keys
import Publication
import Sodium
import StageKit
import Topology

/// Writes what the run publishes as a PEFT folder, or as a model's, with a signed manifest, one for each update round.
final class ReleaseWriter {
    private let store: ReleaseStore
    private let kept: Int?
    private let refresh: Int?
    private let context: StageContext
    private let folder: String
    private let configuration: AdapterConfiguration
    private let model: PublishedModel
    private let baseModelSHA256: String
    private let tokenizerSHA256: String
    private let owners: [CloudName: String]
    private let keyMode: Topology.KeyMode
    private let keysName: String
    private let whoCouldOpen: String

    /// Nil where the run trains no adapter.
    init?(_ parts: StageParts<PublishConfiguration>, model: PublishedModel) throws {
        guard case .adapter(let folder, let configuration, _) = parts.configuration.model else { return nil }
        context = parts.context
        self.folder = folder
        self.configuration = configuration
        self.model = model
        baseModelSHA256 = SHA256.hex(of: try FileBytes.read("\(folder)/model.safetensors"))
        tokenizerSHA256 = SHA256.hex(of: try FileBytes.read("\(folder)/tokenizer.json"))
        owners = Dictionary(parts.topology.clouds.map { ($0.name, $0.owner) }) { first, _ in first }
        keyMode = parts.topology.keys
        keysName = parts.topology.keysName
        whoCouldOpen = parts.topology.trust
        kept = parts.configuration.keepReleases
        refresh = parts.configuration.compression?.refresh
        let output = parts.configuration.output ?? "\(parts.topology.stateFolder(of: parts.context.stage))/releases"
        store = try ReleaseStore(directory: output, key: parts.keys.releaseKey(of: parts.context.stage.cloud))
    }

    /// Writes the release of an update round, or of the last one (whose folder has the figures of the last adapter), and
    /// answers its folder; nil for other rounds. The same release again changes
    /// nothing, so a restart may ask twice.
    ///
    /// - Parameter past: what was released since the folder before, which is that of the newest adapter.
    func write(
        release: Release, opening: Opening, parts: [SumAbout.Part], past: [Release], adapter: StoredVector?,
        account: (Opening) -> ReleaseManifest.DifferentialPrivacy?
    ) throws -> String? {
        guard let adapter, let shape = model.base?.shape else { return nil }
        let rounds = try past.map { try round($0.round, $0.purpose, partsOf($0.round), key: keyID(of: $0.round)) }
        // Figures of this adapter alone: those of the evaluations since it was made.
        let metrics = (past + [release]).drop { $0.round <= adapter.round }.reduce(into: [String: Double]()) {
            $0.merge($1.metrics) { $1 }
        }
        // What is released may be the figures of an adapter that an earlier round made.
        let update =
            adapter.round == opening.round || adapter.round.value == 0 ? opening : try self.opening(of: adapter.round)
        let profile = PaillierProfile(rawValue: update.profile)
        // A shared key has safe primes, whatever its profile.
        let assumption = profile.flatMap { $0.assumption(over: keyMode != .publisher ? .safePrimes : $0.ownStructure) }
        let draft = ReleaseDraft(
            run: context.run, round: release.round,
            model: try released(adapter.values(), shape),
            createdAt: Int(context.surroundings.time / 1000), baseModelSHA256: baseModelSHA256,
            tokenizerSHA256: tokenizerSHA256,
            rounds: rounds + [
                try round(release.round, release.purpose, parts, key: opening.keyID)
            ], follows: model.round.value > 0 ? model.round : nil,
            privacy: .init(
                suite: update.suite.rawValue, profile: profile?.rawValue ?? "none",
                assumption: assumption ?? Self.assumption(of: update.suite),
                keyMode: keysName, whoCouldOpen: whoSaw(update), bits: update.bits, clipNorm: update.clipNorm,
                minimumCohort: update.minimumCohort, encryption: .init(update),
                damgardJurik: update.suite == .paillier ? update.degree : nil, noise: account(update)),
            method: ReleaseManifest.Method(update, refresh: refresh),
            metrics: metrics)
        let folder = try store.publish(draft)
        if let kept { try store.prune(keeping: kept) }
        return folder
    }

    private func released(_ values: [Float], _ shape: BaseModelShape) throws -> ReleasedModel {
        guard configuration.trains == .full else {
            return .adapter(try LowRankAdapter(configuration: configuration, base: shape, trained: values))
        }
        var tokenizer: [String: [UInt8]] = [:]
        for name in WholeModel.tokenizerNames where access("\(folder)/\(name)", F_OK) == 0 {
            tokenizer[name] = try FileBytes.read("\(folder)/\(name)")
        }
        return .whole(
            try WholeModel(
                baseModelName: configuration.baseModelName,
                config: try FileBytes.read("\(folder)/\(WholeModel.configName)"), tokenizer: tokenizer, values: values))
    }

    /// What a suite without profiles rests on.
    private static func assumption(of suite: Suite) -> String {
        suite == .secagg
            ? "decisional Diffie-Hellman on Curve25519, ChaCha20 and keyed BLAKE2b; that the clouds' keys are those of their cards"
            : "none: contributions were not encrypted"
    }

    private func partsOf(_ round: RoundNumber) throws -> [SumAbout.Part] {
        guard let bytes = try context.journal.read({ try $0.fact("\(PublishStage.sumPrefix)\(round)") }) else {
            throw StageError.journal("the journal has no record of who was in the sum of round \(round)")
        }
        return try SumAbout(encoded: bytes).parts
    }

    /// Who together could open what was encrypted, and who saw the rest.
    private func whoSaw(_ update: Opening) -> String {
        guard update.encryption != nil else { return whoCouldOpen }
        let others = keyMode != .publisher ? ", and every other cloud that helped to open sums" : ""
        return
            "\(whoCouldOpen); the part that is not encrypted was seen by aggregate and publish\(others), as each cloud sent it"
    }

    /// The key that a round was opened with: it may have been another than this one's.
    private func keyID(of round: RoundNumber) throws -> [UInt8] { try opening(of: round).keyID }

    private func opening(of round: RoundNumber) throws -> Opening {
        let key = try context.identity.everKey(of: context.stage)
        let opening = try context.journal.read {
            try $0.document(Opening.self, round: round, key: key, signer: context.stage)
        }
        guard let opening else { throw StageError.journal("the journal has no opening of round \(round)") }
        return opening.content
    }

    private func round(
        _ round: RoundNumber, _ purpose: Purpose, _ parts: [SumAbout.Part], key: [UInt8]
    ) throws -> ReleaseManifest.Round {
        .init(
            round: round, purpose: purpose, key: key.isEmpty ? nil : Hex.encode(key),
            cohort: parts.map {
                .init(
                    cloud: $0.cloud, owner: owners[$0.cloud] ?? "unknown", weight: Double($0.weight),
                    contribution: $0.digest, base: $0.base)
            })
    }
}

private enum FileBytes {
    static func read(_ path: String) throws -> [UInt8] {
        var information = stat()
        guard stat(path, &information) == 0 else { throw StageError.system("open \(path)", errno) }
        return try SpoolFile(reading: path).read(0..<Int(information.st_size))
    }
}
