import Federation
import Glibc
import MessagePack
import SeededRandom
import Testing

/// Bytes spoiled at random, always the same ones: whatever comes of them, it is an error with a text or a value that stands
/// for itself, never a trap.
@Suite("Spoiled bytes")
struct MutationTests {
    private static let count = 10_000

    /// SplitMix64 (Steele, Lea and Flood 2014).
    private static func spoil(_ bytes: [UInt8], _ dice: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...Int.random(in: 0..<3, using: &dice) {
            let place = Int.random(in: 0...max(bytes.count - 1, 0), using: &dice)
            switch Int.random(in: 0..<6, using: &dice) {
            case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
            case 1 where !bytes.isEmpty:
                bytes[place] = [0, 0x7f, 0x80, 0xc0, 0xc1, 0xdd, 0xdf, 0xff].randomElement(using: &dice) ?? 0
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: min(place, bytes.count))
            case 3 where !bytes.isEmpty: bytes.remove(at: place)
            case 4: bytes.removeLast(min(bytes.count, Int.random(in: 1...9, using: &dice)))
            default: bytes += bytes.suffix(Int.random(in: 0...9, using: &dice))
            }
        }
        return bytes
    }

    private static func isExpected(_ error: any Error) -> Bool {
        (error is FederationError || error is MessagePackError) && !"\(error)".isEmpty
    }

    @Test("Ten thousand spoiled documents of each kind", arguments: (Samples.documents + Samples.abouts).indices)
    func documents(index: Int) throws {
        let sample = (Samples.documents + Samples.abouts)[index]
        let good = encode(sample.value)
        var dice = SeededGenerator(seed: UInt64(index))
        var refused = 0
        for _ in 0..<Self.count {
            let bytes = Self.spoil(good, &dice)
            do {
                let value = try sample.read(decode(bytes))
                #expect(try sample.read(value) == value)
            } catch {
                refused += 1
                if !Self.isExpected(error) { Issue.record("\(sample.name): \(error)") }
            }
        }
        #expect(refused > Self.count / 4)
        #expect(try sample.read(decode(good)) == sample.value)
    }

    @Test("Ten thousand spoiled messages of each kind", arguments: Samples.messages.indices)
    func messages(index: Int) throws {
        let message = Samples.messages[index]
        var dice = SeededGenerator(seed: UInt64(index) << 32)
        var refused = 0
        for _ in 0..<Self.count {
            var frames = message.frames
            frames[0] = Self.spoil(frames[0], &dice)
            if Int.random(in: 0..<20, using: &dice) == 0 { frames.shuffle(using: &dice) }
            do {
                let taken = try WireMessage(frames: frames)
                #expect(try WireMessage(frames: taken.frames) == taken)
            } catch {
                refused += 1
                if !Self.isExpected(error) { Issue.record("\(message.kind): \(error)") }
            }
        }
        #expect(refused > Self.count / 4)
        #expect(try WireMessage(frames: message.frames) == message)
    }

    @Test("Ten thousand spoiled records, up to what each contribution in them says")
    func records() throws {
        let entry = try #require(DocumentDecoders.all.first { $0.name == "round-record" })
        let good = try #require(entry.seeds.first)
        try entry.take(good)
        var dice = SeededGenerator(seed: 99)
        var refused = 0
        for _ in 0..<Self.count {
            do { try entry.take(Self.spoil(good, &dice)) } catch {
                refused += 1
                if !Self.isExpected(error) && !(error is RecordFault) { Issue.record("\(error)") }
            }
        }
        #expect(refused > Self.count / 4)
    }

    @Test("A length that the bytes do not hold is refused before anything is allocated for it")
    func lengths() throws {
        // Of bytes, text, lists and maps: four thousand million of them, and the most that is positive in 32 bits.
        let claims: [[UInt8]] = [0xc6, 0xdb, 0xdd, 0xdf].flatMap { type in
            [[type, 0xff, 0xff, 0xff, 0xff], [type, 0x7f, 0xff, 0xff, 0xff]]
        }
        let before = try Self.peakAddressSpace()
        for entry in DocumentDecoders.all {
            for seed in entry.seeds {
                for place in seed.indices {
                    for claim in claims {
                        do { try entry.take(Array(seed[..<place] + claim + seed[place...].dropFirst())) } catch {
                            // A claim believed is mostly more than the machine has.
                            let isBelieved = error as? MessagePackError == .outOfMemory
                            if isBelieved || !(Self.isExpected(error) || error is RecordFault) {
                                Issue.record("\(entry.name), byte \(place): \(error)")
                            }
                        }
                    }
                }
            }
        }
        // Where the machine has the memory. Other tests share the process, so the bound is wide; the fuzzer's, of 64 MiB for one
        // allocation, is not.
        #expect(try Self.peakAddressSpace() - before < 32 << 30)
    }

    /// VmPeak of proc(5), in bytes.
    private static func peakAddressSpace() throws -> Int {
        let file = try #require(fopen("/proc/self/status", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("VmPeak:") else { continue }
            return try #require(Int(text.filter(\.isNumber))) << 10
        }
        Issue.record("there is no VmPeak in /proc/self/status")
        return 0
    }
}
