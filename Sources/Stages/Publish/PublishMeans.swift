import Encryption
import Federation
import Keys
import Publication
import StageKit
import Topology

/// What publish has before it touches its state: its keys of sums, and what the run begins with.
package struct PublishMeans: Sendable {
    let keys: KeyChoice
    let model: UntrainedModel

    /// - Throws: what is wrong with config, keys or base model.
    init(_ ground: StageGround<PublishConfiguration>, allowing sizes: PaillierKeySizes) throws {
        try Self.check(ground)
        keys = try KeyChoice(ground, allowing: sizes)
        model = try UntrainedModel(ground.configuration)
        try PublishStage.check(ground.configuration, model, ground.topology.suite)
    }

    private static func check(_ ground: StageGround<PublishConfiguration>) throws {
        let configuration = ground.configuration
        let clouds = ground.topology.dataClouds.count
        guard configuration.minimumCohort <= configuration.quorum ?? clouds, configuration.minimumCohort <= clouds
        else {
            throw StageError.configuration(
                "publish's `minimum-cohort` is \(configuration.minimumCohort), but a round may close with \(min(configuration.quorum ?? clouds, clouds)) of \(clouds) clouds: lower it, or raise `quorum`"
            )
        }
        guard !configuration.plan.steps.isEmpty else {
            throw StageError.configuration(
                "publish's config asks for no round at all: give it `variables`, `rounds` or `test`")
        }
        if ground.topology.suite == .secagg {
            let least = max(configuration.quorum ?? clouds, configuration.minimumCohort)
            try PublishStage.checkMasks(clouds: clouds, least: least)
        }
    }

    /// Whether a successor could sign releases and go on with the run that the journal holds: with the adapter that it lays out.
    func rehearse(on ground: StageGround<PublishConfiguration>) throws {
        if model.configuration != nil { _ = try ground.keys.releaseKey(of: ground.stage.cloud) }
        guard let journal = try Journal(reading: ground.topology.stateFolder(of: ground.stage)) else { return }
        defer { try? journal.close() }
        guard let signer = try Keyring(ground.keys).now.everSigner(ground.stage) else { return }
        let (adapter, last, releases) = try journal.read {
            (
                try $0.fact(PublishedModel.adapterFact),
                try $0.latest(Opening.self, key: signer, signer: ground.stage),
                try $0.all(Release.self, key: signer, signer: ground.stage)
            )
        }
        if adapter != nil, let last { try model.check(goesOnFrom: last.content.adapter) }
        try PublishStage.check(ground.configuration.encryption, after: Set(releases.map(\.content.purpose)))
    }
}
