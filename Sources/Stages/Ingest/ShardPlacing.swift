package import Federation
import Monitoring
import Planning
import Sodium
package import StageKit
package import Tokenization
package import Topology

/// Shares a cloud's training records out among its workers, and does so anew when the topology or their speeds ask for it. A later
/// partition goes out whole, under a number of its own, and whoever has all of it lets go of the one before.
@StageActor
package final class ShardPlacing {
    /// The shards of each worker, in the order of the shares that its training records are to have, and how many of those it gets.
    package typealias Cut = @Sendable (_ shares: [Double]) throws -> (shards: [[TokenShard]], records: [Int])

    private let context: StageContext
    private let workers: [Topology.Worker]
    private let partitioning: Topology.Partitioning
    private let encrypt: StageName
    /// Nil until the records are there.
    private var cut: Cut?
    /// As it lies at the workers, or is on its way; nil until it has been sent.
    private var placed: (note: PlacementNote, records: [Int])?
    private var isPlacing = false

    private static let noteFact = "placement"

    package init(_ context: StageContext, _ topology: Topology) {
        self.context = context
        let cloud = context.stage.cloud
        workers = topology.workers(of: cloud)
        partitioning = topology.partitioning(of: cloud)
        encrypt = StageName(cloud: cloud, kind: .encrypt)
    }

    private func note() throws -> PlacementNote? {
        try context.journal.read { try $0.fact(Self.noteFact) }.map { try PlacementNote(bytes: $0) }
    }

    /// The records are there: from now on they are shared out.
    package func begin(_ cut: @escaping Cut) throws {
        guard self.cut == nil else { return }
        self.cut = cut
        place(PlacementNote(workers, partitioning.mode, after: try note()))
    }

    private func place(_ next: PlacementNote, isFaster: Double? = nil) {
        guard let cut else { return }
        isPlacing = true
        context.begin { [self] in
            let made = try await context.offload { try cut(next.shares) }
            try send(made.shards, next, made.records)
            tell(made.shards, next, made.records, isFaster)
            placed = (next, made.records)
            isPlacing = false
        }
    }

    private func partition(_ note: PlacementNote, _ records: [Int]) throws -> WorkerPartition? {
        guard note.number > 0 else { return nil }
        return try WorkerPartition(
            number: note.number,
            parts: zip(workers, records).map { .init(worker: $0.stage.ordinal, records: $1) })
    }

    private func send(_ shards: [[TokenShard]], _ note: PlacementNote, _ records: [Int]) throws {
        let partition = try partition(note, records)
        try context.cancel(.shard) { $0.round.value != UInt32(note.number) }
        var departures: [Departure] = []
        for (worker, shards) in zip(workers, shards) {
            for (index, shard) in shards.enumerated() {
                let name = TransferName(
                    run: context.run, kind: .shard, round: RoundNumber(UInt32(note.number)),
                    cloud: context.stage.cloud,
                    part: UInt32((worker.stage.ordinal - 1) * TokenShard.Split.allCases.count + index))
                guard try !context.journal.read({ try $0.hasDeparture(name) }) else { continue }
                let bytes = try shard.encoded()
                let about = ShardAbout(
                    split: shard.split.rawValue, examples: shard.count, tokenizer: shard.tokenizer,
                    count: shards.count, partition: partition)
                let offer = context.offer(
                    name, payload: .bytes(bytes), digest: Digest(ofContent: bytes), about: about)
                departures.append(
                    Departure(offer: offer, receiver: worker.stage, payload: try context.spool(bytes, for: name)))
            }
        }
        try context.send(departures) { entry in
            if note.number > 0 { try entry.setFact(Self.noteFact, note.bytes) }
        }
    }

    private func tell(_ shards: [[TokenShard]], _ note: PlacementNote, _ records: [Int], _ isFaster: Double?) {
        let all = shards.flatMap(\.self)
        context.log.tell(
            .shardsMade,
            [
                .shards: .number(all.count), .examples: .number(all.reduce(0) { $0 + $1.count }),
                .tokens: .number(all.reduce(0) { $0 + $1.tokens.count }),
            ])
        guard note.number > 0 else { return }
        var fields: EventFields = [
            .partition: .number(note.number), .partitioning: .name(note.mode),
            .parts: .list(zip(workers, records).map { .text("\($0.stage.role) \($1)") }),
        ]
        if let isFaster { fields[.slowness] = .real(isFaster) }
        context.log.tell(.partitionChanged, fields)
    }

    // MARK: Speeds

    package func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        guard offer.name.kind == .speeds, sender == encrypt, offer.name.cloud == sender.cloud else {
            return .refuse("\(sender) may not send \(offer.name) here")
        }
        do { _ = try SpeedsAbout(offer.about) } catch { return .refuse("\(error)") }
        return .borrow
    }

    package func arrived(_ arrival: Arrival) throws {
        let said = try SpeedsAbout(arrival.offer.about)
        // Of another partition, or of other workers, it says nothing of this one.
        if var placed, partitioning.mode == .monitored, said.partition == placed.note.number,
            said.works.map(\.worker) == workers.map(\.stage.ordinal)
        {
            placed.note.speeds.take(said.works.map { Double($0.examples) * 1000 / Double($0.milliseconds) })
            self.placed = placed
        }
        try context.journal.note { entry in
            try entry.spend(arrival)
            if let placed, placed.note.number > 0 { try entry.setFact(Self.noteFact, placed.note.bytes) }
        }
        context.acknowledge(arrival)
        try placeAnew()
    }

    /// Shares the records out by the speeds that were seen, once that is worth it and the partition before is where it belongs.
    private func placeAnew() throws {
        guard let placed, !isPlacing, partitioning.mode == .monitored, !context.isSending(.shard),
            let shares = placed.note.speeds.shares(insteadOf: placed.records, rebalance: partitioning.rebalance)
        else { return }
        var speeds = placed.note.speeds
        speeds.begin()
        place(
            PlacementNote(number: placed.note.number + 1, mode: .monitored, shares: shares, speeds: speeds),
            isFaster: WorkerShares.slowness(records: placed.records, speeds: shares))
    }
}
