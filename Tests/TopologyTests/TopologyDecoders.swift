import Configuration
import Federation
import SeededRandom
import Topology

/// The way in for topology files: what the mutation tests and the fuzzer (`scripts/fuzz`) both push bytes through.
enum TopologyDecoders {
    static let all: [Spoiling.Entry] = [topology]

    private static let large = """
        version: 1
        federation: trial
        run: first
        suite: paillier
        keys: threshold
        threshold: 2
        clouds:
          north:
            owner: North Hospital
            stages: {ingest: {config: a}, local-train: {config: a}, encrypt: {config: a}}
          south:
            owner: South Clinic
            stages: {ingest: {config: a}, local-train: {config: a}, encrypt: {config: a}}
          west:
            owner: West Practices
            sinks:
              - {kind: syslog, address: "udp://127.0.0.1:514"}
            stages: {ingest: {config: a}, local-train: {config: a}, encrypt: {config: a}}
          office:
            owner: Trial Office
            stages:
              aggregate: {config: a, bind: 10.0.0.1, work: 7101, news: 7102}
              publish: {config: a, bind: 0.0.0.0, advertise: publish.example, work: 7103, news: 7104}

        """

    private static let masked = large.replacing("suite: paillier\nkeys: threshold\nthreshold: 2", with: "suite: secagg")

    private static func load(_ text: String) throws(ConfigurationError) -> Topology {
        try Topology.load(text: text, file: "/etc/tributary/t.yaml", state: "/var/lib/tributary", present: [])
    }

    private static let topology: Spoiling.Entry = (
        "topology", [Array(large.utf8), Array(masked.utf8)],
        { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { return }
            let found = try load(text)
            _ = (found.picture, found.drawing, found.links, found.warnings.map(\.description))
            for stage in found.stages.map(\.name) { _ = (found.hub(of: stage), found.dials(of: stage)) }
            let difference = TopologyDifference(from: try load(large), to: found)
            _ = (difference.steps, difference.refusals)
        }
    )
}
