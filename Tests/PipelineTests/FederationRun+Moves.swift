import Federation
import Foundation
import Keys
import Topology

// A run whose topology is changed under it.
extension FederationRun {
    /// The text of the run's own topology.
    func topologyText() throws -> String { String(decoding: try read("\(root)/topology.yaml"), as: UTF8.self) }

    /// Writes a topology in which `cloud` runs aggregate, on ports of its own, and makes the keys that it takes.
    func topology(withAggregateIn cloud: String, file: String) throws -> String {
        let ports = try Self.freePorts(2)
        var lines = try topologyText().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeAll { $0.contains(" aggregate: ") }
        guard let start = lines.firstIndex(of: "  \(cloud):"),
            let encrypt = lines[start...].firstIndex(where: { $0.contains(" encrypt: ") })
        else { throw Failure(description: "no cloud \(cloud) with data") }
        lines.insert(
            "      aggregate: {config: aggregate.yaml, bind: 127.0.0.1, work: \(ports[0]), news: \(ports[1])}",
            at: encrypt + 1)
        let path = "\(root)/\(file)"
        try write(Array(lines.joined(separator: "\n").utf8), path)
        try keys.complete(StageName(cloud: try CloudName(cloud), kind: .aggregate))
        return path
    }

    /// Has each of the stages go on with another topology file, in that order.
    func apply(_ file: String, to stages: [StageName]) async throws {
        for stage in stages { try await replace(stage, topology: file) }
    }

    var encrypts: [StageName] { stages.filter { $0.kind == .encrypt } }

    func count(_ event: String, of stage: StageName, round: Int) -> Int {
        book.all.count { $0.stage == stage && $0.name == event && $0.round == round }
    }

    /// Files that a stage's spool holds.
    func spool(of stage: StageName) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(topology.stateFolder(of: stage))/spool")
    }
}
