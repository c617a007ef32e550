import Sodium
import Glibc

/// Reproducible random numbers for generated data; never for anything secret. SplitMix64 (Steele, Lea and Flood, OOPSLA
/// 2014), seeded by a digest, so that each label has its own stream.
package struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    private var spare: Double?

    package init(seed: UInt64, label: String) {
        state = Digest(of: Array("\(seed) \(label)".utf8)).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// In [0, 1).
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    package mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }

    package mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// 0 ..< count
    package mutating func index(_ count: Int) -> Int { Int(uniform() * Double(count)) }

    /// Standard normal (Box and Muller 1958).
    package mutating func normal() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        let radius = sqrt(-2 * log(1 - uniform()))
        let angle = 2 * Double.pi * uniform()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }
}
