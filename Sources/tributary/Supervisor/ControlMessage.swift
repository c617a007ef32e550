internal import FoundationEssentials

/// What a command asks of the launcher, as a line of JSON over its control socket.
struct ControlRequest: Codable {
    enum Command: String, Codable { case swap, plan, apply }

    let command: Command
    /// `swap`: `CLOUD/STAGE`.
    var stage: String?
    /// Whole paths; nil for what the stage runs on now.
    var binary: String?
    var config: String?
    /// `plan`, `apply`: the file to be brought into effect, a whole path.
    var topology: String?
    var drainSeconds: Double?
    var standbySeconds: Double?

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
        /// `plan`: what there is to do.
        case plan
        /// `apply`: a step begins, and has ended; all have; one has not.
        case began
        case ended
        case applied
        case unfinished
    }

    let event: Event
    var reason: String?
    var seconds: Double?
    var pid: Int32?
    /// The last lines of the new process's log, where it failed.
    var log: [String]?
    /// `CLOUD/STAGE`, of a step.
    var stage: String?
    var plan: PlanReport?

    var isLast: Bool {
        switch event {
        case .standingBy, .released, .stopped, .began, .ended: false
        case .done, .refused, .failed, .rolledBack, .plan, .applied, .unfinished: true
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
