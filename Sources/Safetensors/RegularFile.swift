internal import Glibc

/// A regular file, open for reading.
struct RegularFile: ~Copyable {
    private let path: String
    private let descriptor: Int32
    let byteCount: Int

    /// - Parameter purpose: what is to be done with it, for the error.
    init(_ path: String, to purpose: String) throws(SafetensorsError) {
        // A pipe or a device must not be waited for, only refused.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw .system(operation: "stat", path: path, code: code)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .system(operation: "\(purpose) what is not a regular file", path: path, code: EINVAL)
        }
        self.path = path
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
    }

    /// What it holds, up to the size that it had when it was opened.
    func bytes() throws(SafetensorsError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(operation: "read", path: path, code: errno) }
            guard count > 0 else { break }  // became shorter while it was read
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Its bytes in memory, read-only, which outlive this; nil where it has none.
    func mapped() throws(SafetensorsError) -> UnsafeMutableRawPointer? {
        guard byteCount > 0 else { return nil }
        guard let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw .system(operation: "map", path: path, code: errno)
        }
        return address
    }

    deinit { close(descriptor) }
}
