internal import FoundationEssentials

/// What a command asks of the launcher, as a line of JSON over its control socket.
struct ControlRequest: Codable {
    enum Command: String, Codable { case swap }

    let command: Command
    /// `CLOUD/STAGE`.
    let stage: String
    /// Whole paths; nil for what the stage runs on now.
    let binary: String?
    let config: String?
    let drainSeconds: Double?
    let standbySeconds: Double?

    /// Longest line that the launcher reads.
    static let limit = 16 << 10
}

/// What the launcher answers: some lines on the way, and one that is the last.
struct ControlReply: Codable {
    enum Event: String, Codable {
        case standingBy = "standing-by"
        case released
        case stopped
        case done
        case refused
        case failed
        case rolledBack = "rolled-back"
    }

    let event: Event
    var reason: String?
    var seconds: Double?
    var pid: Int32?
    /// The last lines of the new process's log, where it failed.
    var log: [String]?

    var isLast: Bool {
        switch event {
        case .standingBy, .released, .stopped: false
        case .done, .refused, .failed, .rolledBack: true
        }
    }
}

enum ControlLine {
    static func encode(_ message: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(message)) + [UInt8(ascii: "\n")]
    }

    static func decode<Message: Decodable>(_: Message.Type, _ line: some Collection<UInt8>) throws -> Message {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Message.self, from: Data(line))
    }
}
