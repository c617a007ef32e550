import BigInteger
import Encryption
import Federation
import Foundation
import Sodium
import Testing

/// Against Reference/threshold_reference.py, which shares no code with what is tested.
@Suite("Known answers of threshold opening")
struct ThresholdKnownAnswerTests {
    private struct Vectors: Decodable {
        let p, q, blindingRoot, verificationRoot, hs, v: String
        let coefficients, verificationKeys, shares: [String]
        let parties: Int
        let keyID, exponents, context, payload, plaintextProof: String
        let values: [UInt32]
        let rows, rowProofs: [String]
    }

    private let vectors: Vectors
    private let dealing: ThresholdDealer.Dealing
    private let layout: VectorLayout
    private let slots: SlotLayout

    init() throws {
        let url = try #require(
            Bundle.module.url(forResource: "threshold", withExtension: "json", subdirectory: "Vectors"))
        vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: url))
        let choices = ThresholdDealer.Choices(
            p: try Self.number(vectors.p), q: try Self.number(vectors.q),
            blindingRoot: try Self.number(vectors.blindingRoot),
            verificationRoot: try Self.number(vectors.verificationRoot),
            coefficients: try vectors.coefficients.map(Self.number))
        dealing = try ThresholdDealer.deal(
            choices, profile: .conservative, parties: vectors.parties, threads: 1, allowing: .testing)
        layout = try EncryptionTests.layout(count: vectors.values.count)
        slots = try SlotLayout(bits: 8, cohort: 3)
    }

    private static func number(_ text: String) throws -> Integer {
        let number: Integer? = Integer(text.dropFirst(2), radix: 16)
        return try #require(number)
    }

    private func bytes(_ text: String) throws -> [UInt8] { try #require(Hex.decode(text)) }

    @Test("The key, its id and the shares")
    func keyAndShares() throws {
        let key = dealing.key
        #expect(key.paillier.hs == (try Self.number(vectors.hs)))
        #expect(key.verificationBase == (try Self.number(vectors.v)))
        #expect(key.verificationKeys == (try vectors.verificationKeys.map(Self.number)))
        #expect(key.id.bytes == (try bytes(vectors.keyID)))
        for (share, expected) in zip(dealing.shares, try vectors.shares.map(Self.number)) {
            let value = try share.encoded().withUnsafeBytes { Array($0[40...]) }
            #expect(Integer(bigEndian: value) == expected)
        }
    }

    @Test("The sealed payload, each party's row and what they open", arguments: Arithmetic.supported)
    func opening(arithmetic: Arithmetic) throws {
        let scheme = PaillierScheme(key: dealing.key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
        let exponents = try bytes(vectors.exponents)
        let payload = try scheme.seal(vectors.values, units: 0..<scheme.shape.units, exponents: exponents)
        #expect(payload == (try bytes(vectors.payload)))
        let verifier = OpeningVerifier(key: dealing.key, layout: layout, slots: slots, arithmetic: arithmetic)
        var openings: [VerifiedOpening<[UInt8]>] = []
        for share in dealing.shares {
            let opener = try PartialOpener(
                share: share, key: dealing.key, layout: layout, slots: slots, arithmetic: arithmetic)
            let row = try opener.row(
                of: payload, units: 0..<scheme.shape.units, sealing: scheme.sealing, threads: 1)
            #expect(row == (try bytes(vectors.rows[share.party - 1])))
            openings.append(
                try verifier.verify(
                    row, proof: try bytes(vectors.rowProofs[share.party - 1]), party: share.party, sum: payload,
                    context: try bytes(vectors.context), threads: 1))
        }
        let opened = try ThresholdOpener(key: dealing.key, layout: layout, slots: slots, arithmetic: arithmetic)
            .open(openings.suffix(3), contributions: 1, threads: 1)
        #expect(opened == vectors.values.map(UInt64.init))
    }

    @Test("The proof of plaintext knowledge holds", arguments: Arithmetic.supported)
    func plaintextProof(arithmetic: Arithmetic) throws {
        let proof = PlaintextProof(
            key: dealing.key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
        try proof.verify(
            try bytes(vectors.plaintextProof), payload: try bytes(vectors.payload),
            context: try bytes(vectors.context), threads: 1)
    }
}
