import Federation
import Monitoring
import Sodium
import StageKit

// A cloud with several workers makes one update of all that they have trained: outside the cloud nothing shows how many there are.
extension EncryptStage {
    /// Who makes the vectors of a round.
    func makers(of opening: Opening) throws -> [StageName] {
        let cloud = context.stage.cloud
        switch opening.purpose {
        case .statistics: return [StageName(cloud: cloud, kind: .ingest)]
        case .update: return try workers.map { StageName(cloud: cloud, role: try StageRole(worker: $0)) }
        case .evaluation, .sensitivity: return [StageName(cloud: cloud, kind: .localTrain)]
        }
    }

    /// Whether all vectors of a round are there.
    func isComplete(_ round: Round) throws -> Bool {
        try makers(of: round.opening.content).count == round.waiting.count
    }

    /// Nil for a vector that may come.
    func verdict(
        onVector name: TransferName, _ about: VectorAbout, of sender: StageName, _ round: Round
    ) throws -> Verdict? {
        guard sender.kind == .localTrain else { return nil }
        guard round.opening.content.purpose == .update else {
            guard sender.ordinal == 1, about.partition == nil else {
                return .refuse("the cloud's first local-train answers rounds for \(round.opening.content.purpose)")
            }
            return nil
        }
        let number = about.partition?.number ?? 0
        guard name.part == WorkerPartition.part(of: sender.ordinal, in: about.partition) else {
            return .refuse("part \(name.part) is not that of \(sender) over partition \(number)")
        }
        // Of fewer or more workers than the topology has now: the records are shared out anew for these.
        guard about.partition?.workers ?? [1] == workers else { return .over(Receipt.otherPartition) }
        guard about.base == nil || about.partition == nil else {
            return .refuse("it is late, and this cloud's records are shared out among its workers")
        }
        // A worker that has lost what it had trained, and has trained again over a newer partition.
        if about.partition != nil, try hasContributed(to: round) { return .over(Receipt.roundOver) }
        guard let waiting = round.waiting.partition else { return nil }
        if number < waiting.number { return .over(Receipt.otherPartition) }
        guard number > waiting.number || about.partition == waiting else {
            return .refuse("another worker's partition \(number) is another one")
        }
        return nil
    }

    /// Whether the vectors of a round are being sealed, or have been.
    func hasContributed(to round: Round) throws -> Bool {
        if round.isSealing { return true }
        return try context.journal.read { try $0.hasDeparture(contribution(round.opening.content.round)) }
    }

    /// Tells ingest how fast the workers were.
    func tellSpeeds(_ vectors: WorkerVectors, _ opening: Opening) throws {
        guard tellsSpeeds, opening.purpose == .update, let partition = vectors.partition,
            let works = vectors.works(in: opening, cloud: context.stage.cloud)
        else { return }
        let name = TransferName(
            run: context.run, kind: .speeds, round: opening.round, cloud: context.stage.cloud)
        guard try !context.journal.read({ try $0.hasDeparture(name) }) else { return }
        // What it has not heard yet says less than this.
        try context.cancel(.speeds) { _ in true }
        let note: [UInt8] = [0]
        let offer = context.offer(
            name, payload: .bytes(note), digest: Digest(ofContent: note),
            about: SpeedsAbout(partition: partition.number, works: works))
        try context.sendUnsynced(
            Departure(
                offer: offer, receiver: StageName(cloud: context.stage.cloud, kind: .ingest), payload: .bytes(note)))
    }
}
