/// Why bytes are not a msgpack value that we take. `offset` counts bytes from the start.
package enum MessagePackError: Error, Equatable, CustomStringConvertible {
    case tooLong(bytes: Int, limit: Int)
    case truncated(offset: Int)
    case trailingBytes(offset: Int)
    case tooDeep(offset: Int, limit: Int)
    case tooManyElements(offset: Int, limit: Int)
    case unsupportedType(offset: Int, byte: UInt8)
    case keyIsNotText(offset: Int)
    case duplicateKey(String)
    case invalidText(offset: Int)
    case outOfMemory

    package var description: String {
        switch self {
        case .tooLong(let bytes, let limit): "\(bytes) bytes of msgpack, at most \(limit) are taken"
        case .truncated(let offset): "msgpack ends in the middle of a value at byte \(offset)"
        case .trailingBytes(let offset): "bytes after the msgpack value, from byte \(offset)"
        case .tooDeep(let offset, let limit): "msgpack nested deeper than \(limit) at byte \(offset)"
        case .tooManyElements(let offset, let limit): "more than \(limit) msgpack elements at byte \(offset)"
        case .unsupportedType(let offset, let byte):
            "msgpack type 0x\(String(byte, radix: 16)) at byte \(offset) is not used by this protocol"
        case .keyIsNotText(let offset): "a map key that is not text at byte \(offset)"
        case .duplicateKey(let key): "map key \"\(key.prefix(64))\" appears twice"
        case .invalidText(let offset): "text that is not UTF-8 at byte \(offset)"
        case .outOfMemory: "no memory for a msgpack value"
        }
    }
}
