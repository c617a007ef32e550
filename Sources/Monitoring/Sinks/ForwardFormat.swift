internal import Federation
internal import MessagePack
internal import Sodium

/// Events as messages of Fluentd's Forward protocol (specification v1): a record for each event, flat, under its own time.
package enum ForwardFormat {
    /// `[time, record]`.
    private static func pack(_ event: Event, into packer: Packer) {
        packer.list(2)
        let (seconds, nanoseconds) = event.time.quotientAndRemainder(dividingBy: 1_000_000_000)
        // EventTime: seconds and nanoseconds as 32 bits each, the most significant byte first.
        packer.extension(0, seconds << 32 | nanoseconds)
        packer.map(10 + event.fields.pairs.count)
        packer.text("event")
        packer.text(event.name)
        packer.text("level")
        packer.text(event.level.rawValue)
        packer.text("version")
        packer.number(UInt64(Event.version))
        packer.text("run")
        packer.text(event.run.description)
        packer.text("cloud")
        packer.text(event.stage.cloud.description)
        packer.text("stage")
        packer.text(event.stage.role.description)
        packer.text("epoch")
        packer.number(event.epoch)
        packer.text("sequence")
        packer.number(event.sequence)
        packer.text("round")
        packer.number(UInt64(event.round.value))
        packer.text("trace")
        packer.text(event.trace.description)
        for (field, value) in event.fields.pairs {
            packer.text(field.name)
            pack(value, into: packer)
        }
    }

    private static func pack(_ value: EventValue, into packer: Packer) {
        switch value {
        case .text(let text): packer.text(text)
        case .number(let number): packer.number(number)
        case .real(let number): packer.number(number.isFinite ? number : nil)
        case .flag(let flag): packer.flag(flag)
        case .list(let values):
            packer.list(values.count)
            for value in values { pack(value, into: packer) }
        }
    }

    /// One message over those of `events` that could be read.
    ///
    /// - Parameter chunk: what the collector is to acknowledge it by; nil where it need not.
    package static func message(
        tag: String, events: some Collection<SpooledEvent>, mode: ForwardTarget.Mode, chunk: String?
    ) -> [UInt8] {
        let entries = Packer()
        var count = 0
        for spooled in events {
            guard let event = spooled.event else { continue }
            pack(event, into: entries)
            count += 1
        }
        let packer = Packer()
        packer.list(3)
        packer.text(tag)
        switch mode {
        case .forward:
            packer.list(count)
            packer.append(entries)
        case .packed: packer.bytes(of: entries)
        }
        packer.map(chunk == nil ? 1 : 2)
        packer.text("size")
        packer.number(UInt64(count))
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
