internal import FoundationEssentials

/// `STATE/launcher.json`: what runs, for `tributary ps` and for scripts.
package struct LauncherRecord: Codable, Equatable, Sendable {
    package struct Stage: Codable, Equatable, Sendable {
        package let stage: String
        /// waiting, starting, ready, backing-off or ended.
        package let state: String
        package let pid: Int32?
        /// RFC 3339; of the present process.
        package let started: String?
        package let readySeconds: Double?
        package let restarts: Int
        /// What the stage says of itself, and since when (seconds since 1970).
        package let status: String?
        package let statusSince: Double?
        /// How the last process ended, and the last line that it wrote.
        package let lastEnd: String?
        package let lastLine: String?
        /// What hinders it, each since when; nil for nothing.
        package let troubles: [StageTrouble]?

        package init(
            stage: String, state: String, pid: Int32?, started: String?, readySeconds: Double?, restarts: Int,
            status: String?, statusSince: Double?, lastEnd: String?, lastLine: String?, troubles: [StageTrouble] = []
        ) {
            self.stage = stage
            self.state = state
            self.pid = pid
            self.started = started
            self.readySeconds = readySeconds
            self.restarts = restarts
            self.status = status
            self.statusSince = statusSince
            self.lastEnd = lastEnd
            self.lastLine = lastLine
            self.troubles = troubles.isEmpty ? nil : troubles
        }
    }

    package var schemaVersion = "1"
    package let topology: String
    package let federation: String
    package let run: String
    package let pid: Int32
    package let started: String
    package let ready: Bool
    package let readySeconds: Double?
    package let stages: [Stage]

    package init(
        topology: String, federation: String, run: String, pid: Int32, started: String, ready: Bool,
        readySeconds: Double?, stages: [Stage]
    ) {
        self.topology = topology
        self.federation = federation
        self.run = run
        self.pid = pid
        self.started = started
        self.ready = ready
        self.readySeconds = readySeconds
        self.stages = stages
    }

    /// Longer files are none of a launcher's.
    package static let maximumBytes = 4 << 20

    /// Reads a file's text, as it stands there.
    package init(_ text: some Collection<UInt8>) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(LauncherRecord.self, from: Data(text))
    }

    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}
