package import BigInteger
package import Federation
package import Sodium

/// A sender's proof that it knows what each ciphertext c_j = (1 + n)^(m_j) hs^(rho_j) of its contribution holds.
/// Without it, a cloud in league with the aggregate could contribute what it made from another cloud's ciphertexts,
/// such as their inverses, and have the federation open that cloud's update.
///
/// Weights r_j of 128 bits are hashed from the contribution; the proof shows knowledge of M and R with prod c_j^(r_j) =
/// (1 + n)^M hs^R (Schnorr, CRYPTO '89; Fiat, Shamir, CRYPTO '86). What follows from that, and what does not, the sizes
/// of the values: docs/cryptography.md, "Proof of plaintext knowledge".
package struct PlaintextProof: Sendable {
    private static let challengeBytes = 32
    /// By how many bits a nonce is longer than what it hides: the sum of exponents times a challenge.
    private static let slackBits = 128

    private let scheme: PaillierScheme

    package init(
        key: PaillierPublicKey, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest
    ) {
        scheme = PaillierScheme(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    private var key: PaillierPublicKey { scheme.key }
    private var nonceBits: Int {
        let sumBits = key.exponentBits + 8 * BatchWeights.byteCount + Integer(scheme.shape.units).bitWidth
        return sumBits + 8 * PlaintextProof.challengeBytes + PlaintextProof.slackBits
    }
    private var responseBytes: Int { (nonceBits + 1 + 7) / 8 }
    /// Of a proof: challenge, answer for the plaintexts, answer for the exponents.
    package var byteCount: Int { PlaintextProof.challengeBytes + key.n.byteCount + responseBytes }

    /// Proves what `witness` recorded while the whole payload was sealed.
    ///
    /// - Parameters:
    ///   - payload: the digest of the sealed payload (`Digest(ofContent:)`).
    ///   - context: says whose contribution to which round of which run it is; the verifier's must be the same.
    package func prove(_ witness: PlaintextWitness, payload: Digest, context: [UInt8]) throws -> [UInt8] {
        precondition(witness.shape == scheme.shape, "a witness of another layout")
        let seed = seed(payload: payload, context: context)
        let sums = try witness.sums(weights: BatchWeights.make(count: scheme.shape.units, seed: seed))
        let n = key.n
        let plaintextNonce = try Integer.random(below: n.value, from: SystemRandom.bytes)
        let exponentNonce = try Integer.random(bits: nonceBits, from: SystemRandom.bytes) + 1
        let blinding = key.nSquared.secretPower(key.hs, exponentNonce)
        let commitment = key.nSquared.multiply(plaintextNonce * n.value + 1, blinding)
        let challenge = challenge(seed, commitment)
        let factor = Integer(bigEndian: challenge.bytes)
        guard let first = (plaintextNonce + factor * sums.plaintext).modulo(n.value).bigEndianBytes(count: n.byteCount),
            let second = (exponentNonce + factor * sums.exponent).bigEndianBytes(count: responseBytes)
        else { preconditionFailure("an answer is at most a bit longer than its nonce") }
        return challenge.bytes + first + second
    }

    /// Throws what is wrong with a whole payload or the proof that came with it.
    package func verify(
        _ proof: [UInt8], payload: some ContiguousCollection, context: [UInt8], threads: Int
    ) throws {
        guard proof.count == byteCount, let claimed = Digest(bytes: proof.prefix(PlaintextProof.challengeBytes)) else {
            throw ThresholdError.malformedPlaintextProof(expected: byteCount, found: proof.count)
        }
        let middle = PlaintextProof.challengeBytes + key.n.byteCount
        let plaintext = Integer(bigEndian: Array(proof[PlaintextProof.challengeBytes..<middle]))
        let exponent = Integer(bigEndian: Array(proof[middle...]))
        guard plaintext < key.n.value, exponent.bitWidth <= nonceBits + 1 else {
            throw ThresholdError.malformedPlaintextProof(expected: byteCount, found: proof.count)
        }
        try payload.withContiguousBytes { bytes in
            try PaillierValidation(scheme).check(bytes, units: 0..<scheme.shape.units, threads: threads)
            let seed = seed(payload: Digest(ofContent: bytes), context: context)
            let weights = BatchWeights.make(count: scheme.shape.units, seed: seed)
            let product = WeightedPayload(scheme).product(of: bytes, weights: weights, threads: threads)
            let square = key.nSquared
            guard let inverse = square.inverse(of: square.power(product, Integer(bigEndian: claimed.bytes))) else {
                preconditionFailure("a product of checked ciphertexts is prime to n")
            }
            let blinding = square.multiply(square.power(key.hs, exponent), inverse)
            let commitment = square.multiply(plaintext * key.n.value + 1, blinding)
            guard challenge(seed, commitment) == claimed else { throw ThresholdError.wrongPlaintextProof }
        }
    }

    private func seed(payload: Digest, context: [UInt8]) -> Digest {
        var transcript = Transcript("tributary plaintext proof 1")
        transcript.append(key.id.bytes)
        transcript.append(context)
        transcript.append(scheme.sealing.layout.bytes)
        transcript.append([UInt8(scheme.sealing.slots.bits)])
        transcript.append(payload.bytes)
        return transcript.digest()
    }

    private func challenge(_ seed: Digest, _ commitment: Integer) -> Digest {
        var transcript = Transcript("tributary plaintext challenge 1")
        transcript.append(seed.bytes)
        transcript.append(commitment, of: key.nSquared)
        return transcript.digest()
    }
}
