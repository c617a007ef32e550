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

        init(
            _ key: PaillierPublicKey, count: Int, arithmetic: Arithmetic, threads: Int = 1, pooled: Int = 0
        ) throws {
            let layout = try layout(count: count)
            let slots = try SlotLayout(bits: 8, cohort: 3)
            let pool = BlindingPool(key: key, capacity: pooled, arithmetic: arithmetic)
            try pool.fill(threads: 1) { true }
            let plain = PaillierScheme(key: key, layout: layout, slots: slots, arithmetic: arithmetic, pool: pool)
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

    @Test(
        "A contribution blinded from a pool, all of it or in part, is proved as well", arguments: Arithmetic.supported)
    func pool(arithmetic: Arithmetic) throws {
        for pooled in [8, 48, 200] {
            let contribution = try Contribution(
                try keys()[0], count: 5000, arithmetic: arithmetic, threads: 2, pooled: pooled)
            try contribution.verify(try contribution.prove(context), context)
        }
    }

    @Test("A proof for another payload, context or key, or altered anywhere, is refused")
    func refusals() throws {
        let key = try ThresholdKeys.twoOfThree.get().key.paillier
        let own = try Contribution(key, count: 500, arithmetic: .fastest)
        let proof = try own.prove(context)
        try own.verify(proof, context)
        #expect(throws: ThresholdError.wrongPlaintextProof) { try own.verify(proof, context + [0]) }
        #expect(throws: ThresholdError.wrongPlaintextProof) { try own.verify(proof, []) }
        let other = try Contribution(key, count: 500, arithmetic: .fastest)
        #expect(throws: ThresholdError.wrongPlaintextProof) { try own.verify(proof, context, payload: other.payload) }
        let width = own.scheme.shape.bytesPerUnit
        let turned = Array(own.payload[width...] + own.payload[..<width])
        #expect(throws: ThresholdError.wrongPlaintextProof) { try own.verify(proof, context, payload: turned) }
        // Challenge, first answer, second answer: bytes that leave each within its bounds.
        for index in [0, 31, 95, 96 + 20, proof.count - 1] {
            var spoiled = proof
            spoiled[index] ^= 1
            #expect(throws: ThresholdError.wrongPlaintextProof) { try own.verify(spoiled, context) }
        }
        for spoiled in [[], Array(proof.dropLast()), proof + [0]] {
            #expect(
                throws: ThresholdError.malformedPlaintextProof(expected: proof.count, found: spoiled.count)
            ) { try own.verify(spoiled, context) }
        }
        for index in [32, 96] {
            var spoiled = proof
            spoiled.replaceSubrange(index..<index + 8, with: [UInt8](repeating: 0xff, count: 8))
            #expect(throws: ThresholdError.malformedPlaintextProof(expected: proof.count, found: proof.count)) {
                try own.verify(spoiled, context)
            }
        }
        #expect(throws: EncryptionError.wrongPayloadLength(expected: own.payload.count, found: width)) {
            try own.verify(proof, context, payload: Array(own.payload[..<width]))
        }
        var zero = own.payload
        zero.replaceSubrange(..<width, with: [UInt8](repeating: 0, count: width))
        #expect(throws: EncryptionError.ciphertextIsZero(index: 0)) { try own.verify(proof, context, payload: zero) }
    }

    @Test("What is made from another cloud's ciphertexts cannot be proved: copies, inverses, shifted ones")
    func stolenCiphertexts() throws {
        let key = try ThresholdKeys.twoOfThree.get().key.paillier
        let victim = try Contribution(key, count: 500, arithmetic: .fastest)
        let published = try victim.prove(context)
        try victim.verify(published, context)
        let width = victim.scheme.shape.bytesPerUnit
        let theirs = Array("run 1, round 7, south".utf8)
        func derived(_ change: (Integer) -> Integer) throws -> [UInt8] {
            try stride(from: 0, to: victim.payload.count, by: width).flatMap { start in
                let unit = Integer(bigEndian: Array(victim.payload[start..<start + width]))
                return try #require(change(unit).bigEndianBytes(count: width))
            }
        }
        let square = key.nSquared
        for payload in [
            victim.payload, try derived { $0.inverse(modulo: square.value) ?? 1 },
            try derived { square.multiply($0, key.hs) }, try derived { square.multiply($0, key.n.value + 1) },
        ] {
            // The thief's best: the victim's proof, and a proof made with a witness of its own.
            let thief = try Contribution(key, count: 500, arithmetic: .fastest)
            let attempt = try thief.proof.prove(thief.witness, payload: Digest(ofContent: payload), context: theirs)
            for proof in [published, attempt] {
                #expect(throws: ThresholdError.wrongPlaintextProof) {
                    try thief.verify(proof, theirs, payload: payload)
                }
            }
        }
    }

    @Test("Another cloud's ciphertexts hidden in one's own cannot be proved, though all together hold what is known")
    func hiddenCiphertexts() throws {
        let key = try ThresholdKeys.twoOfThree.get().key.paillier
        let (thief, victim) = (
            try Contribution(key, count: 500, arithmetic: .fastest),
            try Contribution(key, count: 500, arithmetic: .fastest)
        )
        let (square, width) = (key.nSquared, thief.scheme.shape.bytesPerUnit)
        func unit(_ index: Int, of payload: [UInt8]) -> Integer {
            Integer(bigEndian: Array(payload[index * width..<(index + 1) * width]))
        }
        let stolen = unit(0, of: victim.payload)
        let inverse = try #require(square.inverse(of: stolen))
        var payload = thief.payload
        for (index, factor) in [(0, stolen), (1, inverse)] {
            let made = square.multiply(unit(index, of: thief.payload), factor)
            payload.replaceSubrange(
                index * width..<(index + 1) * width, with: try #require(made.bigEndianBytes(count: width)))
        }
        let own = try thief.prove(context)
        try thief.verify(own, context)
        let attempt = try thief.proof.prove(thief.witness, payload: Digest(ofContent: payload), context: context)
        #expect(throws: ThresholdError.wrongPlaintextProof) { try thief.verify(attempt, context, payload: payload) }
    }

    @Test("A proof is made once every unit is sealed, not before")
    func incomplete() throws {
        let layout = try layout(count: 500)
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let key = try TestKeys.first.get().publicKey
        let plain = PaillierScheme(key: key, layout: layout, slots: slots)
        let witness = PlaintextWitness(for: plain)
        let scheme = plain.recording(witness)
        let proof = PlaintextProof(key: key, layout: layout, slots: slots)
        let values = [UInt32](repeating: 3, count: 500)
        let units = scheme.shape.units
        let first = try scheme.seal(values, units: 0..<2, threads: 1)
        #expect(throws: ThresholdError.incompleteWitness(sealed: 2, units: units)) {
            try proof.prove(witness, payload: Digest(ofContent: first), context: context)
        }
        let payload = first + (try scheme.seal(values, units: 2..<units, threads: 1))
        let made = try proof.prove(witness, payload: Digest(ofContent: payload), context: context)
        try proof.verify(made, payload: payload, context: context, threads: 1)
    }
}
