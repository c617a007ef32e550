package import Federation
internal import Glibc
internal import Logging

/// A stage's events as JSON lines on standard error: time, level, who, a stable event name, and fields. Never a record, a
/// token, a value of an update or a key.
package struct EventLog: Sendable {
    package enum Level: String, Sendable, CaseIterable {
        case debug, info, warning, error
    }

    /// What a field may hold.
    package enum Field: Sendable {
        case text(String)
        case number(Int)
        case real(Double)
        case flag(Bool)
        case list([Field])

        package static func name(_ value: some CustomStringConvertible) -> Field { .text(value.description) }
        package static func round(_ value: RoundNumber) -> Field { .number(Int(value.value)) }
        package static func seconds(_ value: Duration) -> Field {
            .real(Double(value.components.seconds) + Double(value.components.attoseconds) * 1e-18)
        }

        fileprivate var metadata: Logger.MetadataValue {
            switch self {
            case .text(let text): .string(text)
            case .number(let number): .stringConvertible(number)
            case .real(let number): .stringConvertible(number)
            case .flag(let flag): .stringConvertible(flag)
            case .list(let fields): .array(fields.map(\.metadata))
            }
        }
    }

    private var logger: Logger

    /// - Parameter write: takes each line; standard error does if nobody else.
    package init(
        stage: StageName, run: RunName, level: Level,
        write: @escaping @Sendable (String) -> Void = writeToStandardError
    ) {
        logger = Logger(label: stage.description) { _ in JSONLines(stage: stage, run: run, write: write) }
        logger.logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
    }

    package func debug(_ event: String, _ fields: [String: Field] = [:]) { log(.debug, event, fields) }
    package func info(_ event: String, _ fields: [String: Field] = [:]) { log(.info, event, fields) }
    package func warning(_ event: String, _ fields: [String: Field] = [:]) { log(.warning, event, fields) }
    package func error(_ event: String, _ fields: [String: Field] = [:]) { log(.error, event, fields) }

    private func log(_ level: Logger.Level, _ event: String, _ fields: [String: Field]) {
        logger.log(level: level, "\(event)", metadata: fields.mapValues(\.metadata))
    }
}

/// Writes a line with one write(2), so that lines of several threads do not mix.
@Sendable
package func writeToStandardError(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
        var written = 0
        while written < bytes.count {
            let result = Glibc.write(2, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if result < 0 {
                if errno == EINTR { continue }
                return  // nobody reads standard error any more: the stage goes on without
            }
            written += result
        }
    }
}

private struct JSONLines: LogHandler {
    let stage: StageName
    let run: RunName
    let write: @Sendable (String) -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    init(stage: StageName, run: RunName, write: @escaping @Sendable (String) -> Void) {
        self.stage = stage
        self.run = run
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line =
            "{\"time\":\"\(Timestamp.now())\",\"level\":\"\(event.level)\",\"run\":\"\(run)\",\"cloud\":\"\(stage.cloud)\","
        line += "\"stage\":\"\(stage.kind)\",\"event\":\(quoted("\(event.message)"))"
        for (key, value) in (event.metadata ?? [:]).sorted(by: { $0.key < $1.key }) {
            line += ",\(quoted(key)):\(json(value))"
        }
        write(line + "}\n")
    }

    private func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .stringConvertible(let number as Int): "\(number)"
        case .stringConvertible(let number as Double): number.isFinite ? "\(number)" : "null"
        case .stringConvertible(let bool as Bool): "\(bool)"
        case .stringConvertible(let other): quoted("\(other)")
        case .array(let values): "[" + values.map(json).joined(separator: ",") + "]"
        case .dictionary(let pairs):
            "{" + pairs.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(json($0.value))" }.joined(separator: ",")
                + "}"
        }
    }

    /// A JSON string (RFC 8259, section 7).
    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// RFC 3339 in UTC with nanoseconds, without Foundation's formatters.
package enum Timestamp {
    package static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        var seconds = time.tv_sec
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date =
            "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(padded(time.tv_nsec, 9))Z"
    }

    /// Milliseconds since 1970, UTC: what openings carry as their deadline.
    package static func milliseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
