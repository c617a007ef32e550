internal import Glibc

/// Why a file of tensors was refused.
package enum SafetensorsError: Error, Equatable, CustomStringConvertible {
    /// A system call on the file failed.
    case system(operation: String, path: String, code: Int32)
    case tooLarge(path: String, byteCount: Int, limit: Int)
    /// The file as a whole: its length, its header, its metadata.
    case header(String)
    /// One tensor's entry.
    case tensor(name: String, String)
    /// A tensor that the caller asked for is not there.
    case missing(name: String)

    package var description: String {
        switch self {
        case .system(let operation, let path, let code):
            "\(path): cannot \(operation): \(String(cString: strerror(code)))"
        case .tooLarge(let path, let count, let limit):
            "\(path): \(count) bytes, more than the \(limit) that are read here"
        case .header(let reason): "not a valid safetensors file: \(reason)"
        case .tensor(let name, let reason): "safetensors file, tensor \"\(name.prefix(160))\": \(reason)"
        case .missing(let name): "safetensors file: there is no tensor \"\(name.prefix(160))\""
        }
    }
}
