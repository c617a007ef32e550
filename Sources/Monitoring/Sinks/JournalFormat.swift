internal import Sodium

/// Events as entries of systemd's journal: its native protocol (systemd.io, "Native Journal Protocol"). An event's fields are
/// fields of the entry, so that `journalctl TRIBUTARY_ROUND=3` finds them.
package enum JournalFormat {
    package static let socket = "/run/systemd/journal/socket"

    package static func bytes(_ event: Event) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        append("MESSAGE", event.summary(), to: &bytes)
        append("PRIORITY", "\(event.level.syslogSeverity)", to: &bytes)
        append("SYSLOG_IDENTIFIER", "tributary", to: &bytes)
        append("MESSAGE_ID", messageID(event.name), to: &bytes)
        append("TRIBUTARY_TIME", String(decoding: Timestamp.text(event.time), as: UTF8.self), to: &bytes)
        append("TRIBUTARY_LEVEL", event.level.rawValue, to: &bytes)
        append("TRIBUTARY_EVENT", event.name, to: &bytes)
        append("TRIBUTARY_VERSION", "\(Event.version)", to: &bytes)
        for (name, value) in event.envelope { append("TRIBUTARY_\(name.uppercased())", value.shown, to: &bytes) }
        for (field, value) in event.fields.pairs { append(fieldName(field.name), value.shown, to: &bytes) }
        return bytes
    }

    /// The same 128 bits for every event of that name (sd-id128(3)): entries are found by them fast.
    package static func messageID(_ name: String) -> String {
        Hex.encode(Array(Digest(of: Array("journal message\n\(name)".utf8)).bytes.prefix(16)))
    }

    /// Capitals, digits and underscores, at most 64 of them.
    private static func fieldName(_ name: String) -> String {
        let bytes = name.uppercased().utf8.prefix(54).map { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) ? byte : UInt8(ascii: "_")
        }
        return "TRIBUTARY_" + String(decoding: bytes, as: UTF8.self)
    }

    /// `NAME=value`, or where the value has line ends: `NAME`, its length as 64 bits, the least significant byte first, and it.
    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += name.utf8
        if value.utf8.contains(UInt8(ascii: "\n")) {
            bytes.append(UInt8(ascii: "\n"))
            let count = UInt64(value.utf8.count)
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value.utf8
        bytes.append(UInt8(ascii: "\n"))
    }
}
