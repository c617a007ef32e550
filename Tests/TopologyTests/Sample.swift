import Configuration
import SampleTopology
import Topology

/// A sound topology of three data clouds, and what is wrong with it once spoiled.
enum Sample {
    /// Config files must exist: each stage names this very source file.
    static let config = #filePath

    static let text = ThreeClouds.text(
        config: config, head: "suite: paillier\nkeys: publisher\n",
        aggregate: "bind: 10.0.0.1, work: 7101, news: 7102",
        publish: "bind: 0.0.0.0, advertise: publish.example, work: 7101, news: 7102")

    static func load(_ text: String = Sample.text) throws(ConfigurationError) -> Topology {
        try Topology.load(text: text, file: "/etc/tributary/t.yaml", state: "/var/lib/tributary")
    }

    /// The sound text with one part replaced; the part must be in it.
    static func spoiled(_ part: String, _ other: String) -> String {
        precondition(text.contains(part), "the sample does not hold \(part)")
        return text.replacing(part, with: other)
    }

    /// The sound text with further local-train stages in north.
    /// - Parameters:
    ///   - first: further keys of the first.
    ///   - others: by number, with further keys.
    ///   - cloud: further lines of the cloud.
    static func workers(
        first: String = "", _ others: [(Int, String)] = [(2, "")], cloud: String = ""
    ) -> String {
        let (owner, ingest) = ("    owner: North Hospital\n", "    stages:\n      ingest: {config: \(config)}\n")
        func stage(_ role: String, _ more: String) -> String {
            "      \(role): {config: \(config)\(more.isEmpty ? "" : ", \(more)")}\n"
        }
        let lines = others.map { stage("local-train-\($0)", $1) }.joined()
        return spoiled(
            owner + ingest + stage("local-train", ""),
            owner + cloud + ingest + stage("local-train", first) + lines)
    }

    /// Without the lines of the cloud `name`.
    static func without(_ name: String) -> String {
        var kept: [Substring] = []
        var skipping = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("  "), !line.hasPrefix("   ") { skipping = line == "  \(name):" }
            if !skipping { kept.append(line) }
        }
        return kept.joined(separator: "\n") + "\n"
    }

    static func problems(_ text: String) -> [String] {
        do {
            _ = try load(text)
            return []
        } catch { return error.problems.map { String($0.description.dropFirst("/etc/tributary/t.yaml:".count)) } }
    }
}
