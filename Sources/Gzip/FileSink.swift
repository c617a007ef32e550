internal import CZlib
import Glibc

/// Writes a file in pieces, gzip-packed if asked for. The same content makes the same bytes: the header has no time and no
/// name (RFC 1952, 2.3.1: MTIME 0 means none). One thread at a time.
package final class FileSink {
    private let descriptor: Int32
    private let path: String
    private let stream: UnsafeMutablePointer<z_stream>?
    private var buffer: [UInt8] = []
    private var closed = false

    private static let blockSize = 64 << 10

    package init(path: String, packed: Bool) throws(GzipError) {
        self.path = path
        if packed {
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            // Level 6, window 15 + 16 for a gzip wrapper, memory level 8: zlib's own defaults.
            let size = Int32(MemoryLayout<z_stream>.size)
            guard deflateInit2_(stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
            else {
                stream.deallocate()
                throw .outOfMemory(name: path)
            }
            self.stream = stream
        } else {
            stream = nil
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if let stream {
                deflateEnd(stream)
                stream.deallocate()
            }
            throw .cannotOpen(name: path, reason: String(cString: strerror(errno)))
        }
    }

    deinit {
        if !closed { Glibc.close(descriptor) }
        if let stream {
            deflateEnd(stream)
            stream.deallocate()
        }
    }

    package func write(_ text: String) throws(GzipError) { try write(Array(text.utf8)) }

    package func write(_ bytes: [UInt8]) throws(GzipError) {
        buffer += bytes
        if buffer.count >= FileSink.blockSize { try flush(last: false) }
    }

    /// Writes what is left and closes the file. A sink that is dropped without this leaves a file cut short.
    package func finish() throws(GzipError) {
        try flush(last: true)
        closed = true
        guard Glibc.close(descriptor) == 0 else { throw writeError() }
    }

    private func flush(last: Bool) throws(GzipError) {
        defer { buffer.removeAll(keepingCapacity: true) }
        guard let stream else { return try put(buffer, count: buffer.count) }
        var output = [UInt8](repeating: 0, count: FileSink.blockSize)
        var input = buffer
        let inputCount = input.count
        var failure: GzipError?
        input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(inputCount)
            repeat {
                let free = output.count
                output.withUnsafeMutableBufferPointer { output in
                    stream.pointee.next_out = output.baseAddress
                    stream.pointee.avail_out = UInt32(free)
                    _ = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH)
                }
                do throws(GzipError) {
                    try put(output, count: free - Int(stream.pointee.avail_out))
                } catch {
                    failure = error
                }
            } while failure == nil && stream.pointee.avail_out == 0
        }
        if let failure { throw failure }
    }

    private func put(_ bytes: [UInt8], count: Int) throws(GzipError) {
        var written = 0
        while written < count {
            let step = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), count - written)
            }
            if step < 0 {
                if errno == EINTR { continue }
                throw writeError()
            }
            written += step
        }
    }

    private func writeError() -> GzipError { .writeFailed(name: path, reason: String(cString: strerror(errno))) }
}
