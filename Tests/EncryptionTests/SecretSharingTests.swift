import Encryption
import SeededRandom
import Sodium
import Testing

@Suite("Shares of a secret")
struct SecretSharingTests {
    static func bytes(_ secret: SecretBytes) -> [UInt8] { secret.withUnsafeBytes { Array($0) } }

    static func secret(_ bytes: [UInt8]) throws -> SecretBytes {
        var bytes = bytes
        return try SecretBytes(wiping: &bytes)
    }

    /// The shares of `secret`, by point.
    private func deal(_ secret: SecretBytes, count: Int, threshold: Int) throws -> [[UInt8]] {
        let coefficients = try SecretBytes.random(
            count: SecretSharing.coefficientByteCount(threshold: threshold))
        let shares = try secret.withUnsafeBytes {
            try SecretSharing.shares(of: $0, count: count, threshold: threshold, coefficients: coefficients)
        }
        let all = SecretSharingTests.bytes(shares)
        return (0..<count).map { Array(all[$0 * 32..<($0 + 1) * 32]) }
    }

    private func open(_ shares: [[UInt8]], points: [Int]) throws -> [UInt8] {
        let chosen = try SecretSharingTests.secret(points.flatMap { shares[$0 - 1] })
        return SecretSharingTests.bytes(try SecretSharing.secret(points: points.map { UInt8($0) }, shares: chosen))
    }

    @Test("Any shares of the threshold make the secret, in any order; more do too; one fewer makes another")
    func anyShares() throws {
        var generator = SeededGenerator(seed: 20)
        for (count, threshold) in [(1, 1), (3, 2), (3, 3), (5, 3), (8, 5), (64, 33), (255, 128), (255, 255)] {
            let secret = try SecretBytes.random(count: 32)
            let shares = try deal(secret, count: count, threshold: threshold)
            for _ in 0..<6 {
                let points = Array((1...count).shuffled(using: &generator).prefix(threshold))
                #expect(try open(shares, points: points) == SecretSharingTests.bytes(secret))
                guard threshold > 1 else { continue }
                #expect(try open(shares, points: Array(points.dropLast())) != SecretSharingTests.bytes(secret))
            }
            #expect(try open(shares, points: Array(1...count)) == SecretSharingTests.bytes(secret))
        }
    }

    @Test("Shares add up: those of two secrets, xored, are shares of the secrets' xor")
    func linearity() throws {
        let (left, right) = (try SecretBytes.random(count: 32), try SecretBytes.random(count: 32))
        let (first, second) = (try deal(left, count: 5, threshold: 3), try deal(right, count: 5, threshold: 3))
        let sums = zip(first, second).map { pair in zip(pair.0, pair.1).map { $0 ^ $1 } }
        let expected = zip(SecretSharingTests.bytes(left), SecretSharingTests.bytes(right)).map { $0 ^ $1 }
        #expect(try open(sums, points: [5, 1, 3]) == expected)
    }

    @Test("A share of a fixed secret takes each value as often as any other")
    func uniformity() throws {
        let secret = try SecretSharingTests.secret([UInt8](repeating: 0x41, count: 32))
        var counts = [Int](repeating: 0, count: 256)
        for _ in 0..<400 {
            for share in try deal(secret, count: 2, threshold: 2) { for byte in share { counts[Int(byte)] += 1 } }
        }
        // 255 degrees of freedom: mean 255, standard deviation 22.6; 400 is beyond six of them.
        #expect(chiSquare(counts) < 400)
        #expect(chiSquare([25_600 / 2] + [Int](repeating: 50, count: 255)) > 400)
    }

    @Test("Points that repeat or are 0, and rows of another length, are refused; so are impossible thresholds")
    func refusals() throws {
        let shares = try deal(try SecretBytes.random(count: 32), count: 4, threshold: 3)
        let three = try SecretSharingTests.secret(Array(shares.prefix(3).joined()))
        _ = try SecretSharing.secret(points: [1, 2, 3], shares: three)
        for points in [[1, 2, 2], [0, 1, 2], [1, 2], [1, 2, 3, 4], []] as [[UInt8]] {
            #expect(throws: MaskingError.self) { try SecretSharing.secret(points: points, shares: three) }
        }
        let coefficients = try SecretBytes.random(count: 64)
        try three.withUnsafeBytes { bytes in
            let secret = UnsafeRawBufferPointer(rebasing: bytes[..<32])
            _ = try SecretSharing.shares(of: secret, count: 4, threshold: 3, coefficients: coefficients)
            for (count, threshold) in [(4, 2), (2, 3), (256, 3), (0, 3)] {
                #expect(throws: MaskingError.self) {
                    try SecretSharing.shares(of: secret, count: count, threshold: threshold, coefficients: coefficients)
                }
            }
            #expect(throws: MaskingError.self) {
                try SecretSharing.shares(of: bytes, count: 4, threshold: 3, coefficients: coefficients)
            }
        }
    }
}

/// Pearson's statistic against equal frequencies.
func chiSquare(_ counts: [Int]) -> Double {
    let expected = Double(counts.reduce(0, +)) / Double(counts.count)
    return counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
}
