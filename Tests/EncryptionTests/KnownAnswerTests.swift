import BigInteger
import Encryption
import Foundation
import SeededRandom
import Sodium
import Testing

@Suite("Paillier's known answers")
struct KnownAnswerTests {
    @Test("python-paillier's own example: n = 126869, Enc(10100, r = 74384) = 935906717")
    func pythonPaillierExample() throws {
        let n: Integer = 126_869
        let blinding = Integer(74_384).power(n, modulo: n * n)
        let ciphertext = Paillier.ciphertext(of: 10_100, blinding: blinding, n: n)
        #expect(ciphertext == 935_906_717)
        let decryption = try #require(PaillierDecryption(p: 293, q: 433))
        #expect(decryption.plaintext(of: ciphertext) == 10_100)
    }

    /// One row of paillier-2048.json, as numbers.
    struct Row {
        private let fields: [String: Integer]

        init(_ object: [String: Any]) throws {
            var fields: [String: Integer] = [:]
            for (name, value) in object {
                guard let text = value as? String else { continue }
                let number: Integer = try #require(Integer(text.dropFirst(2), radix: 16))
                fields[name] = number
            }
            self.fields = fields
        }

        subscript(name: String) -> Integer {
            get throws { try #require(fields[name], "the vectors have no \(name)") }
        }
    }

    static func rows() throws -> [Row] {
        let url = try #require(
            Bundle.module.url(forResource: "paillier-2048", withExtension: "json", subdirectory: "Vectors"))
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
        return try #require(json as? [[String: Any]]).map(Row.init)
    }

    @Test("Textbook and fixed-base ciphertexts, sums and weighted sums are those of the vectors")
    func encryption() throws {
        for row in try KnownAnswerTests.rows() {
            let n = try row["p"] * row["q"]
            let square = Modulus(n * n)
            let textbook = Paillier.ciphertext(of: try row["m1"], blinding: square.power(try row["r"], n), n: n)
            #expect(try textbook == row["c1_textbook"])

            let x = try row["x"]
            #expect(try (-(x * x)).modulo(n) == row["h"])
            #expect(try square.power(row["h"], n) == row["hs"])
            for arithmetic in Arithmetic.supported {
                let blinding = try power(row, modulus: square, arithmetic: arithmetic)
                #expect(try Paillier.ciphertext(of: row["m2"], blinding: blinding, n: n) == row["c2_djn"])
                #expect(try sum(of: [row["c1_textbook"], row["c2_djn"]], row: row, arithmetic) == row["c1c2"])
            }
            let fixedBase = try row["c2_djn"]

            #expect(try square.multiply(textbook, fixedBase) == row["c1c2"])
            #expect(try square.multiply(textbook, square.power(fixedBase, 173)) == row["c1c2w173"])
        }
    }

    /// hs^alpha by the table.
    private func power(_ row: Row, modulus: Modulus, arithmetic: Arithmetic) throws -> Integer {
        let comb = Comb(exponentBits: 1024, teeth: 7, blocks: 8)
        let exponent = Array(try #require(try row["alpha"].bigEndianBytes(count: 128)).reversed())
        let result = LimbBuffer(count: modulus.limbCount)
        let inTurn = { (count: Int, fill: (Int) -> Void) in
            for block in 0..<count { fill(block) }
        }
        switch arithmetic {
        case .portable:
            let table = FixedBaseTable(base: try row["hs"], modulus: modulus, comb: comb, concurrently: inTurn)
            exponent.withUnsafeBytes { table.power($0, into: result.base, using: ModularMultiplier(modulus)) }
        case .lanes:
            let square = try #require(LaneSquareModulus(Modulus(try row["p"] * row["q"])))
            let table = LaneSquareTable(base: try row["hs"], modulus: square, comb: comb, concurrently: inTurn)
            let rows = LaneRows(count: 3, of: square.n)
            let multiplier = LaneSquareMultiplier(square)
            // The one that counts is in lane 5.
            let other = [UInt8](repeating: 0xff, count: 128)
            let exponents = (0..<laneCount).flatMap { $0 == 5 ? exponent : other }
            exponents.withUnsafeBytes { table.powers($0, into: rows, 0, using: multiplier) }
            let sealed = square.residues(count: 1)
            multiplier.seal(rows, message: LaneRows(count: 1, of: square.n), into: sealed)
            sealed.write(lane: 5, toLimbs: result.base, count: result.count)
        }
        return Integer(limbs: result.base, count: result.count)
    }

    /// What a sum of payloads of one ciphertext each is.
    private func sum(of ciphertexts: [Integer], row: Row, _ arithmetic: Arithmetic) throws -> Integer {
        let key = try PaillierPublicKey(n: try row["p"] * row["q"], hs: try row["hs"], profile: .conservative)
        let slots = try SlotLayout(bits: 8, cohort: ciphertexts.count)
        let scheme = PaillierScheme(key: key, layout: try layout(count: 1), slots: slots, arithmetic: arithmetic)
        let sums = try [InverseCheck.eachContribution, .sum].map { checking in
            let accumulator = scheme.makeAccumulator(checking: checking)
            for ciphertext in ciphertexts {
                let payload = try #require(ciphertext.bigEndianBytes(count: 512))
                try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
            }
            return Integer(bigEndian: try accumulator.sum())
        }
        #expect(sums[0] == sums[1])
        return sums[0]
    }

    @Test("Decryption by the remainder theorem gives the vectors' plaintexts, sums and weighted sums")
    func decryption() throws {
        for row in try KnownAnswerTests.rows() {
            let n = try row["p"] * row["q"]
            let decryption = try #require(PaillierDecryption(p: try row["p"], q: try row["q"]))
            let (m1, m2) = (try row["m1"], try row["m2"])
            #expect(try decryption.plaintext(of: row["c1_textbook"]) == m1)
            #expect(try decryption.plaintext(of: row["c2_djn"]) == m2)
            #expect(try decryption.plaintext(of: row["c1c2"]) == (m1 + m2).modulo(n))
            #expect(try decryption.plaintext(of: row["c1c2w173"]) == (m1 + m2 * 173).modulo(n))

            guard Arithmetic.supported.contains(.lanes) else { continue }
            let ciphertexts = try ["c1_textbook", "c2_djn", "c1c2", "c1c2w173"].flatMap {
                try #require(try row[$0].bigEndianBytes(count: 512))
            }
            let plaintexts = try ciphertexts.withUnsafeBytes {
                try LaneDecryption(decryption).plaintexts(of: $0, width: 512)
            }
            #expect(plaintexts == [m1, m2, (m1 + m2).modulo(n), (m1 + m2 * 173).modulo(n)])
        }
    }

    @Test(
        "Damgard and Jurik's ciphertexts with s = 2 and 3 open to the vectors' plaintexts, and are made of them",
        arguments: [2, 3])
    func damgardJurik(degree: Int) throws {
        for row in try KnownAnswerTests.rows() {
            let n = try row["p"] * row["q"]
            let (message, ciphertext) = (try row["dj\(degree)_m"], try row["dj\(degree)_c"])
            let decryption = try #require(
                DamgardJurikDecryption(p: try row["p"], q: try row["q"], degree: degree))
            #expect(decryption.plaintext(of: ciphertext) == message)
            let equations = DamgardJurik(n: Modulus(n), degree: degree)
            // hs of the key serves any s.
            let base = equations.blindingBase(try row["hs"])
            #expect(try base == equations.ciphertexts.power(row["h"], equations.plaintexts.value))
            let blinding = equations.ciphertexts.power(base, try row["alpha"])
            #expect(equations.ciphertexts.multiply(equations.encode(message), blinding) == ciphertext)
            #expect(equations.encode(message) == equations.ciphertexts.power(n + 1, message))
            #expect(equations.encode(0) == 1)
            #expect(decryption.plaintext(of: equations.ciphertexts.multiply(ciphertext, base)) == message)
        }
    }

    @Test(
        "Each kind of key seals, sums and opens what independent integers say, in every arithmetic",
        arguments: Arithmetic.supported)
    func profiles(arithmetic: Arithmetic) throws {
        let rows = try ProfileRow.all()
        #expect(rows.map { "\($0.profile) over \($0.primes)" } == PaillierKeyKind.all.map(\.description))
        for row in rows {
            let key = try row.key()
            let slots = try SlotLayout(bits: 8, cohort: 3)
            let layout = try layout(count: row.values.count)
            let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic)
            let exponents = try row.exponents.flatMap { text in
                let exponent: Integer = try #require(Integer(text, radix: 16))
                return Array(try #require(exponent.bigEndianBytes(count: scheme.exponentByteCount)).reversed())
            }
            let payload = try scheme.seal(row.values, units: 0..<3, exponents: exponents)
            #expect(SHA256.hex(of: payload) == row.payload_sha256)
            // As aggregate adds.
            let accumulator = scheme.makeAccumulator(checking: .sum)
            for _ in 0..<3 { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }
            let sum = try accumulator.sum()
            #expect(SHA256.hex(of: sum) == row.sum_of_three_sha256)
            let opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
            let opened = try opener.open(sum, sealing: scheme.sealing, contributions: 3, threads: 1)
            #expect(opened == row.values.map { UInt64($0) * 3 })
        }
    }

    @Test("What a sealer packs is, ciphertext by ciphertext, 1 and the sum of u_i * 2^((i + 1) * width)")
    func packedPlaintexts() throws {
        let row = try #require(try KnownAnswerTests.rows().first)
        let key = try PaillierPublicKey(n: try row["p"] * row["q"], hs: try row["hs"], profile: .conservative)
        let decryption = try #require(PaillierDecryption(p: try row["p"], q: try row["q"]))
        let slots = try SlotLayout(bits: 11, cohort: 5)  // 14 bits wide: slots straddle limbs
        let scheme = PaillierScheme(key: key, layout: try layout(count: 200), slots: slots)
        var generator = SeededGenerator(seed: 1)
        let values = (0..<200).map { _ in UInt32.random(in: 1...2047, using: &generator) }
        let payload = try scheme.seal(values, threads: 1)

        let (width, perUnit) = (scheme.shape.bytesPerUnit, scheme.shape.valuesPerUnit)
        #expect(width == 512 && perUnit == 2047 / 14 - 1 && payload.count == 2 * 512)
        for unit in 0..<2 {
            let ciphertext = Integer(bigEndian: Array(payload[unit * width..<(unit + 1) * width]))
            var expected: Integer = 1
            for (slot, value) in values[unit * perUnit..<min((unit + 1) * perUnit, 200)].enumerated() {
                expected += Integer(UInt(value)) << ((slot + 1) * slots.width)
            }
            #expect(decryption.plaintext(of: ciphertext) == expected)
        }
    }
}
