internal import Glibc
import Sodium

/// Normally distributed noise of mean 0, for values that leave a cloud in clear (Box and Muller, 1958).
///
/// Drawn from the system's generator, so nobody can make the same again, and nothing of it is kept. The tails end at 8.6
/// standard deviations, where a normal distribution has 1e-17 left.
package struct GaussianNoise: Sendable {
    /// Gives so many random bytes.
    package typealias Source = @Sendable (Int) throws -> [UInt8]

    package let deviation: Double
    private let source: Source

    /// - Parameter source: the system's generator but in tests.
    package init(deviation: Double, source: @escaping Source = SystemRandom.bytes) {
        precondition(deviation >= 0 && deviation.isFinite, "a standard deviation")
        self.deviation = deviation
        self.source = source
    }

    package func values(_ count: Int) throws -> [Double] {
        let pairs = (count + 1) / 2
        var words = try source(pairs * 16)
        defer { wipe(&words) }
        var values: [Double] = []
        values.reserveCapacity(2 * pairs)
        words.withUnsafeBytes { words in
            func uniform(_ index: Int) -> Double {
                // In (0, 1], all multiples of 2^-53: a logarithm that exists.
                let word = words.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                return Double((UInt64(littleEndian: word) >> 11) + 1) * 0x1p-53
            }
            for pair in 0..<pairs {
                let radius = deviation * (-2 * log(uniform(2 * pair))).squareRoot()
                let angle = 2 * Double.pi * uniform(2 * pair + 1)
                values.append(radius * cos(angle))
                values.append(radius * sin(angle))
            }
        }
        if values.count > count { values.removeLast() }
        return values
    }
}
