import Configuration
import Deployment
import Federation
import SampleTopology
import Topology

/// Topologies to write services of: nothing of it need be there but this very source file, which stands for every config.
enum Federations {
    static let config = #filePath

    static let wide = ThreeClouds.text(
        config: config, trainer: "bind: 0.0.0.0, advertise: trainer.south.example, work: 7121, news: 7122",
        aggregate: "bind: 0.0.0.0, advertise: 192.0.2.7, work: 7101, news: 7102",
        publish: "bind: 0.0.0.0, advertise: 192.0.2.8, work: 7111, news: 7112")

    /// The same with three local-train in south, which share the first one's owner and host.
    static let worked = wide.replacing(
        "advertise: trainer.south.example, work: 7121, news: 7122}\n",
        with: """
            advertise: trainer.south.example, work: 7121, news: 7122}
                  local-train-2: {config: \(config), bind: 0.0.0.0, advertise: gpu.south.example, work: 7123, news: 7124}
                  local-train-3: {config: \(config)}

            """)

    /// The same with collectors that are reached over a network.
    static let collected = sinks("")

    private static func sinks(_ more: String) -> String {
        wide.replacing(
            "clouds:\n",
            with: """
                sinks:
                  - {kind: forward, address: "tcp://192.0.2.50:24224", shared-key: \(config)}
                  - {kind: otlp, address: "http://otel.example:4318"}
                  - {kind: syslog, address: "udp://192.0.2.51:514"}
                \(more)clouds:

                """)
    }

    /// The same with a file and a socket of the host besides.
    static let local = sinks("  - {kind: file, path: /srv/events/all.jsonl}\n  - {kind: journald}\n")

    static func monitor(of cloud: String, _ text: String) throws -> MonitorService? {
        let topology = try topology(text)
        return try topology.cloud(CloudName(cloud)).flatMap {
            MonitorService($0, of: topology, program: "/usr/bin/true")
        }
    }

    static func topology(_ text: String = wide) throws -> Topology {
        try Topology.load(text: text, file: config, state: "/var/lib/elsewhere")
    }

    /// The services of some clouds, as the command makes them.
    static func services(
        _ text: String = wide, of clouds: [String]? = nil, program: String = "/usr/bin/true",
        reads: [StageService.NamedPath] = [], keyFiles: [String] = []
    ) throws -> [StageService] {
        let topology = try topology(text)
        return topology.stages.filter { clouds?.contains($0.name.cloud.description) ?? true }.map {
            StageService(
                $0, of: topology, program: program, reads: reads, writes: [], keyFiles: keyFiles,
                makesCode: $0.name.kind == .localTrain)
        }
    }

    static func units(
        of cloud: String, _ text: String = wide, reads: [StageService.NamedPath] = [], keyFiles: [String] = []
    ) throws -> [DeploymentFile] {
        let services = try services(text, of: [cloud], reads: reads, keyFiles: keyFiles)
        return try SystemdUnits(
            services, of: try CloudName(cloud), name: .standard, monitor: try monitor(of: cloud, text)
        ).files()
    }

    /// The text of a file whose path ends so.
    static func text(_ files: [DeploymentFile], _ ending: String) throws -> String {
        guard let file = files.first(where: { $0.path.hasSuffix(ending) }) else { throw Missing(ending: ending) }
        return file.text
    }

    struct Missing: Error { let ending: String }
}
