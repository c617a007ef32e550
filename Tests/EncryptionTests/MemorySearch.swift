import BigInteger
import Glibc
import Sodium
import Testing

/// Looks for secrets in this process's own memory. It keeps what it looks for under a mask, so as not to find itself.
struct MemorySearch {
    private static let mask: UInt64 = 0x5a5a_5a5a_5a5a_5a5a
    /// Three or four words of each needle, masked, and how many words lie between the starts of two.
    private var needles: [(name: String, words: [UInt64], stride: Int)] = []
    /// From the first byte of the longest needle to its last.
    private static let reach = (2 * laneCount + 1) * 8

    /// Looks for 32 bytes from the middle of a secret that lies most significant byte first, as they are and turned
    /// round, as limbs lie; for 24 of a secret of 32 bytes, whose ends X25519 changes.
    mutating func add(_ name: String, _ secret: UnsafeRawBufferPointer) {
        precondition(secret.count >= 32, "too short to be told from chance")
        let count = secret.count >= 40 ? 4 : 3
        let start = secret.count / 2 - 4 * count
        func word(_ index: Int) -> UInt64 { secret.loadUnaligned(fromByteOffset: start + 8 * index, as: UInt64.self) }
        needles.append((name, (0..<count).map { word($0) ^ Self.mask }, 1))
        needles.append((name + ", turned round", (0..<count).map { word(count - 1 - $0).byteSwapped ^ Self.mask }, 1))
    }

    /// The same of a number's magnitude.
    mutating func add(_ name: String, _ value: Integer) throws {
        var bytes = try #require(value.bigEndianBytes(count: (value.bitWidth + 7) / 8))
        bytes.withUnsafeBytes { add(name, $0) }
        wipe(&bytes)
    }

    /// Looks for three digits of 52 bits from the middle of a number, as they lie in one row and in a lane of eight
    /// (`LaneRows`).
    mutating func addDigits(_ name: String, _ value: Integer) {
        precondition(value.bitWidth >= 4 * 52, "too short to be told from chance")
        let middle = value.bitWidth / 2 / 52 - 1
        let digits = (middle..<middle + 3).map { index in
            var digit: Limb = 0
            (value >> (52 * index)).modulo(Integer(1) << 52).writeLimbs(to: &digit, count: 1)
            return UInt64(digit) ^ Self.mask
        }
        needles.append((name + ", in digits", digits, 1))
        needles.append((name + ", in a lane", digits, laneCount))
    }

    /// The names of what lies in memory, once for each place.
    func found() throws -> [String] {
        var result: [String] = []
        let memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        try #require(memory >= 0, "a process can read its own memory")
        defer { close(memory) }
        var starts = [Bool](repeating: false, count: 65_536)
        for needle in needles { starts[Int((needle.words[0] ^ Self.mask) & 0xffff)] = true }
        let size = 1 << 20
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        defer { buffer.deallocate() }
        let own = Int(bitPattern: buffer)..<Int(bitPattern: buffer) + size
        for range in try writableRanges() {
            var position = range.lowerBound
            while position < range.upperBound {
                let left = range.upperBound - position
                let count = pread(memory, buffer, min(size, left), position)
                guard count > 0 else {
                    position = (position / 4096 + 1) * 4096
                    continue
                }
                // What may not end in this window begins the next.
                let starting = count == left ? count : max(count - Self.reach + 1, 1)
                for offset in 0..<min(starting, max(count - 23, 0)) {
                    let word = buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    guard starts[Int(word & 0xffff)], !own.contains(position + offset) else { continue }
                    for needle in needles
                    where offset + 8 * needle.stride * (needle.words.count - 1) + 8 <= count
                        && needle.words.indices.allSatisfy({
                            buffer.loadUnaligned(fromByteOffset: offset + 8 * needle.stride * $0, as: UInt64.self)
                                ^ Self.mask == needle.words[$0]
                        })
                    {
                        result.append(needle.name)
                    }
                }
                position += starting
            }
        }
        memset(buffer, 0, size)
        return result
    }

    /// What of the address space holds data: read-only files are programs (proc_pid_maps(5)).
    private func writableRanges() throws -> [Range<Int>] {
        let file = try #require(fopen("/proc/self/maps", "r"), "a process can read its own map")
        defer { fclose(file) }
        var ranges: [Range<Int>] = []
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let parts = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
            let ends = parts[0].split(separator: "-").compactMap { Int($0, radix: 16) }
            guard ends.count == 2, parts.count < 6 || parts[1].hasPrefix("rw") else { continue }
            ranges.append(ends[0]..<ends[1])
        }
        return ranges
    }
}
