internal import Federation

/// Events as syslog messages of RFC 5424: all that an event says is in the structured data, and once more in the message for
/// who reads that alone.
package struct SyslogFormat: Sendable {
    /// RFC 5424, table 1.
    package enum Facility: String, Sendable, CaseIterable {
        case kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, ntp, audit, alert, clock
        case local0, local1, local2, local3, local4, local5, local6, local7

        var number: Int { Facility.allCases.firstIndex(of: self) ?? 3 }
    }

    package enum Body: String, Sendable, CaseIterable {
        /// `round_closed purpose=update cohort=[a,b]`.
        case text
        /// The event's line.
        case json
    }

    /// The number is the one that RFC 5612 sets aside for whoever has none.
    package static let element = "tributary@32473"
    /// What RFC 5425 and 5426 ask receivers to take at the least is 2 KiB; rsyslog takes 8 KiB unless told otherwise.
    package static let maximumBytes = 8192

    private let prefix: Int
    /// What stands between the time and the stage.
    private let sender: [UInt8]
    private let body: Body

    package init(host: String, facility: Facility = .daemon, body: Body = .text) {
        var sender = [UInt8(ascii: " ")]
        SyslogFormat.append(printable: host, limit: 255, to: &sender)
        self.sender = sender + " tributary ".utf8
        self.body = body
        prefix = facility.number * 8
    }

    /// - Parameter line: the event's, without its end.
    package func bytes(_ event: Event, line: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        append(event, line: line, to: &bytes)
        return bytes
    }

    /// - Parameter isCounted: whether its length stands before it, as over a stream.
    package func append(_ event: Event, line: ArraySlice<UInt8>, isCounted: Bool = false, to bytes: inout [UInt8]) {
        let start = bytes.count
        for cut in [EventLine.maximumText, 512, 64] {
            append(event, line: line, cutting: cut, to: &bytes)
            if bytes.count - start <= Self.maximumBytes { break }
            bytes.removeSubrange(start...)
        }
        if bytes.count == start {
            // A list of many names: the end of the message goes (RFC 5424, section 6.1).
            append(event, line: [], cutting: 64, hasFields: false, to: &bytes)
            var end = min(bytes.count, start + Self.maximumBytes)
            while end < bytes.count, bytes[end] & 0xc0 == 0x80 { end -= 1 }
            bytes.removeSubrange(end...)
        }
        if isCounted { Self.count(from: start, in: &bytes) }
    }

    private func append(
        _ event: Event, line: ArraySlice<UInt8>, cutting limit: Int, hasFields: Bool = true, to bytes: inout [UInt8]
    ) {
        bytes.append(UInt8(ascii: "<"))
        bytes.append(decimal: prefix + event.level.syslogSeverity)
        bytes += ">1 ".utf8
        // RFC 5424 has six digits of a second and no more.
        Timestamp.append(event.time, digits: 6, to: &bytes)
        bytes += sender
        bytes += event.stage.cloud.description.utf8
        bytes.append(UInt8(ascii: "/"))
        bytes += event.stage.role.description.utf8
        bytes.append(UInt8(ascii: " "))
        Self.append(printable: event.name, limit: 32, to: &bytes)
        bytes += " [".utf8
        bytes += Self.element.utf8
        bytes += " run=\"".utf8
        bytes += event.run.description.utf8
        bytes += "\" cloud=\"".utf8
        bytes += event.stage.cloud.description.utf8
        bytes += "\" stage=\"".utf8
        bytes += event.stage.role.description.utf8
        bytes += "\" epoch=\"".utf8
        bytes.append(decimal: event.epoch)
        bytes += "\" sequence=\"".utf8
        bytes.append(decimal: event.sequence)
        bytes += "\" round=\"".utf8
        bytes.append(decimal: UInt64(event.round.value))
        bytes += "\" trace=\"".utf8
        bytes += event.trace.description.utf8
        bytes.append(UInt8(ascii: "\""))
        if hasFields {
            for (field, value) in event.fields.pairs { Self.append(field.name, value, limit, to: &bytes) }
        }
        bytes += [UInt8(ascii: "]"), UInt8(ascii: " "), 0xef, 0xbb, 0xbf]  // the text is UTF-8
        if body == .json, limit == EventLine.maximumText {
            bytes += line
        } else {
            bytes.append(summaryOf: event, cutting: limit)
        }
    }

    private static func append(_ name: String, _ value: EventValue, _ limit: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: " "))
        // An SD-NAME: printable ASCII but `=`, blank, `]` and `"`, at most 32 of them.
        for byte in name.utf8.prefix(32) {
            let isAllowed = 0x21 <= byte && byte <= 0x7e && byte != 0x3d && byte != 0x5d && byte != 0x22
            bytes.append(isAllowed ? byte : UInt8(ascii: "_"))
        }
        bytes.append(UInt8(ascii: "="))
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(shown: value)
        let isLong = bytes.count - start > limit
        let isPlain = bytes[start...].allSatisfy {
            0x20 <= $0 && $0 <= 0x7e && $0 != 0x22 && $0 != 0x5c && $0 != 0x5d
        }
        if isLong || !isPlain {
            let shown = String(decoding: bytes[start...], as: UTF8.self)
            bytes.removeSubrange(start...)
            for scalar in shown.unicodeScalars.prefix(isLong ? limit : .max) { append(scalar, to: &bytes) }
            if isLong { bytes += "...".utf8 }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Section 6.3.3: quote, backslash and closing bracket are escaped. Control characters become blanks: receivers differ
    /// over them.
    private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar {
        case "\"", "\\", "]":
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(UInt8(truncatingIfNeeded: scalar.value))
        case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}": bytes.append(UInt8(ascii: " "))
        default: bytes += UTF8.encode(scalar).map(Array.init) ?? []
        }
    }

    private static func append(printable text: String, limit: Int, to bytes: inout [UInt8]) {
        if text.isEmpty { return bytes.append(UInt8(ascii: "-")) }
        for byte in text.utf8.prefix(limit) { bytes.append(0x21 <= byte && byte <= 0x7e ? byte : UInt8(ascii: "_")) }
    }

    /// Octet counting (RFC 6587, section 3.4.1): over a stream, its length stands before each message.
    private static func count(from start: Int, in bytes: inout [UInt8]) {
        var length: [UInt8] = []
        length.append(decimal: UInt64(bytes.count - start))
        length.append(UInt8(ascii: " "))
        bytes.insert(contentsOf: length, at: start)
    }
}

extension EventLevel {
    /// RFC 5424, table 2; journald's PRIORITY too.
    package var syslogSeverity: Int {
        switch self {
        case .debug: 7
        case .info: 6
        case .warning: 4
        case .error: 3
        }
    }
}
