internal import BigInteger
internal import Sodium

/// What a row of partial openings is an answer to.
struct OpeningStatement: Hashable, Sendable {
    let sealing: Sealing
    /// Of the sum's bytes.
    let sum: Digest
    /// Run, round and cohort, as the caller writes them down.
    let context: [UInt8]
}

/// One proof for a whole row: that every d_j in it is c_j^(2 Delta s_i), up to a sign that no opening depends on.
///
/// Weights r_j of 128 bits are hashed from the statement and the row; with C = prod c_j^(4 r_j) and D = prod d_j^(2
/// r_j), the proof shows that D is C to the power that v_i is of v (Chaum, Pedersen, CRYPTO '92, over a group of
/// unknown order as in Shoup, EUROCRYPT 2000; Fiat, Shamir, CRYPTO '86). Why that is enough: docs/cryptography.md,
/// "Proof of a row".
struct OpeningProof {
    private static let challengeBytes = 32
    /// By how many bits the nonce is longer than what it hides: Delta s_i times a challenge.
    private static let slackBits = 128

    let key: ThresholdPublicKey
    let scheme: PaillierScheme

    private var modulus: Modulus { key.paillier.nSquared }
    private var nonceBits: Int { key.exponentBits + 8 * OpeningProof.challengeBytes + OpeningProof.slackBits }
    private var responseBytes: Int { (nonceBits + 1 + 7) / 8 }
    /// Of a proof: challenge, then response.
    var byteCount: Int { OpeningProof.challengeBytes + responseBytes }

    func prove(
        _ statement: OpeningStatement, share: KeyShare, sum: UnsafeRawBufferPointer, row: UnsafeRawBufferPointer,
        threads: Int
    ) throws -> [UInt8] {
        let seed = seed(statement, party: share.party, row: row)
        let weights = BatchWeights.make(count: scheme.shape.units, seed: seed)
        let base = modulus.power(WeightedPayload(scheme).product(of: sum, weights: weights, threads: threads), 4)
        let nonce = try Integer.random(bits: nonceBits, from: SystemRandom.bytes) + 1
        let commitments = try powers(of: [key.verificationBase, base], nonce, isSecret: true)
        let challenge = challenge(seed, commitments)
        // The exponent of a row is 2 Delta s_i; that of v_i, half of it.
        let response = share.withExponent(key) { nonce + Integer(bigEndian: challenge.bytes) * ($0 >> 1) }
        guard let bytes = response.bigEndianBytes(count: responseBytes) else {
            preconditionFailure("a response is at most a bit longer than the nonce")
        }
        return challenge.bytes + bytes
    }

    /// Throws what is wrong with a proof about a checked row.
    func verify(
        _ proof: [UInt8], of statement: OpeningStatement, party: Int, sum: UnsafeRawBufferPointer,
        row: UnsafeRawBufferPointer, threads: Int
    ) throws {
        guard proof.count == byteCount, let claimed = Digest(bytes: proof.prefix(OpeningProof.challengeBytes)) else {
            throw ThresholdError.malformedProof(party: party)
        }
        let response = Integer(bigEndian: Array(proof.dropFirst(OpeningProof.challengeBytes)))
        guard response.signum > 0, response.bitWidth <= nonceBits + 1 else {
            throw ThresholdError.malformedProof(party: party)
        }
        let seed = seed(statement, party: party, row: row)
        let weights = BatchWeights.make(count: scheme.shape.units, seed: seed)
        let product = WeightedPayload(scheme)
        let base = modulus.power(product.product(of: sum, weights: weights, threads: threads), 4)
        let power = modulus.power(product.product(of: row, weights: weights, threads: threads), 2)
        let exponent = Integer(bigEndian: claimed.bytes)
        let bases = try powers(of: [key.verificationBase, base], response, isSecret: false)
        let commitments = zip(bases, [key.verificationKey(of: party), power]).map { base, power in
            // base^response * power^-challenge.
            guard let inverse = modulus.inverse(of: modulus.power(power, exponent)) else {
                preconditionFailure("verification keys and checked units are prime to n")
            }
            return modulus.multiply(base, inverse)
        }
        guard challenge(seed, commitments) == claimed else { throw ThresholdError.wrongOpening(party: party) }
    }

    /// Side by side where there are lanes: they cost as much as one.
    private func powers(of bases: [Integer], _ exponent: Integer, isSecret: Bool) throws -> [Integer] {
        if scheme.arithmetic == .portable, !isSecret { return bases.map { modulus.power($0, exponent) } }
        return CommonPower(key.paillier, scheme.arithmetic)
            .powers(of: bases, try SecretExponent(exponent, bits: nonceBits + 1))
    }

    private func seed(_ statement: OpeningStatement, party: Int, row: UnsafeRawBufferPointer) -> Digest {
        var transcript = Transcript("tributary opening proof 1")
        transcript.append(key.id.bytes)
        transcript.append(statement.context)
        transcript.append(statement.sealing.layout.bytes)
        transcript.append([UInt8(statement.sealing.slots.bits)])
        transcript.append([UInt8(party)])
        transcript.append(statement.sum.bytes)
        transcript.append(Digest(ofContent: row).bytes)
        return transcript.digest()
    }

    private func challenge(_ seed: Digest, _ commitments: [Integer]) -> Digest {
        var transcript = Transcript("tributary opening challenge 1")
        transcript.append(seed.bytes)
        for commitment in commitments { transcript.append(commitment, of: modulus) }
        return transcript.digest()
    }
}
