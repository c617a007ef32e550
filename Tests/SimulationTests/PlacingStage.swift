import Corpus
import Federation
import IngestLogic
import StageKit
import Tokenization
import Topology

/// Ingest of a cloud with several workers, without tables: invented patients, shared out by the logic that real ones are.
@StageActor
final class PlacingStage: Stage {
    private let placing: ShardPlacing

    init(_ context: StageContext, _ topology: Topology) { placing = ShardPlacing(context, topology) }

    func start() async throws { try placing.begin { try InventedPatients.cut($0) } }

    func verdict(on offer: Offer, from sender: StageName) -> Verdict { placing.verdict(on: offer, from: sender) }

    func arrived(_ arrival: Arrival) async throws { try placing.arrived(arrival) }
}

enum InventedPatients {
    static let count = 120

    private static let stays = (0..<count).map { Stay(id: "\($0)", patient: "\($0)", values: [], died: false) }

    /// Of each patient one record of two tokens, the first of which is the patient.
    static func cut(_ shares: [Double]) throws -> (shards: [[TokenShard]], records: [Int]) {
        let placement = try PatientPlacement(
            stays, ranked: Partition(salt: "simulated", scheme: .shares(validation: 0, test: 0)), shares: shares)
        let shards = try shares.indices.map { worker in
            let own = (0..<count).filter { placement.place(of: "\($0)") == worker }
            return [
                try TokenShard(
                    examples: own.map { [Int32($0), 1] }, answer: own.map { _ in 1 }, label: own.map { _ in 0 },
                    split: .train, tokenizer: String(repeating: "0", count: 64), cloud: "simulated")
            ]
        }
        return (shards, placement.records)
    }
}
