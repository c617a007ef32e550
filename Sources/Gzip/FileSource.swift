import Glibc

/// A file's content in pieces, unpacked on the way if it is gzip (told by its first two bytes, not by its name).
/// Constant memory; one thread at a time.
package final class FileSource {
    private let descriptor: Int32
    private let path: String
    private let limit: Int
    private var inflater: Inflater?
    private var packed: UnsafeMutableRawBufferPointer
    private var pending = 0..<0
    private var atEnd = false
    private var plainTotal = 0

    /// Bytes read from disk at a time.
    private static let blockSize = 128 << 10

    /// `limit`: at most this many bytes come out, packed or not. Nothing but a regular file is read: a pipe may never end, nor
    /// /dev/zero.
    package init(path: String, limit: Int) throws(GzipError) {
        // Without O_NONBLOCK the open itself waits for a writer to a pipe.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .cannotOpen(name: path, reason: String(cString: strerror(errno))) }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .notAFile(name: path)
        }
        self.path = path
        self.limit = limit
        packed = .allocate(byteCount: FileSource.blockSize, alignment: 16)
        try refill()
        if pending.count >= 2, packed[0] == 0x1f, packed[1] == 0x8b {
            inflater = try Inflater(limit: limit, name: path)
        }
    }

    deinit {
        packed.deallocate()
        close(descriptor)
    }

    /// Fills `output` from its start and returns how many bytes were written; 0 means the end.
    package func read(into output: UnsafeMutableRawBufferPointer) throws(GzipError) -> Int {
        guard !output.isEmpty else { return 0 }
        while true {
            if pending.isEmpty {
                if !atEnd { try refill() }
                if pending.isEmpty { return try finish(into: output) }
            }
            let input = UnsafeRawBufferPointer(rebasing: packed[pending])
            if let inflater {
                let step = try inflater.inflate(input, into: output)
                pending = (pending.lowerBound + step.read)..<pending.upperBound
                if step.written > 0 { return step.written }
            } else {
                let count = min(input.count, output.count)
                output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
                pending = (pending.lowerBound + count)..<pending.upperBound
                plainTotal += count
                guard plainTotal <= limit else { throw .tooLong(name: path, limit: limit) }
                return count
            }
        }
    }

    /// The file has ended: what zlib still holds, or the end.
    private func finish(into output: UnsafeMutableRawBufferPointer) throws(GzipError) -> Int {
        guard let inflater, !inflater.mayEnd else { return 0 }
        let step = try inflater.inflate(UnsafeRawBufferPointer(start: nil, count: 0), into: output)
        if step.written == 0, !inflater.mayEnd { throw .truncated(name: path) }
        return step.written
    }

    private func refill() throws(GzipError) {
        var filled = 0
        // The first two bytes decide, so a short first read is read on.
        repeat {
            let count = Glibc.read(descriptor, packed.baseAddress?.advanced(by: filled), packed.count - filled)
            if count < 0 {
                if errno == EINTR { continue }
                throw .readFailed(name: path, reason: String(cString: strerror(errno)))
            }
            if count == 0 {
                atEnd = true
                break
            }
            filled += count
        } while filled < 2
        pending = 0..<filled
    }
}
