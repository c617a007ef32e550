internal import CZlib

/// Unpacks a gzip stream (RFC 1952) piece by piece: any number of members one after the other, as `cat a.gz b.gz` makes.
/// Constant memory: zlib's window of 32 KiB. One thread at a time.
package final class Inflater {
    // zlib keeps a pointer back to its z_stream, so the struct must not move: it lives on the heap.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let name: String
    private let limit: Int
    private var betweenMembers = true
    /// Bytes given out so far, and taken in.
    package private(set) var total = 0
    private var taken = 0

    /// What unpacks to more than this many times its length, and is long, is there to do harm: deflate reaches 1032, tables of
    /// measurements 5 to 20.
    package static let largestRatio = 200
    private static let harmlessLength = 64 << 20

    /// `limit`: at most this many bytes come out, over all members; `name`: what errors call the stream.
    package init(limit: Int, name: String) throws(GzipError) {
        self.name = name
        self.limit = limit
        stream.initialize(to: z_stream())
        // 15: the largest window; + 16: gzip members only, no zlib or raw stream (zlib.h, inflateInit2).
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, size) == Z_OK else { throw .outOfMemory(name: name) }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// True when the input may end here: a member has ended (or none has begun) and no other is under way.
    package var mayEnd: Bool { betweenMembers }

    /// Unpacks from `input` into `output`, and says how many bytes of each it used. It stops when either is used up.
    package func inflate(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(GzipError) -> (read: Int, written: Int) {
        var read = 0
        var written = 0
        // Without input a member under way may still have output inside zlib.
        while written < output.count, read < input.count || !betweenMembers {
            if betweenMembers {
                // What follows a member must start a member of its own (RFC 1952, 2.2).
                if ended, input[read] != 0x1f { throw .trailingBytes(name: name) }
                if ended { inflateReset(stream) }
                betweenMembers = false
            }
            let availableIn = min(input.count - read, Int(Int32.max))
            let availableOut = min(output.count - written, Int(Int32.max))
            // zlib does not write to its input; the field lacks const only without ZLIB_CONST.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.advanced(by: read).assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(availableIn)
            stream.pointee.next_out = output.baseAddress?.advanced(by: written).assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(availableOut)
            let code = CZlib.inflate(stream, Z_NO_FLUSH)
            read += availableIn - Int(stream.pointee.avail_in)
            taken += availableIn - Int(stream.pointee.avail_in)
            let produced = availableOut - Int(stream.pointee.avail_out)
            written += produced
            total += produced
            guard total <= limit else { throw .tooLong(name: name, limit: limit) }
            guard total <= Inflater.harmlessLength || total / Inflater.largestRatio <= taken else {
                throw .bomb(name: name, ratio: Inflater.largestRatio)
            }
            switch code {
            case Z_STREAM_END:
                betweenMembers = true
                ended = true
            case Z_OK, Z_BUF_ERROR: break
            case Z_MEM_ERROR: throw .outOfMemory(name: name)
            default:
                throw .corrupt(name: name, reason: stream.pointee.msg.map { String(cString: $0) } ?? "code \(code)")
            }
            if code == Z_BUF_ERROR { break }
        }
        return (read, written)
    }

    /// A member has ended at some time.
    private var ended = false
}
