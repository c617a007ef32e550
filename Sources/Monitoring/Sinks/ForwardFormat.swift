internal import MessagePack
internal import Sodium

/// Events as messages of Fluentd's Forward protocol (specification v1): a record for each event, flat, under its own time.
package enum ForwardFormat {
    /// `[time, record]`.
    package static func entry(_ event: Event) -> [UInt8] {
        let packer = Packer()
        packer.list(2)
        let (seconds, nanoseconds) = event.time.quotientAndRemainder(dividingBy: 1_000_000_000)
        // EventTime: seconds and nanoseconds as 32 bits each, the most significant byte first.
        packer.extension(
            0,
            [seconds, nanoseconds].flatMap { part in
                stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: part >> UInt64($0)) }
            })
        let envelope = event.envelope
        packer.map(3 + envelope.count + event.fields.pairs.count)
        packer.text("event")
        packer.text(event.name)
        packer.text("level")
        packer.text(event.level.rawValue)
        packer.text("version")
        packer.number(UInt64(Event.version))
        for (name, value) in envelope {
            packer.text(name)
            packer.value(Self.value(value))
        }
        for (field, value) in event.fields.pairs {
            packer.text(field.name)
            packer.value(Self.value(value))
        }
        return packer.bytes
    }

    private static func value(_ value: EventValue) -> Value {
        switch value {
        case .text(let text): .text(text)
        case .number(let number): number < 0 ? .negative(Int64(number)) : .unsigned(UInt64(number))
        case .real(let number): number.isFinite ? .double(number) : .none
        case .flag(let flag): .bool(flag)
        case .list(let values): .list(values.map(Self.value))
        }
    }

    /// One message over entries.
    ///
    /// - Parameter chunk: what the collector is to acknowledge it by; nil where it need not.
    package static func message(
        tag: String, entries: [[UInt8]], mode: ForwardTarget.Mode, chunk: String?
    ) -> [UInt8] {
        let packer = Packer()
        packer.list(3)
        packer.text(tag)
        switch mode {
        case .forward:
            packer.list(entries.count)
            for entry in entries { packer.append(entry) }
        case .packed: packer.bytes(Array(entries.joined()))
        }
        packer.map(chunk == nil ? 1 : 2)
        packer.text("size")
        packer.number(UInt64(entries.count))
        if let chunk {
            packer.text("chunk")
            packer.text(chunk)
        }
        return packer.bytes
    }

    /// 128 random bits.
    package static func newChunk() throws -> String { Base64.encode(try SystemRandom.bytes(count: 16)) }

    private static let answerLimits = Limits(bytes: 64 << 10, depth: 4, elements: 64)

    package enum Answer: Equatable {
        /// More bytes have yet to come.
        case incomplete
        case acknowledged(String)
        /// Anything else, with how many bytes it took.
        case other
    }

    /// Reads what a collector answers to a chunk: `{"ack": chunk}`. Throws what is no msgpack.
    package static func answer(_ bytes: [UInt8]) throws -> Answer {
        switch try first(of: bytes) {
        case nil: return .incomplete
        case .map(let pairs)?:
            for case ("ack", .text(let chunk)) in pairs { return .acknowledged(chunk) }
            return .other
        default: return .other
        }
    }

    /// The whole of `bytes` as a value; nil while some of it is missing.
    static func first(of bytes: [UInt8]) throws -> Value? {
        guard !bytes.isEmpty else { return nil }
        do { return try decode(bytes, limits: answerLimits, mixesText: true) } catch MessagePackError.truncated {
            return nil
        }
    }
}
