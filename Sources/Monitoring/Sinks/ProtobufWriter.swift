/// Protocol Buffers' wire format (protobuf.dev, "Encoding"), as far as OTLP's messages need it.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: bytes that are expected.
    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    private mutating func tag(_ field: UInt64, _ type: UInt64) { append(varint: field << 3 | type) }

    private mutating func append(varint value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    private mutating func append(fixed value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    mutating func varint(_ field: UInt64, _ value: UInt64) {
        tag(field, 0)
        append(varint: value)
    }

    mutating func fixed64(_ field: UInt64, _ value: UInt64) {
        tag(field, 1)
        append(fixed: value)
    }

    mutating func double(_ field: UInt64, _ value: Double) { fixed64(field, value.bitPattern) }

    mutating func fixed32(_ field: UInt64, _ value: UInt32) {
        tag(field, 5)
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    mutating func bytes(_ field: UInt64, _ value: some Collection<UInt8>) {
        tag(field, 2)
        append(varint: UInt64(value.count))
        bytes += value
    }

    mutating func text(_ field: UInt64, _ value: String) { bytes(field, value.utf8) }

    /// Repeated fixed 64-bit numbers, packed.
    mutating func packed(_ field: UInt64, _ values: [UInt64]) {
        tag(field, 2)
        append(varint: UInt64(values.count * 8))
        for value in values { append(fixed: value) }
    }

    mutating func message(_ field: UInt64, _ body: (inout ProtobufWriter) -> Void) {
        tag(field, 2)
        let start = bytes.count
        // Most lengths take one byte; where one takes more, what follows moves.
        bytes.append(0)
        body(&self)
        var length = UInt64(bytes.count - start - 1)
        guard length >= 0x80 else { return bytes[start] = UInt8(length) }
        let count = (70 - length.leadingZeroBitCount) / 7
        bytes.insert(contentsOf: repeatElement(0, count: count - 1), at: start)
        for index in start..<start + count - 1 {
            bytes[index] = UInt8(truncatingIfNeeded: length) | 0x80
            length >>= 7
        }
        bytes[start + count - 1] = UInt8(length)
    }

    /// A text that `body` writes.
    mutating func text(_ field: UInt64, _ body: (inout [UInt8]) -> Void) { message(field) { body(&$0.bytes) } }
}

/// Reads the few numbers and texts that a collector answers with.
struct ProtobufReader {
    struct Field {
        let number: UInt64
        let varint: UInt64
        let bytes: ArraySlice<UInt8>
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// Nil at the end, and where it is no such message.
    mutating func next() -> Field? {
        guard let tag = varint() else { return nil }
        switch tag & 7 {
        case 0: return varint().map { Field(number: tag >> 3, varint: $0, bytes: []) }
        case 1: return take(8).map { Field(number: tag >> 3, varint: 0, bytes: $0) }
        case 2:
            guard let length = varint(), length <= UInt64(rest.count) else { return nil }
            return take(Int(length)).map { Field(number: tag >> 3, varint: 0, bytes: $0) }
        case 5: return take(4).map { Field(number: tag >> 3, varint: 0, bytes: $0) }
        default: return nil
        }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
