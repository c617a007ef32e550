/// Why compressed bytes could not be read or written. `name` is the file's path, or what the caller called the stream.
package enum GzipError: Error, Equatable, CustomStringConvertible {
    case cannotOpen(name: String, reason: String)
    /// A pipe, a device, a folder.
    case notAFile(name: String)
    case readFailed(name: String, reason: String)
    case writeFailed(name: String, reason: String)
    /// The stream ends inside a member.
    case truncated(name: String)
    /// zlib refused the bytes: a bad header, a bad block, or a checksum that does not match.
    case corrupt(name: String, reason: String)
    /// Bytes follow the last member that are not a member themselves.
    case trailingBytes(name: String)
    /// The content is longer than the caller allows (RFC 1952 bounds nothing: one KiB can hold one MiB).
    case tooLong(name: String, limit: Int)
    /// It unpacks to more than any table of measurements would.
    case bomb(name: String, ratio: Int)
    case outOfMemory(name: String)

    package var description: String {
        switch self {
        case .cannotOpen(let name, let reason): "\(name): cannot be opened: \(reason)"
        case .notAFile(let name): "\(name): is not a regular file; put the file itself there"
        case .readFailed(let name, let reason): "\(name): reading failed: \(reason)"
        case .writeFailed(let name, let reason): "\(name): writing failed: \(reason)"
        case .truncated(let name): "\(name): the gzip stream ends too early; copy the file again"
        case .corrupt(let name, let reason): "\(name): not a sound gzip stream (\(reason)); copy the file again"
        case .trailingBytes(let name): "\(name): bytes follow the end of the gzip stream that are not gzip"
        case .tooLong(let name, let limit):
            "\(name): holds more than the \(limit) bytes allowed once unpacked; raise the limit if the file is to be trusted"
        case .bomb(let name, let ratio):
            "\(name): unpacks to more than \(ratio) times its length, as no honest table does; if it is to be trusted, unpack it first (gunzip)"
        case .outOfMemory(let name): "\(name): zlib found no memory for its window"
        }
    }
}
