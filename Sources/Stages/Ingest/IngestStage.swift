import Corpus
import Federation
import Glibc
import Monitoring
import Sodium
import StageKit
import Tokenization
import Topology

/// Reads its cloud's tables once, answers the statistics round, and with the released statistics writes records and shards.
/// Records stay in the stage's state; shards go to local-train, of the same cloud.
@StageActor
final class IngestStage: Stage {
    private let context: StageContext
    private let configuration: IngestConfiguration
    private let directory: String
    private let placing: ShardPlacing
    private let encrypt: StageName
    private var harmonised: Harmonised?
    private var pending: Signed<Opening>?
    private var statistics: Signed<Release>?
    private var hasRecords = false

    init(_ parts: StageParts<IngestConfiguration>) {
        context = parts.context
        configuration = parts.configuration
        directory = parts.topology.stateFolder(of: parts.context.stage)
        placing = ShardPlacing(parts.context, parts.topology)
        encrypt = StageName(cloud: parts.context.stage.cloud, kind: .encrypt)
    }

    func start() async throws {
        statistics = try context.releases().first { $0.content.purpose == .statistics }
        if let opening = try context.latestOpening(), try context.isOpen(opening) { pending = opening }
        // A long read: the stage is ready, and says so, while it goes on.
        context.begin { [self] in
            let configuration = configuration
            let began = ContinuousClock.now
            let read = try await context.offload {
                do { return try Ingest(configuration).harmonise() } catch {
                    // Tables, mapping and variables are files that the config names: no restart mends them.
                    throw StageError.configuration("\(error)")
                }
            }
            harmonised = read
            context.log.tell(
                .tablesRead,
                [
                    .stays: .number(read.stays.count), .mapping: .text(read.mapping),
                    .seconds: .seconds(ContinuousClock.now - began),
                ])
            try answer()
            try emit()
        }
    }

    func opened(_ opening: Signed<Opening>) async throws {
        pending = opening
        try answer()
    }

    func released(_ release: Signed<Release>) async throws {
        if let pending, pending.content.round <= release.content.round { self.pending = nil }
        if release.content.purpose == .statistics {
            statistics = release
            try context.cancel(vector(release.content.round), to: encrypt)
            try emit()
        }
    }

    func abandoned(_ abandonment: Signed<Abandonment>) async throws {
        if pending?.content.round == abandonment.content.round { pending = nil }
        try context.cancel(vector(abandonment.content.round), to: encrypt)
    }

    var situation: Situation {
        if harmonised == nil { return .working("reading this cloud's tables") }
        if statistics == nil {
            guard let pending, pending.content.purpose == .statistics else {
                return .waiting(for: [context.publisher], "no statistics round has been opened yet")
            }
            return .waiting(for: [context.publisher], "the release of round \(pending.content.round) (statistics)")
        }
        guard context.workInHand == 0 else { return .working("writing records and shards") }
        return context.pendingDepartures > 0
            ? .waiting(for: context.receivers, "it has not taken all shards yet")
            : .working("done: all shards have been taken")
    }

    private func vector(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .vector, round: round, cloud: context.stage.cloud)
    }

    /// Answers an open statistics round, once, and only if it asks for exactly the variables that are harmonised here.
    private func answer() throws {
        guard let harmonised, let opening = pending, opening.content.purpose == .statistics,
            opening.content.member(context.stage.cloud) != nil
        else { return }
        let content = opening.content
        let name = vector(content.round)
        guard try !context.journal.read({ try $0.hasDeparture(name) }) else { return }
        guard try harmonised.statisticsLayout(bits: content.bits).digest == content.layout.digest else {
            context.log.tell(
                .openingRefused, round: content.round,
                [
                    .reason: .text(
                        "it asks for other variables than this cloud's variables file describes: compare them")
                ])
            return
        }
        // Statistics of the same data with another cohort could be subtracted from each other: one release is all there is.
        guard statistics == nil else {
            context.log.tell(
                .openingRefused, round: content.round,
                [.reason: .text("the statistics of this data have been released already")])
            return
        }
        let bytes = ClearVector.bytes(harmonised.statistics)
        let offer = context.offer(
            name, payload: .bytes(bytes), digest: Digest(ofContent: bytes),
            about: VectorAbout(opening: opening.digest, records: harmonised.stays(in: .train).count))
        try context.send([Departure(offer: offer, receiver: encrypt, payload: try context.spool(bytes, for: name))])
    }

    /// With the federation's statistics: records, shards and the report.
    private func emit() throws {
        guard let harmonised, let statistics, !hasRecords else { return }
        hasRecords = true
        let cloud = context.stage.cloud
        let sums = statistics.content.sums
        context.begin { [self] in
            let standardisation = try await context.offload { [directory] in
                let standardisation = try Standardisation(released: sums, variables: harmonised.variables)
                let report = IngestReport(harmonised, cloud: cloud.description, standardisation: standardisation)
                try StateFile.write(try report.json(), to: "\(directory)/report.json")
                try StateFile.write(report.text, to: "\(directory)/report.txt")
                for split in TokenShard.Split.allCases {
                    let records = harmonised.records(in: split, standardisation: standardisation)
                    try StateFile.write(
                        records.map { "\($0.text)\n" }.joined(), to: "\(directory)/records-\(split.rawValue).txt")
                }
                return standardisation
            }
            let encoder = BaseVocabulary(variables: harmonised.variables)
            try placing.begin { shares in
                guard shares.count > 1 else {
                    let shards = try harmonised.shards(
                        standardisation: standardisation, encoder: encoder, cloud: cloud)
                    return ([shards], [harmonised.stays(in: .train).count])
                }
                do {
                    let placement = try harmonised.placement(shares: shares)
                    let shards = try harmonised.shards(
                        placed: placement, standardisation: standardisation, encoder: encoder, cloud: cloud)
                    return (shards, placement.records)
                } catch let error as IngestError {
                    // Neither tables nor topology are mended by a restart.
                    throw StageError.configuration("\(error)")
                }
            }
        }
    }

    func verdict(on offer: Offer, from sender: StageName) -> Verdict { placing.verdict(on: offer, from: sender) }

    func arrived(_ arrival: Arrival) async throws { try placing.arrived(arrival) }

    func receipted(_ delivery: Delivery) async throws {
        if delivery.outcome == .refused {
            context.log.tell(.transferRefused, [.transfer: .name(delivery.name), .reason: .text(delivery.reason)])
        }
    }
}

/// Files of the stage's own state, for its owner's eyes alone.
private enum StateFile {
    static func write(_ text: String, to path: String) throws {
        let file = try SpoolFile(creating: path)
        try file.append(Array(text.utf8))
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try SpoolFile(creating: path)
        try file.append(bytes)
    }
}
