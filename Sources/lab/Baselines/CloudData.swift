import Configuration
import Corpus
import Federation
import Publication
import Tokenization
import Topology

/// What a baseline works with: every cloud's records at once, which no stage of a federation ever sees.
struct CloudData: Sendable {
    struct Cloud: Sendable {
        let name: CloudName
        let data: Harmonised
        let shards: [TokenShard.Split: TokenShard]

        func shard(_ split: TokenShard.Split) -> TokenShard? { shards[split] }
    }

    /// A held-out stay; `patient` numbers patients across clouds and says nothing else of them.
    struct HeldOut: Sendable {
        let cloud: String
        let patient: Int
        let stay: String
        let died: Bool
    }

    let clouds: [Cloud]
    let plan: PublishConfiguration
    /// How z-scores were made.
    static let standardisation =
        "recomputed from the training patients of all clouds: the sums that the statistics round adds, before its grid"

    /// Reads the clouds of a topology through their own ingest configs, and the plan in publish's.
    init(_ topology: Topology, progress: (String) -> Void) throws {
        guard let publish = topology.stage(topology.publish) else {
            throw LabError("\(topology.file): no publish stage")
        }
        plan = try ConfigurationFile.read(at: publish.config)
        var read: [(name: CloudName, data: Harmonised)] = []
        for name in topology.dataClouds.sorted() {
            guard let ingest = topology.stage(StageName(cloud: name, kind: .ingest)) else { continue }
            progress("reading \(name)")
            read.append((name, try Ingest(IngestConfiguration.read(at: ingest.config)).harmonise()))
        }
        guard let variables = read.first?.data.variables else {
            throw LabError("\(topology.file): no cloud holds data")
        }
        for cloud in read where cloud.data.variables.digest != variables.digest {
            throw LabError("\(cloud.name): its variables file is not that of \(read[0].name)")
        }
        var sums = [Double](repeating: 0, count: variables.count * StatisticsVector.segments.count)
        for cloud in read {
            for (index, value) in cloud.data.statistics.enumerated() { sums[index] += value }
        }
        let standardisation = try Standardisation(released: sums, variables: variables)
        let encoder = BaseVocabulary(variables: variables)
        clouds = try read.map { cloud in
            let shards = try cloud.data.shards(standardisation: standardisation, encoder: encoder, cloud: cloud.name)
            return Cloud(
                name: cloud.name, data: cloud.data,
                shards: Dictionary(shards.map { ($0.split, $0) }) { first, _ in first })
        }
    }

    /// In the order of the clouds and of their test shards.
    var heldOut: [HeldOut] {
        var numbers: [String: Int] = [:]
        return clouds.flatMap { cloud in
            cloud.data.stays(in: .test).map { stay in
                let key = "\(cloud.name) \(stay.patient)"
                let number = numbers[key] ?? numbers.count
                numbers[key] = number
                return HeldOut(cloud: cloud.name.description, patient: number, stay: stay.id, died: stay.died)
            }
        }
    }

    /// The stays of all clouds in a split, as one shard.
    func pooled(_ split: TokenShard.Split) throws -> TokenShard? {
        try TokenShard.joined(clouds.compactMap { $0.shard(split) }, split: split, cloud: "pooled")
    }
}

/// What a command of the laboratory cannot go on with.
struct LabError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
