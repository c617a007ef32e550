/// What a decoder takes before it allocates anything.
package struct Limits: Sendable {
    package let bytes: Int
    package let depth: Int
    package let elements: Int

    package init(bytes: Int, depth: Int, elements: Int) {
        self.bytes = bytes
        self.depth = depth
        self.elements = elements
    }

    /// For the protocol's envelopes and documents (docs/protocol.md): a layout of 16,384 segments fits.
    package static let message = Limits(bytes: 4 << 20, depth: 8, elements: 200_000)
}

/// Walks over msgpack bytes without allocating, so that msgpack-c is only ever given input whose declared counts and
/// lengths the bytes really hold: its own unpacker allocates from an array's declared count (msgpack-c 4.0, unpack.c).
struct Guard {
    let bytes: UnsafeRawBufferPointer
    let limits: Limits
    private var elements = 0

    init(_ bytes: UnsafeRawBufferPointer, limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func check() throws(MessagePackError) {
        guard bytes.count <= limits.bytes else { throw .tooLong(bytes: bytes.count, limit: limits.bytes) }
        let end = try value(at: 0, depth: 0)
        guard end == bytes.count else { throw .trailingBytes(offset: end) }
    }

    /// Checks the value at `offset` and answers where the next one starts. Format bytes: msgpack specification, "Formats".
    private mutating func value(at offset: Int, depth: Int) throws(MessagePackError) -> Int {
        guard depth <= limits.depth else { throw .tooDeep(offset: offset, limit: limits.depth) }
        elements += 1
        guard elements <= limits.elements else { throw .tooManyElements(offset: offset, limit: limits.elements) }
        guard offset < bytes.count else { throw .truncated(offset: offset) }
        let byte = bytes[offset]
        switch byte {
        case 0x00...0x7f, 0xe0...0xff, 0xc0, 0xc2, 0xc3: return offset + 1
        case 0x80...0x8f: return try pairs(Int(byte & 0x0f), at: offset + 1, depth: depth)
        case 0x90...0x9f: return try list(Int(byte & 0x0f), at: offset + 1, depth: depth)
        case 0xa0...0xbf: return try skip(Int(byte & 0x1f), from: offset + 1)
        case 0xc4, 0xd9: return try skip(length(at: offset + 1, width: 1), from: offset + 2)
        case 0xc5, 0xda: return try skip(length(at: offset + 1, width: 2), from: offset + 3)
        case 0xc6, 0xdb: return try skip(length(at: offset + 1, width: 4), from: offset + 5)
        case 0xcb, 0xcf, 0xd3: return try skip(8, from: offset + 1)
        case 0xcc, 0xd0: return try skip(1, from: offset + 1)
        case 0xcd, 0xd1: return try skip(2, from: offset + 1)
        case 0xce, 0xd2: return try skip(4, from: offset + 1)
        case 0xdc: return try list(length(at: offset + 1, width: 2), at: offset + 3, depth: depth)
        case 0xdd: return try list(length(at: offset + 1, width: 4), at: offset + 5, depth: depth)
        case 0xde: return try pairs(length(at: offset + 1, width: 2), at: offset + 3, depth: depth)
        case 0xdf: return try pairs(length(at: offset + 1, width: 4), at: offset + 5, depth: depth)
        default: throw .unsupportedType(offset: offset, byte: byte)  // ext, float 32, 0xc1
        }
    }

    private func length(at offset: Int, width: Int) throws(MessagePackError) -> Int {
        guard offset + width <= bytes.count else { throw .truncated(offset: offset) }
        return (0..<width).reduce(0) { $0 << 8 | Int(bytes[offset + $1]) }
    }

    private func skip(_ count: Int, from offset: Int) throws(MessagePackError) -> Int {
        guard count <= bytes.count - offset else { throw .truncated(offset: offset) }
        return offset + count
    }

    private mutating func list(_ count: Int, at offset: Int, depth: Int) throws(MessagePackError) -> Int {
        guard offset <= bytes.count, count <= bytes.count - offset else { throw .truncated(offset: offset) }
        var next = offset
        for _ in 0..<count { next = try value(at: next, depth: depth + 1) }
        return next
    }

    private mutating func pairs(_ count: Int, at offset: Int, depth: Int) throws(MessagePackError) -> Int {
        guard offset <= bytes.count, 2 * count <= bytes.count - offset else { throw .truncated(offset: offset) }
        var next = offset
        for _ in 0..<count {
            guard next < bytes.count else { throw .truncated(offset: next) }
            guard (0xa0...0xbf).contains(bytes[next]) || (0xd9...0xdb).contains(bytes[next]) else {
                throw .keyIsNotText(offset: next)
            }
            next = try value(at: next, depth: depth + 1)
            next = try value(at: next, depth: depth + 1)
        }
        return next
    }
}
