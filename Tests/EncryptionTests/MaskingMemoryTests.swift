import Encryption
import Federation
import Glibc
import Sodium
import Testing

/// The process looks for its own secrets, in all memory that it can write (proc_pid_maps(5), proc_pid_mem(5)).
///
/// What is looked for is held inverted, or the search would find itself.
private struct MaskSecretSearch {
    private struct Failure: Error {}
    /// Twenty-four bytes from the middle of each secret, inverted: X25519 sets bits in the first and the last byte.
    let inverted: [[UInt8]]

    static func needle(_ secret: UnsafeRawBufferPointer) -> [UInt8] { secret[4..<28].map { ~$0 } }

    /// Which of the needles lie somewhere.
    func found() throws -> Set<Int> {
        let words = inverted.map { needle in needle.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }
        let memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        guard memory >= 0 else { throw Failure() }
        defer { close(memory) }
        let size = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size + 32, alignment: 4096)
        defer {
            wipe(buffer)
            buffer.deallocate()
        }
        let own = UInt(bitPattern: buffer.baseAddress)..<UInt(bitPattern: buffer.baseAddress) + UInt(buffer.count)
        var found: Set<Int> = []
        for range in try ranges() {
            var address = range.lowerBound
            while address < range.upperBound {
                let count = pread(
                    memory, buffer.baseAddress, min(size + 32, Int(range.upperBound - address)), Int(address))
                guard count > 0 else {
                    address = (address / 4096 + 1) * 4096  // a guard page
                    continue
                }
                for place in 0..<max(count - 24, 0) where !own.contains(address + UInt(place)) {
                    let word = ~buffer.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    for (index, expected) in words.enumerated() where word == expected {
                        if zip(buffer[place..<place + 24], inverted[index]).allSatisfy({ $0 == ~$1 }) {
                            found.insert(index)
                        }
                    }
                }
                address += UInt(min(count, size))
            }
        }
        return found
    }

    private func ranges() throws -> [Range<UInt>] {
        let file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure() }
        defer { close(file) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(file, &piece, piece.count), count > 0 { text += piece[..<count] }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = parts[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            // Guarded secrets are read-only while they are lent, and lie in mappings without a name.
            guard ends.count == 2, parts[1].hasPrefix("rw") || parts.count < 6, parts[1].hasPrefix("r") else {
                return nil
            }
            return ends[0]..<ends[1]
        }
    }
}

@Suite("Secrets of masked rounds in memory")
struct MaskingMemoryTests {
    /// Plays a whole round with a dropout, so that every secret is used, and shows that they are there meanwhile.
    @inline(never)
    private func play() throws -> MaskSecretSearch {
        let round = try MaskedRound(clouds: 4)
        let slots = try SlotLayout(bits: 8, cohort: 4)
        let layout = try layout(count: 1000)
        for masking in round.maskings {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            _ = try scheme.seal([UInt32](repeating: 1, count: 1000), threads: 1)
        }
        _ = try round.opener(of: Array(round.clouds.dropLast()), layout: layout, slots: slots)
        var inverted: [[UInt8]] = []
        for secrets in round.secrets {
            try secrets.encoded().withUnsafeBytes { bytes in
                for index in 0..<4 {
                    inverted.append(
                        MaskSecretSearch.needle(UnsafeRawBufferPointer(rebasing: bytes[index * 32..<(index + 1) * 32])))
                }
            }
        }
        let search = MaskSecretSearch(inverted: inverted)
        #expect(try search.found().count == 16)
        withExtendedLifetime(round) {}
        return search
    }

    @Test("Every secret of a round is there while it is played, and gone from the process's memory afterwards")
    func wiped() throws {
        let search = try play()
        #expect(try search.found() == [])
    }
}
