import BigInteger
import Encryption
import Sodium
import Testing

@Suite("Big integers")
struct IntegerTests {
    private func integer(_ text: String) throws -> Integer { try #require(Integer(text)) }

    @Test("Arithmetic agrees with Int, signs included")
    func agreesWithInt() {
        let samples = [-1_000_003, -256, -1, 0, 1, 7, 255, 65_537, 4_294_967_296]
        for left in samples {
            for right in samples {
                #expect(Integer(left) + Integer(right) == Integer(left + right))
                #expect(Integer(left) - Integer(right) == Integer(left - right))
                #expect((Integer(left) < Integer(right)) == (left < right))
                guard right != 0 else { continue }
                #expect(Integer(left) / Integer(right) == Integer(left / right))
                #expect(Integer(left) % Integer(right) == Integer(left % right))
                let residue = (left % right + abs(right)) % abs(right)
                #expect(Integer(left).modulo(Integer(right)) == Integer(residue))
            }
        }
    }

    @Test("A long product is the one that Python gives")
    func longProduct() throws {
        let left = try integer("12345678901234567890123456789")
        #expect(left * left == (try integer("152415787532388367504953515625361987875019051998750190521")))
        #expect((left << 100) >> 100 == left)
    }

    @Test("A copy keeps its value when the original is changed")
    func copyOnWrite() {
        var value: Integer = 5
        let copy = value
        value *= value
        value += 1
        value -= 3
        #expect(value == 23)
        #expect(copy == 5)
    }

    @Test("Bytes go out most significant first at a fixed width, and come back")
    func bytes() throws {
        let value = try #require(Integer("0102030405060708090a", radix: 16))
        #expect(value.bigEndianBytes(count: 12) == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        #expect(value.bigEndianBytes(count: 10) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        #expect(value.bigEndianBytes(count: 9) == nil)
        #expect(Integer(bigEndian: [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) == value)
        #expect(Integer(0).bigEndianBytes(count: 2) == [0, 0])
        #expect(Integer(bigEndian: []) == 0)
    }

    @Test("Texts with anything but digits are refused", arguments: ["", "-", " 1", "1 2", "0x10", "1.0", "12a"])
    func refusesText(text: String) {
        #expect(Integer("-12") == Integer(-12))
        #expect(Integer(text) == nil)
    }

    @Test("Inverse, gcd and powers satisfy their laws modulo a prime and a composite")
    func numberTheory() throws {
        let prime = try integer("170141183460469231731687303715884105727")  // 2^127 - 1
        let value = try integer("987654321987654321987654321")
        let inverse = try #require(value.inverse(modulo: prime))
        #expect((value * inverse).modulo(prime) == 1)
        #expect(value.power(prime - 1, modulo: prime) == 1)
        #expect(value.secretPower(prime - 1, modulo: prime) == 1)
        #expect(Integer(12).greatestCommonDivisor(18) == 6)
        #expect(Integer(6).inverse(modulo: 9) == nil)
        #expect(Integer(3).power(0, modulo: 7) == 1)
    }

    @Test("The constant-time power is the plain power")
    func secretPower() throws {
        let modulus = try Integer.random(bits: 512, from: SystemRandom.bytes) * 2 + 3
        for _ in 0..<20 {
            let base = try Integer.random(bits: 600, from: SystemRandom.bytes)
            let exponent = try Integer.random(bits: 256, from: SystemRandom.bytes) + 1
            #expect(base.secretPower(exponent, modulo: modulus) == base.power(exponent, modulo: modulus))
        }
    }

    @Test("Primes are told from pseudoprimes")
    func primes() throws {
        #expect(try integer("170141183460469231731687303715884105727").isProbablePrime())
        #expect(!Integer(561).isProbablePrime())  // Carmichael
        #expect(!(try integer("3825123056546413051")).isProbablePrime())  // strong pseudoprime to the bases 2 to 23
    }

    @Test("Random integers stay below their bound and reach all of it")
    func random() throws {
        var seen: Set<Integer> = []
        for _ in 0..<400 {
            let value = try Integer.random(below: 5, from: SystemRandom.bytes)
            #expect(value.signum >= 0 && value < 5)
            seen.insert(value)
        }
        #expect(seen.count == 5)
        #expect(try Integer.random(below: 1, from: SystemRandom.bytes) == 0)
        #expect(try Integer.random(bits: 3, from: { _ in [0xff] }) == 7)
    }

    @Test("The limb-wise product is the product", arguments: [64, 128, 192, 1000, 2048])
    func multiplier(bits: Int) throws {
        let modulus = Modulus(try Integer.random(bits: bits - 1, from: SystemRandom.bytes) + (Integer(1) << (bits - 1)))
        let multiplier = ModularMultiplier(modulus)
        let residue = LimbBuffer(count: modulus.limbCount)
        let factor = LimbBuffer(count: modulus.limbCount)
        for _ in 0..<20 {
            let left = try Integer.random(below: modulus.value, from: SystemRandom.bytes)
            let right = try Integer.random(below: modulus.value, from: SystemRandom.bytes)
            left.writeLimbs(to: residue.base, count: residue.count)
            right.writeLimbs(to: factor.base, count: factor.count)
            multiplier.multiply(residue.base, by: factor.base)
            #expect(Integer(limbs: residue.base, count: residue.count) == modulus.multiply(left, right))
        }
    }

    @Test("Limbs and wire bytes convert both ways at widths that are not whole limbs", arguments: [1, 7, 8, 9, 20, 24])
    func residueBytes(width: Int) {
        let bytes = (1...width).map { UInt8($0) }
        let limbs = LimbBuffer(count: 3)
        bytes.withUnsafeBytes { ResidueBytes.read($0, into: limbs.base, count: 3) }
        #expect(Integer(limbs: limbs.base, count: 3) == Integer(bigEndian: bytes))
        var written = [UInt8](repeating: 0xff, count: width)
        written.withUnsafeMutableBytes { ResidueBytes.write(limbs.base, count: 3, to: $0) }
        #expect(written == bytes)
    }

    @Test("A table's powers are the powers, for every window and number of blocks", arguments: 1...10)
    func fixedBase(teeth: Int) throws {
        let modulus = Modulus((try Integer.random(bits: 255, from: SystemRandom.bytes) << 1) + (Integer(1) << 256) + 1)
        let base = try Integer.random(below: modulus.value, from: SystemRandom.bytes)
        let limits: [Integer] = [0, 1, (Integer(1) << 100) - 1]
        let exponents = try limits + (0..<5).map { _ in try Integer.random(bits: 100, from: SystemRandom.bytes) }
        let bytes = try exponents.flatMap { Array(try #require($0.bigEndianBytes(count: 13)).reversed()) }
        for blocks in [1, 2, 3, 7, 100] {
            let comb = Comb(exponentBits: 100, teeth: teeth, blocks: blocks)
            let table = FixedBaseTable(base: base, modulus: modulus, comb: comb) { blocks, fill in
                for block in (0..<blocks).reversed() { fill(block) }
            }
            let multiplier = ModularMultiplier(modulus)
            let result = LimbBuffer(count: modulus.limbCount)
            for (index, exponent) in exponents.enumerated() {
                Array(bytes[index * 13..<(index + 1) * 13]).withUnsafeBytes {
                    table.power($0, into: result.base, using: multiplier)
                }
                #expect(Integer(limbs: result.base, count: result.count) == modulus.power(base, exponent))
            }
        }
    }

    @Test("So are those of a table modulo a square, with any message put in", arguments: 1...10)
    func squareTable(teeth: Int) throws {
        let n = (try Integer.random(bits: 419, from: SystemRandom.bytes) << 1) + (Integer(1) << 420) + 1
        guard let modulus = LaneSquareModulus(Modulus(n)) else { return }
        let square = modulus.square
        var base: Integer
        repeat {
            base = try Integer.random(below: square.value, from: SystemRandom.bytes)
        } while base.greatestCommonDivisor(n) != 1
        let limits: [Integer] = [0, 1, (Integer(1) << 100) - 1]
        let exponents = try limits + (0..<5).map { _ in try Integer.random(bits: 100, from: SystemRandom.bytes) }
        let bytes = try exponents.flatMap { Array(try #require($0.bigEndianBytes(count: 13)).reversed()) }
        let messages = try [0, n - 1, 1] + (0..<5).map { _ in try Integer.random(below: n, from: SystemRandom.bytes) }
        for blocks in [1, 2, 3, 7, 100] {
            let comb = Comb(exponentBits: 100, teeth: teeth, blocks: blocks)
            let table = LaneSquareTable(base: base, modulus: modulus, comb: comb) { blocks, fill in
                for block in (0..<blocks).reversed() { fill(block) }
            }
            let multiplier = LaneSquareMultiplier(modulus)
            let powers = LaneRows(count: 3, of: modulus.n)
            let message = LaneRows(count: 1, of: modulus.n)
            let limbs = LimbBuffer(count: square.limbCount)
            for (lane, value) in messages.enumerated() {
                value.writeLimbs(to: limbs.base, count: limbs.count)
                message.read(limbs: limbs.base, count: 7, lane: lane)
            }
            let sealed = modulus.residues(count: 1)
            bytes.withUnsafeBytes { table.powers($0, into: powers, 0, using: multiplier) }
            multiplier.seal(powers, message: message, into: sealed)
            var wire = [UInt8](repeating: 0, count: 8 * 106)
            wire.withUnsafeMutableBytes { wire in
                sealed.writeAll(width: 106) { UnsafeMutableRawBufferPointer(rebasing: wire[$0 * 106..<$0 * 106 + 106]) }
            }
            for lane in 0..<laneCount {
                let expected = square.multiply(square.power(base, exponents[lane]), messages[lane] * n + 1)
                #expect(Integer(bigEndian: Array(wire[lane * 106..<lane * 106 + 106])) == expected)
            }
        }
    }

    @Test("The quickest comb keeps to its rows, and more rows make none slower")
    func combs() {
        var last = Int.max
        for entries in [2, 100, 1 << 10, 1 << 13, 34_952, 1 << 17] {
            let comb = Comb.quickest(exponentBits: 1536, entries: entries)
            #expect(comb.entries <= entries)
            let work = 4 * comb.stretch + 3 * comb.run
            #expect(work < last)
            last = work
        }
        // As documented, at 3072 bits.
        func comb(_ exponentBits: Int) -> Comb { BlindingTable.comb(exponentBits: exponentBits, modulusBits: 3072) }
        #expect(comb(1536) == Comb(exponentBits: 1536, teeth: 12, blocks: 8))
        #expect(comb(1536).stretch == 128 && comb(1536).run == 16 && comb(1536).entries == 32_768)
        #expect(comb(512) == Comb(exponentBits: 512, teeth: 12, blocks: 8))
        #expect(comb(256) == Comb(exponentBits: 256, teeth: 11, blocks: 8))
    }
}
