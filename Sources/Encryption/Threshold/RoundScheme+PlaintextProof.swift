package import Federation
package import Sodium

// The proof that goes with a contribution where clouds open sums together.
extension RoundScheme {
    /// What a proof is bound to: the opening that a contribution answers, and whose it is.
    package static func context(_ opening: Digest, _ cloud: CloudName) -> [UInt8] {
        opening.bytes + Array(cloud.description.utf8)
    }

    /// Nil under a suite that has no such proof.
    private var proof: PlaintextProof? {
        (scheme as? PaillierScheme).map { PlaintextProof(key: $0.key, layout: layout, slots: slots) }
    }

    /// Proves what `witness` recorded of a sealed payload, whose encrypted part has the digest `payload`; empty under a suite that has no such proof.
    package func prove(_ witness: PlaintextWitness, payload: Digest, context: [UInt8]) throws -> [UInt8] {
        try proof?.prove(witness, payload: payload, context: context) ?? []
    }

    /// Throws what is wrong with a payload or its proof.
    package func verify(
        _ bytes: [UInt8], payload: some ContiguousCollection, context: [UInt8], threads: Int
    ) throws {
        guard let proof else { return }
        try payload.withContiguousBytes { payload in
            if split != nil { try check(byteCount: payload.count) }
            try proof.verify(bytes, payload: encryptedPart(of: payload), context: context, threads: threads)
        }
    }
}
