import BigInteger
import Encryption
import Federation
import Sodium
import Testing

@Suite("Proof of plaintext knowledge")
struct PlaintextProofTests {
    private let context = Array("run 1, round 7, north".utf8)

    /// A payload with its witness.
    private struct Contribution {
        let scheme: PaillierScheme
        let proof: PlaintextProof
        let witness: PlaintextWitness
        let payload: [UInt8]

        init(_ key: PaillierPublicKey, count: Int, arithmetic: Arithmetic, threads: Int = 1) throws {
            let layout = try layout(count: count)
            let slots = try SlotLayout(bits: 8, cohort: 3)
            let plain = PaillierScheme(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
            witness = PlaintextWitness(for: plain)
            scheme = plain.recording(witness)
            proof = PlaintextProof(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
            payload = try scheme.seal((0..<count).map { UInt32($0 % 255 + 1) }, threads: threads)
        }

        func prove(_ context: [UInt8]) throws -> [UInt8] {
            try proof.prove(witness, payload: Digest(ofContent: payload), context: context)
        }

        func verify(_ bytes: [UInt8], _ context: [UInt8], payload: [UInt8]? = nil, threads: Int = 1) throws {
            try proof.verify(bytes, payload: payload ?? self.payload, context: context, threads: threads)
        }
    }

    private func keys() throws -> [PaillierPublicKey] {
        [try ThresholdKeys.twoOfThree.get().key.paillier, try TestKeys.first.get().publicKey]
    }

    @Test("A sealer proves what it sealed, under a shared key and a single one", arguments: Arithmetic.supported)
    func proves(arithmetic: Arithmetic) throws {
        for key in try keys() {
            for (count, threads) in [(1, 1), (52, 1), (5000, 2), (30_000, 2)] {
                let contribution = try Contribution(key, count: count, arithmetic: arithmetic, threads: threads)
                let proof = try contribution.prove(context)
                #expect(proof.count == contribution.proof.byteCount)
                try contribution.verify(proof, context, threads: threads)
            }
        }
    }
}
