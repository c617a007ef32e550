internal import Federation
internal import Sodium

/// Events as entries of systemd's journal: its native protocol (systemd.io, "Native Journal Protocol"). An event's fields are
/// fields of the entry, so that `journalctl TRIBUTARY_ROUND=3` finds them.
package enum JournalFormat {
    package static let socket = "/run/systemd/journal/socket"

    package static func bytes(_ event: Event) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        append(event, to: &bytes)
        return bytes
    }

    package static func append(_ event: Event, to bytes: inout [UInt8]) {
        append("MESSAGE", to: &bytes) { $0.append(summaryOf: event, cutting: EventLine.maximumText) }
        append("PRIORITY", to: &bytes) { $0.append(decimal: event.level.syslogSeverity) }
        bytes += "SYSLOG_IDENTIFIER=tributary\nMESSAGE_ID=".utf8
        bytes += (messageIDs[event.name] ?? messageID(event.name)).utf8
        bytes += "\nTRIBUTARY_TIME=".utf8
        Timestamp.append(event.time, to: &bytes)
        bytes += "\nTRIBUTARY_LEVEL=".utf8
        bytes += event.level.rawValue.utf8
        bytes += "\nTRIBUTARY_EVENT=".utf8
        bytes += event.name.utf8
        bytes += "\nTRIBUTARY_VERSION=".utf8
        bytes.append(decimal: Event.version)
        bytes += "\nTRIBUTARY_RUN=".utf8
        bytes += event.run.description.utf8
        bytes += "\nTRIBUTARY_CLOUD=".utf8
        bytes += event.stage.cloud.description.utf8
        bytes += "\nTRIBUTARY_STAGE=".utf8
        bytes += event.stage.role.description.utf8
        bytes += "\nTRIBUTARY_EPOCH=".utf8
        bytes.append(decimal: event.epoch)
        bytes += "\nTRIBUTARY_SEQUENCE=".utf8
        bytes.append(decimal: event.sequence)
        bytes += "\nTRIBUTARY_ROUND=".utf8
        bytes.append(decimal: UInt64(event.round.value))
        bytes += "\nTRIBUTARY_TRACE=".utf8
        bytes += event.trace.description.utf8
        bytes.append(UInt8(ascii: "\n"))
        for (field, value) in event.fields.pairs {
            bytes += "TRIBUTARY_".utf8
            // Capitals, digits and underscores, at most 64 of them with what stands before.
            for byte in field.name.utf8.prefix(54) {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): bytes.append(byte - 0x20)
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes.append(byte)
                default: bytes.append(UInt8(ascii: "_"))
                }
            }
            append("", to: &bytes) { $0.append(shown: value) }
        }
    }

    private static let messageIDs = Dictionary(
        Catalogue.kinds.map { ($0.name, messageID($0.name)) }, uniquingKeysWith: { first, _ in first })

    /// The same 128 bits for every event of that name (sd-id128(3)): entries are found by them fast.
    package static func messageID(_ name: String) -> String {
        Hex.encode(Array(Digest(of: Array("journal message\n\(name)".utf8)).bytes.prefix(16)))
    }

    /// `NAME=value`, or where the value has line ends: `NAME`, its length as 64 bits, the least significant byte first, and it.
    private static func append(_ name: StaticString, to bytes: inout [UInt8], _ value: (inout [UInt8]) -> Void) {
        name.withUTF8Buffer { bytes += $0 }
        bytes.append(UInt8(ascii: "="))
        let start = bytes.count
        value(&bytes)
        if bytes[start...].contains(UInt8(ascii: "\n")) {
            let count = UInt64(bytes.count - start)
            bytes[start - 1] = UInt8(ascii: "\n")
            let length = stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: count >> UInt64($0)) }
            bytes.insert(contentsOf: length, at: start)
        }
        bytes.append(UInt8(ascii: "\n"))
    }
}
