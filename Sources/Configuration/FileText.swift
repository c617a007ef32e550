internal import Glibc

/// Reads a small text file whole, under a cap.
enum FileText {
    /// At most this many bytes in a configuration or topology file.
    static let maximumByteCount = 1 << 20

    static func read(_ path: String) throws(ConfigurationError) -> String {
        func failure(_ message: String) -> ConfigurationError {
            ConfigurationError([Problem(file: path, place: nil, message: message)])
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else {
            throw failure("cannot be examined: \(String(cString: strerror(errno)))")
        }
        guard information.st_mode & S_IFMT == S_IFREG else { throw failure("is not a regular file") }
        guard information.st_size <= maximumByteCount else {
            throw failure("is \(information.st_size) bytes long; a configuration may have \(maximumByteCount)")
        }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            length += count
        }
        guard length <= maximumByteCount else { throw failure("grew past \(maximumByteCount) bytes while it was read") }
        guard let text = String(validating: bytes[..<length], as: UTF8.self) else { throw failure("is not UTF-8 text") }
        return text
    }
}
