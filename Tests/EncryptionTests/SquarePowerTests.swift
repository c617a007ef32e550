import BigInteger
import Encryption
import Sodium
import Testing

/// Against powers and products one at a time.
@Suite("Powers and products of powers modulo a square")
struct SquarePowerTests {
    /// Odd numbers, which need not be primes: full limbs, and the widths of keys.
    private func moduli() throws -> [Integer] {
        try [512, 1152, 2048, 3072, 4096].map { bits in
            try Integer.random(bits: bits - 2, from: SystemRandom.bytes) * 2 + 1 + (Integer(1) << (bits - 1))
        } + [(Integer(1) << 1024) - 1, (Integer(1) << 1023) + 1]
    }

    /// Values below a modulus, its edges among them, as bytes as wide as it.
    private func values(_ count: Int, below square: Modulus) throws -> [Integer] {
        let edges = [square.value - 1, 1, 2, square.value >> 1]
        return try (0..<count).map {
            $0 < edges.count ? edges[$0] : try Integer.random(below: square.value, from: SystemRandom.bytes)
        }
    }

    @Test(
        "Split powers are the powers by the whole exponent",
        .enabled(if: Arithmetic.supported.contains(.lanes), "this machine has no AVX-512 IFMA"))
    func splitPowers() throws {
        for n in try moduli() {
            let square = Modulus(n * n)
            let lanes = try #require(LaneModulus(square))
            let powers = try #require(LanePrimeSquare(prime: n, values: lanes))
            for (plain, bits, count) in [(12, 64, 8), (1, 1, 1), (2, 131, 5)] as [(Integer, Int, Int)] {
                for exponent in [1, (Integer(1) << bits) - 1, try Integer.random(bits: bits, from: SystemRandom.bytes)]
                {
                    let values = try values(count, below: square)
                    let rows = LaneRows(count: 1, of: lanes)
                    for lane in 0..<laneCount {
                        let value = lane < count ? values[lane] : 1
                        let bytes = try #require(value.bigEndianBytes(count: square.byteCount))
                        bytes.withUnsafeBytes { rows.read($0, lane: lane) }
                    }
                    let bytes = try #require(exponent.bigEndianBytes(count: (bits + 7) / 8))
                    let made = Array(bytes.reversed()).withUnsafeBytes {
                        powers.splitPowers(of: rows, count: count, plain: plain, exponent: $0, bits: bits)
                    }
                    let whole = plain + n * exponent
                    #expect(made == values.map { square.power($0, whole) }, "\(n.bitWidth) bits, \(bits) of exponent")
                }
            }
        }
    }

    @Test("A product of powers is the product of each power", arguments: [0, 1, 7, 8, 9, 65, 420])
    func weightedProducts(count: Int) throws {
        let n = try #require(moduli().first)
        let square = Modulus(n * n)
        let values = try values(count, below: square)
        let bytes = try values.map { try #require($0.bigEndianBytes(count: square.byteCount)) }
        for fill in [0x00, 0x01, 0xff, nil] as [UInt8?] {
            var weights = try SystemRandom.bytes(count: count * 16)
            if let fill { weights = [UInt8](repeating: fill, count: count * 16) }
            let expected = values.indices.reduce(Integer(1)) { product, index in
                let weight = Integer(bigEndian: Array(weights[index * 16..<(index + 1) * 16].reversed()))
                return square.multiply(product, square.power(values[index], weight))
            }
            // The bytes stay where they are while the closures lend them.
            let store = bytes.flatMap { $0 }
            store.withUnsafeBytes { store in
                let value = { (index: Int) in
                    UnsafeRawBufferPointer(rebasing: store[index * square.byteCount..<(index + 1) * square.byteCount])
                }
                weights.withUnsafeBytes { weights in
                    #expect(
                        square.weightedProduct(of: count, weights: weights, weightBytes: 16, value) == expected)
                    guard let lanes = LaneModulus(square), let pairs = LanePrimeSquare(prime: n, values: lanes) else {
                        return
                    }
                    let made = pairs.weightedProduct(
                        of: count, weights: weights, weightBytes: 16, values: lanes, value)
                    #expect(made == expected)
                }
            }
        }
    }
}
