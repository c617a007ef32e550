import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

/// A short run of what `scripts/fuzz` does at length: spoiled bytes, always the same ones, into every decoder of the
/// encryption layer. What comes of them is an error with a text, or a value that stands for itself; never a trap.
@Suite("Spoiled input to every decoder")
struct DecoderMutationTests {
    private static let count = 2000

    private static func spoil(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let place = Int.random(in: 0..<max(bytes.count, 1), using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1 where place < bytes.count:
                let length = min(Int.random(in: 1...32, using: &generator), bytes.count - place)
                let byte: UInt8 = [0, 0xff, 0x30].randomElement(using: &generator) ?? 0
                bytes.replaceSubrange(place..<place + length, with: repeatElement(byte, count: length))
            case 2 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &generator)
            case 3 where place < bytes.count: bytes.removeSubrange(place..<min(place + 3, bytes.count))
            case 4: bytes.insert(.random(in: 0...255, using: &generator), at: min(place, bytes.count))
            default: bytes.removeLast(min(bytes.count, Int.random(in: 0...64, using: &generator)))
            }
        }
        return bytes
    }

    private static func isExpected(_ error: any Error) -> Bool {
        (error is EncryptionError || error is ThresholdError || error is MaskingError || error is SodiumError
            || error is FederationError) && !"\(error)".isEmpty
    }

    @Test("Two thousand spoiled forms of each seed, and nothing at all")
    func decoders() throws {
        var generator = SeededGenerator(seed: 50)
        for entry in try EncryptionDecoders.all.get() {
            var refused = 0
            func take(_ bytes: [UInt8]) {
                do { try entry.take(bytes) } catch {
                    refused += 1
                    if !Self.isExpected(error) { Issue.record("\(entry.name): \(error)") }
                }
            }
            for seed in entry.seeds {
                try entry.take(seed)
                for _ in 0..<Self.count { take(Self.spoil(seed, &generator)) }
            }
            #expect(refused >= entry.seeds.count * Self.count / 4, "\(entry.name)")
            take([])
        }
    }
}
