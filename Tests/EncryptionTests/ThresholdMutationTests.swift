import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

/// Inputs from a peer or a file with a few bytes changed, cut out or put in: each is refused with an error, none is
/// believed and none ends the process.
@Suite("Mutated threshold inputs")
struct ThresholdMutationTests {
    private func mutated(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let place = Int.random(in: 0..<max(bytes.count, 1), using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0 where !bytes.isEmpty: bytes[place] = .random(in: 0...255, using: &generator)
            case 1 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2 where !bytes.isEmpty: bytes.removeSubrange(place..<min(place + 3, bytes.count))
            case 3: bytes.insert(.random(in: 0...255, using: &generator), at: min(place, bytes.count))
            default: bytes.removeLast(min(bytes.count, Int.random(in: 0..<40, using: &generator)))
            }
        }
        return bytes
    }

    /// Runs `read` over mutations of `sound`; it throws for whatever differs from that.
    private func check(_ sound: [UInt8], times: Int, _ read: ([UInt8]) throws -> Void) throws {
        try read(sound)
        var generator = SeededGenerator(seed: UInt64(sound.count))
        for _ in 0..<times {
            let spoiled = mutated(sound, using: &generator)
            if spoiled != sound { #expect(throws: (any Error).self) { try read(spoiled) } }
        }
    }

    @Test("Public keys, encoded and sealed shares")
    func keys() throws {
        let (key, shares) = try ThresholdKeys.twoOfThree.get()
        try check(Array(key.text.utf8), times: 3000) { bytes in
            let read = try ThresholdPublicKey(text: String(decoding: bytes, as: UTF8.self), allowing: .testing)
            // A changed number may still be a square; then it is another key.
            if read.id != key.id { throw ThresholdError.invalidKey("another key") }
        }
        let encoded = try shares[0].encoded().withUnsafeBytes { Array($0) }
        try check(encoded, times: 3000) { bytes in
            var bytes = bytes
            _ = try KeyShare(decoding: try SecretBytes(wiping: &bytes), key: key)
        }
        let pair = try BoxKeyPair()
        try check(try shares[0].sealed(to: pair.publicKey), times: 1000) {
            _ = try KeyShare(opening: $0, with: pair, key: key)
        }
    }

    @Test("Rows and proofs of openings")
    func openings() throws {
        let round = try ThresholdRound(try ThresholdKeys.twoOfThree.get(), count: 100)
        let row = try round.row(1)
        let proof = try round.opener(1).proof(of: row, sum: round.sum, context: round.context, threads: 1)
        let verifier = round.verifier
        try check(row, times: 300) {
            _ = try verifier.verify($0, proof: proof, party: 1, sum: round.sum, context: round.context, threads: 1)
        }
        try check(proof, times: 300) {
            _ = try verifier.verify(row, proof: $0, party: 1, sum: round.sum, context: round.context, threads: 1)
        }
    }

    @Test("Contributions and proofs of plaintext knowledge")
    func contributions() throws {
        let key = try ThresholdKeys.twoOfThree.get().key.paillier
        let (layout, slots) = (try layout(count: 100), try SlotLayout(bits: 8, cohort: 3))
        let plain = PaillierScheme(key: key, layout: layout, slots: slots)
        let witness = PlaintextWitness(for: plain)
        let payload = try plain.recording(witness).seal([UInt32](repeating: 9, count: 100), threads: 1)
        let proof = PlaintextProof(key: key, layout: layout, slots: slots)
        let made = try proof.prove(witness, payload: Digest(ofContent: payload), context: [1])
        try check(payload, times: 300) { try proof.verify(made, payload: $0, context: [1], threads: 1) }
        try check(made, times: 300) { try proof.verify($0, payload: payload, context: [1], threads: 1) }
    }
}
