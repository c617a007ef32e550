import Federation
import Monitoring
import Topology

extension FederationRun {
    /// What a stage's spool holds.
    func spooled(_ stage: StageName) throws -> [Event] {
        var reader = SpoolReader(folder: topology.eventSpool(of: stage))
        var events: [Event] = []
        while case let batch = try reader.next(maximumBytes: 1 << 20), !batch.lines.isEmpty {
            guard batch.lost == 0 else {
                throw Failure(description: "\(stage): the spool has lost \(batch.lost) events")
            }
            events += try batch.lines.map { try EventLine.event($0) }
        }
        return events
    }
}
