package import Sodium

/// Shamir's scheme (CACM 1979) over GF(2^8), for each byte of a 32-byte secret on its own: any 32 bytes are a secret, and
/// fewer than `threshold` shares tell nothing of it.
///
/// GF(2^8) rather than a prime field because X25519 secrets and seeds are all byte strings of that length, nothing need be
/// reduced, and multiplication is eight shifts of eight bytes at a time: no table, no branch and no address depends on a secret.
package enum SecretSharing {
    package static let secretByteCount = 32
    /// The points 1...255.
    package static let maximumShares = 255

    /// The random coefficients of one polynomial.
    package static func coefficientByteCount(threshold: Int) -> Int { (threshold - 1) * secretByteCount }

    /// Shares for the points 1...count, 32 bytes each, in order.
    ///
    /// - Parameter coefficients: fresh random bytes, `coefficientByteCount`.
    package static func shares(
        of secret: UnsafeRawBufferPointer, count: Int, threshold: Int, coefficients: SecretBytes
    ) throws -> SecretBytes {
        guard secret.count == secretByteCount, (1...maximumShares).contains(count), (1...count).contains(threshold),
            coefficients.count == coefficientByteCount(threshold: threshold)
        else {
            throw MaskingError.invalidShares("\(threshold) of \(count) shares of \(secret.count) bytes cannot be made")
        }
        return try SecretBytes(count: count * secretByteCount) { target in
            coefficients.withUnsafeBytes { coefficients in
                for index in 0..<count {
                    // Horner's rule, from the highest coefficient down to the secret.
                    var value = Row()
                    for power in (0..<threshold - 1).reversed() {
                        value = product(value, UInt8(index + 1)) ^ row(power, of: coefficients)
                    }
                    value = product(value, UInt8(index + 1)) ^ row(0, of: secret)
                    target.storeBytes(of: value, toByteOffset: index * secretByteCount, as: Row.self)
                }
            }
        }
    }

    /// The secret behind shares, of which `points` says where they lie and `shares` holds 32 bytes each. The caller sees to it
    /// that there are as many as the threshold: with fewer, what comes out is any value.
    package static func secret(points: [UInt8], shares: SecretBytes) throws -> SecretBytes {
        guard !points.isEmpty, !points.contains(0), Set(points).count == points.count,
            shares.count == points.count * secretByteCount
        else {
            throw MaskingError.invalidShares("points must be different and not 0, with 32 bytes for each")
        }
        return try SecretBytes(count: secretByteCount) { target in
            shares.withUnsafeBytes { shares in
                var secret = Row()
                for index in points.indices {
                    // Lagrange's coefficient at 0; the points are public.
                    var above: UInt8 = 1
                    var below: UInt8 = 1
                    for other in points.indices where other != index {
                        above = product(above, points[other])
                        below = product(below, points[other] ^ points[index])
                    }
                    secret ^= product(row(index, of: shares), product(above, inverse(below)))
                }
                target.storeBytes(of: secret, as: Row.self)
            }
        }
    }

    /// 32 bytes, eight in a word.
    private typealias Row = SIMD4<UInt64>

    private static func row(_ index: Int, of bytes: UnsafeRawBufferPointer) -> Row {
        bytes.loadUnaligned(fromByteOffset: index * secretByteCount, as: Row.self)
    }

    /// 32 products with one factor modulo x^8 + x^4 + x^3 + x + 1. The factor is public and may be branched on; the bytes are
    /// not.
    @inline(__always)
    private static func product(_ value: Row, _ factor: UInt8) -> Row {
        var value = value
        var result = Row()
        for bit in 0..<8 as Range<UInt8> {
            if (factor >> bit) & 1 == 1 { result ^= value }
            let high = (value &>> 7) & Row(repeating: 0x0101_0101_0101_0101)
            value = ((value & Row(repeating: 0x7f7f_7f7f_7f7f_7f7f)) &<< 1) ^ (high &* 0x1b)
        }
        return result
    }

    /// Of two public bytes.
    private static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var left = left
        var result: UInt8 = 0
        for bit in 0..<8 as Range<UInt8> {
            if (right >> bit) & 1 == 1 { result ^= left }
            left = (left << 1) ^ (left >> 7) * 0x1b
        }
        return result
    }

    /// value^254 = value^(2 + 4 + ... + 128) of a public byte.
    private static func inverse(_ value: UInt8) -> UInt8 {
        var power = value
        var result: UInt8 = 1
        for _ in 0..<7 {
            power = product(power, power)
            result = product(result, power)
        }
        return result
    }
}
