import Federation
import StageKit
import Tokenization

// A patient lies at one worker.
extension Judgement {
    /// Of every partition of which all workers still have their part: each invented patient is at one of them.
    func judgePlacement() throws {
        guard let placed = federation.ledger.placed[try Schedule.workedCloud] else { return }
        var holders: [RoundNumber: [StageName: [Int32]]] = [:]
        for process in federation.processes where process.stage.kind == .localTrain {
            for arrival in try process.disk.journal.read({ try $0.held(.shard) }) {
                let shard = try TokenShard(bytes: arrival.payload.read())
                let patients = (0..<shard.count).map { shard.tokens[shard.range(of: $0).lowerBound] }
                holders[arrival.offer.name.round, default: [:]][process.stage, default: []] += patients
            }
        }
        for (round, parts) in holders where parts.count == placed.parts.count {
            let all = parts.values.flatMap(\.self)
            if Set(all).count != all.count || all.count != InventedPatients.count {
                violate("partition \(round) has \(all.count) patients, \(Set(all).count) of them different")
            }
        }
        for process in federation.processes {
            let count = holders.values.count { $0[process.stage] != nil }
            if count > 2 { violate("\(process.stage) holds the shards of \(count) partitions") }
        }
    }
}
