/// Short runs of what `scripts/fuzz` does at length: spoiled bytes, always the same ones, into the ways in for a stranger's
/// bytes.
package enum Spoiling {
    /// One way in: its name, inputs that it takes, and it. It throws an error of ours, or nothing.
    package typealias Entry = (name: String, seeds: [[UInt8]], take: @Sendable ([UInt8]) throws -> Void)

    /// Pushes each seed of an entry through, and `count` spoiled forms of it; the answer is how many of those were refused.
    ///
    /// - Parameter refused: told each error, to say whether it is one that there may be.
    package static func push(_ entry: Entry, count: Int, _ refused: (any Error) -> Void) throws -> Int {
        var generator = SeededGenerator(seed: entry.name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        var refusals = 0
        func take(_ bytes: [UInt8]) {
            do { try entry.take(bytes) } catch {
                refusals += 1
                refused(error)
            }
        }
        for seed in entry.seeds {
            try entry.take(seed)
            for _ in 0..<count { take(spoil(seed, &generator)) }
        }
        take([])
        return refusals
    }

    /// What text formats trip over.
    private static let pieces: [[UInt8]] =
        [
            "18446744073709551615", "9223372036854775807", "-9223372036854775808", "1e308", "-0", "\"", "\\u0000", "\n",
            "\r\n",
            "{", "[", "}", "]", ":", ",", "null", "9999-12-31T23:59:59", "\u{0}", "\u{9b}", "*a", "&a ", "? ", "%",
        ].map { Array($0.utf8) } + [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xdf, 0xff, 0xff, 0xff, 0xff]]

    private static func spoil(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, place + Int.random(in: 1...24, using: &generator))
            switch Int.random(in: 0..<7, using: &generator) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &generator)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: bytes.replaceSubrange(place..<end, with: pieces.randomElement(using: &generator) ?? [])
            case 5: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
            default: bytes.removeLast(min(bytes.count, Int.random(in: 1...64, using: &generator)))
            }
        }
        return bytes
    }
}
