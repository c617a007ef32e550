import BigInteger
import Foundation
import Sodium
import Testing

/// AVX-512 IFMA against GMP.
@Suite(
    "Eight residues at a time",
    .enabled(
        if: Arithmetic.supported.contains(.lanes),
        "this machine has no AVX-512 IFMA: everything here is done by GMP alone"))
struct LaneArithmeticTests {
    static let sizes = [2048, 3072, 4096, 6144, 12_288]

    /// How often each test repeats its random cases: TRIBUTARY_DIFFERENTIAL_SCALE=50 for 100,000 multiplications of each size and
    /// 2,000 exponentiations with moduli of up to 4096 bits, 300 at 6144 and 50 at 12,288.
    private static let scale =
        ProcessInfo.processInfo.environment["TRIBUTARY_DIFFERENTIAL_SCALE"].flatMap { Int($0) } ?? 1

    /// One modulus, its rows, and the way in and out of them.
    private final class Bench {
        let modulus: Modulus
        let multiplier: LaneMultiplier
        let rows: LaneRows
        let limbs: LimbBuffer
        /// R^-1 mod m.
        let inverseRadix: Integer

        init(_ value: Integer) throws {
            modulus = Modulus(value)
            let lanes = try #require(LaneModulus(modulus))
            multiplier = LaneMultiplier(lanes)
            rows = LaneRows(count: 3, of: lanes)
            limbs = LimbBuffer(count: modulus.limbCount + 1)
            let radix = Integer(1) << (52 * LaneModulus.digits(bits: value.bitWidth))
            inverseRadix = try #require(radix.inverse(modulo: value))
        }

        func put(_ values: [Integer], row: Int) {
            for (lane, value) in values.enumerated() {
                value.writeLimbs(to: limbs.base, count: limbs.count)
                rows.read(limbs: limbs.base, count: limbs.count, row: row, lane: lane)
            }
        }

        /// The residues of a row, made canonical.
        func take(row: Int) -> [Integer] {
            multiplier.makeCanonical(rows, row)
            return (0..<laneCount).map { lane in
                rows.write(row: row, lane: lane, toLimbs: limbs.base, count: limbs.count)
                return Integer(limbs: limbs.base, count: limbs.count)
            }
        }

        /// Whether the product and both squares of eight pairs are GMP's.
        func agrees(_ left: [Integer], _ right: [Integer]) -> Bool {
            put(left, row: 0)
            put(right, row: 1)
            multiplier.multiply(rows, 0, by: rows, 1, into: rows, 2)
            let products = zip(left, right).map { modulus.multiply($0 * $1, inverseRadix) }
            guard take(row: 2) == products else { return false }
            multiplier.square(rows, 0)
            return take(row: 0) == left.map { modulus.multiply($0 * $0, inverseRadix) }
        }
    }

    /// Random ones and such whose digits and limbs are all ones or all zeros.
    private func moduli(bits: Int) throws -> [Integer] {
        let top = Integer(1) << (bits - 1)
        return [
            try Integer.random(bits: bits - 2, from: SystemRandom.bytes) * 2 + 1 + top, top + 1, top + (top - 1),
            top + (Integer(1) << (bits / 2)) - 1,
        ]
    }

    private func edges(_ modulus: Integer) -> [Integer] {
        let bits = modulus.bitWidth
        return [
            0, 1, 2, modulus - 1, modulus - 2, (modulus - 1) / 2, (modulus + 1) / 2, (Integer(1) << 52) - 1,
            (Integer(1) << 52), (Integer(1) << 64) - 1, (Integer(1) << (bits - 1)) - 1,
            (Integer(1) << (bits - 1)) - (Integer(1) << (bits / 2)), (Integer(1) << (bits / 2)) - 1,
            (Integer(1) << (bits / 52 * 52 - 52)) - 1, Integer(1) << (bits - 2), (Integer(1) << 208) - 1,
        ]
    }

    @Test("Products and squares of edge values are GMP's, for several moduli", arguments: sizes)
    func edgeProducts(bits: Int) throws {
        for value in try moduli(bits: bits) {
            let bench = try Bench(value)
            let edges = edges(value)
            for shift in edges.indices {
                for half in [0, 8] {
                    let left = (0..<8).map { edges[half + $0] }
                    let right = (0..<8).map { edges[(half + $0 + shift) % edges.count] }
                    let isRight = bench.agrees(left, right)
                    #expect(isRight)
                }
            }
        }
    }

    @Test("Products and squares of random residues are GMP's", arguments: sizes)
    func randomProducts(bits: Int) throws {
        let bench = try Bench(try moduli(bits: bits)[0])
        var disagreements = 0
        for _ in 0..<2000 * LaneArithmeticTests.scale / laneCount {
            let values = try (0..<16).map { _ in
                try Integer.random(below: bench.modulus.value, from: SystemRandom.bytes)
            }
            if !bench.agrees(Array(values[..<8]), Array(values[8...])) { disagreements += 1 }
        }
        #expect(disagreements == 0)
    }

    @Test("A residue may stand for itself plus up to three times the modulus", arguments: sizes)
    func redundantFactors(bits: Int) throws {
        for value in try moduli(bits: bits) {
            let bench = try Bench(value)
            let edges = edges(value)
            for multiples in [(1, 1), (3, 3), (3, 0), (0, 2)] {
                let left = edges[..<8].map { $0 + value * Integer(multiples.0) }
                let right = edges[8...].map { $0 + value * Integer(multiples.1) }
                let isRight = bench.agrees(left, right)
                #expect(isRight)
            }
        }
    }

    @Test("A long chain of products, never made canonical on its way, ends where GMP's does", arguments: sizes)
    func chain(bits: Int) throws {
        let bench = try Bench(try moduli(bits: bits)[0])
        let modulus = bench.modulus
        var left = try (0..<8).map { _ in try Integer.random(below: modulus.value, from: SystemRandom.bytes) }
        var right = edges(modulus.value).suffix(8).map { $0 + 1 }
        bench.put(left, row: 0)
        bench.put(right, row: 1)
        for _ in 0..<100 {
            bench.multiplier.multiply(bench.rows, 0, by: bench.rows, 1, into: bench.rows, 0)
            bench.multiplier.square(bench.rows, 1)
            left = zip(left, right).map { modulus.multiply($0 * $1, bench.inverseRadix) }
            right = right.map { modulus.multiply($0 * $0, bench.inverseRadix) }
        }
        #expect(bench.take(row: 0) == left)
        #expect(bench.take(row: 1) == right)
    }

    @Test("The reduction of a value of twice the width divides it by R", arguments: sizes.dropLast())
    func reduction(bits: Int) throws {
        for value in try moduli(bits: bits) {
            let bench = try Bench(value)
            let wide = try #require(LaneModulus(Modulus(value * value)))
            let rows = LaneRows(count: 1, of: wide)
            let square = value * value
            let random = try (0..<4).map { _ in try Integer.random(below: square, from: SystemRandom.bytes) }
            let values = [0, 1, square - 1, (Integer(1) << (2 * bits - 2)) - 1] + random
            let limbs = LimbBuffer(count: 2 * bench.modulus.limbCount)
            for (lane, value) in values.enumerated() {
                value.writeLimbs(to: limbs.base, count: limbs.count)
                rows.read(limbs: limbs.base, count: limbs.count, lane: lane)
            }
            bench.multiplier.reduce(rows, into: bench.rows, 2)
            #expect(bench.take(row: 2) == values.map { bench.modulus.multiply($0, bench.inverseRadix) })
        }
    }

    @Test(
        "Powers modulo the square of an odd number are GMP's, for values of two or four times its length",
        arguments: [256, 320, 1024, 1536, 2048, 3072, 6144])
    func squarePowers(bits: Int) throws {
        for (index, prime) in try moduli(bits: bits).enumerated() {
            // As for ciphertexts and the primes of their n, but that the widest would be wider than anything in use.
            let values = try moduli(bits: bits > 2048 ? 2 * bits : 4 * bits)[0]
            let lanes = try #require(LaneModulus(Modulus(values)))
            let square = try #require(LanePrimeSquare(prime: prime, values: lanes))
            let rows = LaneRows(count: 1, of: lanes)
            let limbs = LimbBuffer(count: lanes.modulus.limbCount)
            func expectAgreement(_ bases: [Integer], _ exponent: Integer, bits: Int) throws {
                for (lane, base) in bases.enumerated() {
                    base.writeLimbs(to: limbs.base, count: limbs.count)
                    rows.read(limbs: limbs.base, count: limbs.count, lane: lane)
                }
                let bytes = Array(try #require(exponent.bigEndianBytes(count: (bits + 7) / 8)).reversed())
                let powers = bytes.withUnsafeBytes {
                    square.powers(of: rows, count: bases.count, exponent: $0, bits: bits)
                }
                #expect(powers == bases.map { $0.power(exponent, modulo: prime * prime) })
            }
            let highest = values - 1
            let edges = [0, 1, prime, prime - 1, prime * prime - 1, prime * prime, prime + 1, highest]
            for exponent: Integer in [1, 2, 31, 32, 33, (Integer(1) << 61) - 1] {
                try expectAgreement(edges, exponent, bits: 64)
            }
            guard index == 0 else { continue }
            let count = ([3072: 6, 6144: 1][bits] ?? 40) * LaneArithmeticTests.scale
            for start in stride(from: 0, to: count, by: laneCount) {
                let bases = try (start..<min(start + laneCount, count)).map { _ in
                    try Integer.random(below: values, from: SystemRandom.bytes)
                }
                let exponent = try Integer.random(bits: 2 * bits, from: SystemRandom.bytes)
                try expectAgreement(bases, exponent, bits: 2 * bits)
            }
        }
    }

    @Test("Lanes take bytes and limbs in and give them back, whatever the width", arguments: sizes + [512, 1000, 1024])
    func conversions(bits: Int) throws {
        let modulus = Modulus((Integer(1) << bits) - 1)
        let rows = LaneRows(count: 2, of: try #require(LaneModulus(modulus)))
        for width in [1, 6, 7, 8, 13, 14, bits / 8] {
            let values = try (0..<8).map { lane in
                lane == 0
                    ? (Integer(1) << (8 * width)) - 1 : try Integer.random(bits: 8 * width, from: SystemRandom.bytes)
            }
            let limbs = LimbBuffer(count: (width + 7) / 8)
            for (lane, value) in values.enumerated() {
                try #require(value.bigEndianBytes(count: width)).withUnsafeBytes { rows.read($0, row: 1, lane: lane) }
            }
            for (lane, value) in values.enumerated() {
                rows.write(row: 1, lane: lane, toLimbs: limbs.base, count: limbs.count)
                #expect(Integer(limbs: limbs.base, count: limbs.count) == value)
                rows.read(limbs: limbs.base, count: limbs.count, row: 1, lane: lane)
                var bytes = [UInt8](repeating: 0xaa, count: width)
                bytes.withUnsafeMutableBytes { rows.write(row: 1, lane: lane, to: $0) }
                #expect(Integer(bigEndian: bytes) == value)
            }
        }
    }

    /// The residue that two rows stand for: c0 + n c1.
    private func residue(_ rows: borrowing LaneRows, _ row: Int, lane: Int, of n: Integer) -> Integer {
        number(rows, row, lane: lane, of: n) + number(rows, row + 1, lane: lane, of: n) * n
    }

    private func number(_ rows: borrowing LaneRows, _ row: Int, lane: Int, of n: Integer) -> Integer {
        let limbs = LimbBuffer(count: (52 * LaneSquareModulus.digits(bits: n.bitWidth) + 63) / 64)
        rows.write(row: row, lane: lane, toLimbs: limbs.base, count: limbs.count)
        return Integer(limbs: limbs.base, count: limbs.count)
    }

    @Test(
        "Products and squares of random residues mod n^2 split modulo n are GMP's",
        arguments: [1024, 1536, 2048, 3072, 6144])
    func randomSplitProducts(bits: Int) throws {
        let n = try moduli(bits: bits)[0]
        let modulus = try #require(LaneSquareModulus(Modulus(n)))
        let square = modulus.square
        let multiplier = LaneSquareMultiplier(modulus)
        let rows = LaneRows(count: 6, of: modulus.n)
        let whole = modulus.residues(count: 1)
        let width = square.byteCount
        func part(_ lane: Int) -> Range<Int> { lane * width..<(lane + 1) * width }
        /// Eight residues into two rows, by way of the bytes that they have on the wire.
        func split(_ values: [Integer], _ row: Int) {
            values.flatMap { $0.bigEndianBytes(count: width) ?? [] }.withUnsafeBytes { bytes in
                whole.readAll(width: width) { UnsafeRawBufferPointer(rebasing: bytes[part($0)]) }
            }
            multiplier.split(whole, into: rows, row)
        }
        func joined(_ row: Int) -> [Integer] {
            multiplier.join(rows, row, into: whole)
            var wire = [UInt8](repeating: 0, count: laneCount * width)
            wire.withUnsafeMutableBytes { wire in
                whole.writeAll(width: width) { UnsafeMutableRawBufferPointer(rebasing: wire[part($0)]) }
            }
            return (0..<laneCount).map { Integer(bigEndian: Array(wire[part($0)])) }
        }
        var disagreements = 0
        for _ in 0..<2000 * LaneArithmeticTests.scale / laneCount {
            let values = try (0..<2).map { _ in
                try (0..<laneCount).map { _ in try Integer.random(below: square.value, from: SystemRandom.bytes) }
            }
            for (factor, row) in zip(values, [0, 2]) { split(factor, row) }
            multiplier.multiply(rows, 0, by: rows, 2, into: rows, 4)
            if joined(4) != zip(values[0], values[1]).map({ square.multiply($0, $1) }) { disagreements += 1 }
            multiplier.multiply(rows, 0, by: rows, 0, into: rows, 4)
            if joined(4) != values[0].map({ square.multiply($0, $0) }) { disagreements += 1 }
        }
        #expect(disagreements == 0)
    }

    @Test(
        "Products of residues mod n^2 split modulo n are GMP's", arguments: [512, 832, 1024, 1920, 2048, 3072, 4096])
    func splitProducts(bits: Int) throws {
        for n in try moduli(bits: bits) {
            let modulus = try #require(LaneSquareModulus(Modulus(n)))
            let square = modulus.square
            let multiplier = LaneSquareMultiplier(modulus)
            let rows = LaneRows(count: 6, of: modulus.n)
            let whole = modulus.residues(count: 1)
            var generator = edges(square.value) + [n - 1, n, n + 1, square.value - n, n * (n / 2), square.value - 1]
            while generator.count < 40 {
                generator.append(try Integer.random(below: square.value, from: SystemRandom.bytes))
            }
            var product = [Integer](repeating: 1, count: laneCount)
            for (round, start) in stride(from: 0, to: generator.count, by: laneCount).enumerated() {
                let values = (start..<start + laneCount).map { generator[$0 % generator.count] }
                let bytes = values.flatMap { $0.bigEndianBytes(count: square.byteCount) ?? [] }
                bytes.withUnsafeBytes { bytes in
                    whole.readAll(width: square.byteCount) { lane in
                        UnsafeRawBufferPointer(
                            rebasing: bytes[lane * square.byteCount..<(lane + 1) * square.byteCount])
                    }
                }
                multiplier.split(whole, into: rows, round == 0 ? 0 : 2)
                for lane in 0..<laneCount {
                    let (lower, upper) = (number(rows, round == 0 ? 0 : 2, lane: lane, of: n), values[lane] / n)
                    #expect(lower < n * 4 && (lower - values[lane]).modulo(n) == 0)
                    #expect(residue(rows, round == 0 ? 0 : 2, lane: lane, of: n) == values[lane])
                    #expect(upper - number(rows, round == 0 ? 1 : 3, lane: lane, of: n) < 4)
                }
                if round > 0 { multiplier.multiply(rows, 0, by: rows, 2, into: rows, 0) }
                product = round == 0 ? values : zip(product, values).map { square.multiply($0, $1) }
                multiplier.join(rows, 0, into: whole)
                var wire = [UInt8](repeating: 0, count: laneCount * square.byteCount)
                wire.withUnsafeMutableBytes { wire in
                    whole.writeAll(width: square.byteCount) { lane in
                        lane == 3
                            ? nil
                            : UnsafeMutableRawBufferPointer(
                                rebasing: wire[lane * square.byteCount..<(lane + 1) * square.byteCount])
                    }
                }
                for lane in 0..<laneCount where lane != 3 {
                    let found = Integer(bigEndian: Array(wire[lane * square.byteCount..<(lane + 1) * square.byteCount]))
                    #expect(found == product[lane])
                }
            }
            // The largest rows that there may be, and the smallest.
            let limbs = LimbBuffer(count: (52 * LaneSquareModulus.digits(bits: bits) + 63) / 64)
            for (row, value) in [n * 4 - 1, n * 4 - 1, n * 4 - 1, n * 4 - 1].enumerated() {
                value.writeLimbs(to: limbs.base, count: limbs.count)
                for lane in [0, 5, 7] { rows.read(limbs: limbs.base, count: limbs.count, row: row, lane: lane) }
            }
            for (row, value) in [n, n * 3, n * 4 - 1, 0].enumerated() {
                value.writeLimbs(to: limbs.base, count: limbs.count)
                for lane in [1, 4] { rows.read(limbs: limbs.base, count: limbs.count, row: row, lane: lane) }
            }
            let factors = (0..<laneCount).map {
                (residue(rows, 0, lane: $0, of: n), residue(rows, 2, lane: $0, of: n))
            }
            multiplier.multiply(rows, 0, by: rows, 2, into: rows, 4)
            for lane in 0..<laneCount {
                let expected = square.multiply(
                    factors[lane].0.modulo(square.value), factors[lane].1.modulo(square.value))
                #expect(residue(rows, 4, lane: lane, of: n).modulo(square.value) == expected)
                for row in [4, 5] { #expect(number(rows, row, lane: lane, of: n) < n * 4) }
            }
        }
    }
}
