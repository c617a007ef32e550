internal import FoundationEssentials

/// What a command asks of the launcher, as a line of JSON over its control socket.
package struct ControlRequest: Codable, Equatable, Sendable {
    package enum Command: String, Codable, Sendable { case swap, plan, apply }

    package let command: Command
    /// `swap`: `CLOUD/STAGE`.
    package var stage: String?
    /// Whole paths; nil for what the stage runs on now.
    package var binary: String?
    package var config: String?
    /// `plan`, `apply`: the file to be brought into effect, a whole path.
    package var topology: String?
    package var drainSeconds: Double?
    package var standbySeconds: Double?
    package var takeoverSeconds: Double?

    /// Longest line that the launcher reads.
    package static let limit = 16 << 10

    package init(
        command: Command, stage: String? = nil, binary: String? = nil, config: String? = nil, topology: String? = nil,
        drainSeconds: Double? = nil, standbySeconds: Double? = nil, takeoverSeconds: Double? = nil
    ) {
        self.command = command
        self.stage = stage
        self.binary = binary
        self.config = config
        self.topology = topology
        self.drainSeconds = drainSeconds
        self.standbySeconds = standbySeconds
        self.takeoverSeconds = takeoverSeconds
    }
}

/// What the launcher answers: some lines on the way, and one that is the last.
package struct ControlReply: Codable, Equatable, Sendable {
    package enum Event: String, Codable, Sendable {
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

    package let event: Event
    package var reason: String?
    package var seconds: Double?
    package var pid: Int32?
    /// The last lines of the new process's log, where it failed.
    package var log: [String]?
    /// `CLOUD/STAGE`, of a step.
    package var stage: String?
    package var plan: PlanReport?
    /// The stage did not run: there was nothing to hand over, and a failure leaves it as it was.
    package var wasDown: Bool?

    package init(
        event: Event, reason: String? = nil, seconds: Double? = nil, pid: Int32? = nil, log: [String]? = nil,
        stage: String? = nil, plan: PlanReport? = nil, wasDown: Bool? = nil
    ) {
        self.event = event
        self.reason = reason
        self.seconds = seconds
        self.pid = pid
        self.log = log
        self.stage = stage
        self.plan = plan
        self.wasDown = wasDown
    }

    package var isLast: Bool {
        switch event {
        case .standingBy, .released, .stopped, .began, .ended: false
        case .done, .refused, .failed, .rolledBack, .plan, .applied, .unfinished: true
        }
    }
}

package enum ControlLine {
    package static func encode(_ message: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(message)) + [UInt8(ascii: "\n")]
    }

    package static func decode<Message: Decodable>(_: Message.Type, _ line: some Collection<UInt8>) throws -> Message {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Message.self, from: Data(line))
    }
}
