import Federation
import Monitoring
import Sodium
import StageKit

// One of several workers of a cloud trains on its part of the records, with its part of every batch; worker 1 alone has the records that
// are held out, and answers every other kind of round.
extension LocalTrainStage {
    /// Over which partition it trains; nil where the cloud's records were never shared out.
    var partition: WorkerPartition? { get throws { try shards.partition ?? unrecorded } }

    /// Where nothing is trained on (`trainer: none`), and there are others.
    private var unrecorded: WorkerPartition? {
        get throws { !needsShards && workers.count > 1 ? try WorkerPartition(unrecorded: workers) : nil }
    }

    /// Whether what it would train on is here. Where the topology has other workers than the partition, encrypt gives the vector back.
    func isPlaced(for opening: Opening) throws -> Bool {
        guard !needsShards || shards.isWhole else { return false }
        guard opening.purpose == .update else { return context.stage.ordinal == 1 }
        return try (partition?.workers ?? [1]).contains(context.stage.ordinal)
    }

    /// The name of its vector of an open round: over another partition it is another.
    func vector(_ opening: Opening) throws -> TransferName {
        let ordinal = context.stage.ordinal
        let part = WorkerPartition.part(of: ordinal, in: opening.purpose == .update ? try partition : nil)
        return TransferName(
            run: context.run, kind: .vector, round: opening.round, cloud: context.stage.cloud, part: part)
    }

    /// Whether a round's vector has been handed to encrypt: once, but for one that encrypt gave back because the other workers have
    /// trained over a newer partition, which is here now.
    func isHandedOver(_ opening: Opening) throws -> Bool {
        let name = try vector(opening)
        return try context.journal.read { entry in
            try entry.departures(of: .vector, round: opening.round, to: encrypt).contains {
                $0.name == name || $0.state != Receipt.Outcome.refused.rawValue
                    || $0.reason != Receipt.otherPartition
            }
        }
    }

    /// Its part of the opening's batch; nil where it takes the whole.
    func batch(_ opening: Opening) throws -> Int? {
        guard let partition = try partition, let training = opening.training else { return nil }
        if let reason = opening.refusal(ofWorkers: partition.parts.count) { throw StageError.configuration(reason) }
        guard let batch = partition.batch(of: context.stage.ordinal, in: training.batchSize) else {
            throw StageError.configuration(
                "a batch of \(training.batchSize) of \(partition.records) records cannot be shared among this cloud's \(partition.parts.count) workers"
            )
        }
        return batch
    }

    /// encrypt has a vector of another worker over a newer partition.
    func takeBack(_ name: TransferName) throws {
        context.log.tell(.updateRepeated, round: name.round, [.partition: .number(Int(name.part >> 8 & 0xffff))])
        try beginIfReady()
    }
}
