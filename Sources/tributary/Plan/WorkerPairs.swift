internal import Configuration
internal import Federation
internal import Publication
internal import Topology

/// What publish's config asks of updates beside what clouds with several local-train stages can do. Each of those would refuse the first such opening
/// with the reason; where publish's config is on this host it is told before.
struct WorkerPairs {
    /// Of publish.
    let file: String
    /// What does not go together; empty where all does, and where publish's config is elsewhere or is no config, which publish itself tells.
    let faults: [String]

    init(_ topology: Topology) {
        file = topology.stage(topology.publish)?.config ?? ""
        let crowded = topology.dataClouds.filter { topology.workers(of: $0).count > 1 }
        guard !crowded.isEmpty, !file.isEmpty, let publish: PublishConfiguration = try? ConfigurationFile.read(at: file)
        else {
            faults = []
            return
        }
        let demands = publish.workerDemands
        faults = crowded.sorted().compactMap { cloud in
            demands.refusal(of: topology.workers(of: cloud).count, "\(cloud)'s")
        }
    }

    /// - Throws: all of them, as problems of publish's config.
    func check() throws(ConfigurationError) {
        guard !faults.isEmpty else { return }
        throw ConfigurationError(
            faults.map { Problem(file: file, place: nil, message: "no update can be made: \($0)") })
    }
}
