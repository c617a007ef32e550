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
    private let host: String
    private let body: Body

    package init(host: String, facility: Facility = .daemon, body: Body = .text) {
        self.host = SyslogFormat.printable(host, limit: 255)
        self.body = body
        prefix = facility.number * 8
    }

    /// - Parameter line: the event's, without its end.
    package func bytes(_ event: Event, line: ArraySlice<UInt8>) -> [UInt8] {
        for cut in [EventLine.maximumText, 512, 64] {
            let bytes = bytes(event, line: line, cutting: cut)
            if bytes.count <= Self.maximumBytes { return bytes }
        }
        // A list of many names: the end of the message goes (RFC 5424, section 6.1).
        let bytes = bytes(event, line: [], cutting: 64, hasFields: false)
        var end = min(bytes.count, Self.maximumBytes)
        while end < bytes.count, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        return Array(bytes[..<end])
    }

    private func bytes(
        _ event: Event, line: ArraySlice<UInt8>, cutting limit: Int, hasFields: Bool = true
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(768)
        bytes += "<\(prefix + event.level.syslogSeverity)>1 ".utf8
        // RFC 5424 has six digits of a second and no more.
        bytes += Timestamp.text(event.time).prefix(26)
        bytes += "Z \(host) tributary ".utf8
        bytes += Self.printable("\(event.stage.cloud)/\(event.stage.kind.rawValue)", limit: 128).utf8
        bytes += " \(Self.printable(event.name, limit: 32)) [\(Self.element)".utf8
        for (name, value) in event.envelope { Self.append(name, value, limit, to: &bytes) }
        if hasFields {
            for (field, value) in event.fields.pairs { Self.append(field.name, value, limit, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "]"))
        bytes.append(UInt8(ascii: " "))
        bytes += [0xef, 0xbb, 0xbf]  // the text is UTF-8
        if body == .json, limit == EventLine.maximumText {
            bytes += line
        } else {
            bytes += event.summary(cutting: limit).utf8
        }
        return bytes
    }

    private static func append(_ name: String, _ value: EventValue, _ limit: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: " "))
        bytes += parameterName(name)
        bytes += "=\"".utf8
        let shown = value.shown
        if shown.utf8.count > limit {
            for scalar in shown.unicodeScalars.prefix(limit) { append(scalar, to: &bytes) }
            bytes += "...".utf8
        } else {
            var isPlain = true
            for byte in shown.utf8 where byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x5d || byte > 0x7e {
                isPlain = false
                break
            }
            if isPlain {
                bytes += shown.utf8
            } else {
                for scalar in shown.unicodeScalars { append(scalar, to: &bytes) }
            }
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

    /// An SD-NAME: printable ASCII but `=`, blank, `]` and `"`, at most 32 of them.
    private static func parameterName(_ name: String) -> [UInt8] {
        name.utf8.prefix(32).map { byte in
            (0x21...0x7e).contains(byte) && ![0x3d, 0x5d, 0x22].contains(byte) ? byte : UInt8(ascii: "_")
        }
    }

    private static func printable(_ text: String, limit: Int) -> String {
        let bytes = text.utf8.prefix(limit).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "_") }
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }

    /// Octet counting (RFC 6587, section 3.4.1): over a stream, its length stands before each message.
    package static func counted(_ message: [UInt8]) -> [UInt8] { Array("\(message.count) ".utf8) + message }
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
