package import BigInteger
package import Federation
package import Sodium

/// A party's row of partial openings whose proof was found to hold: made by `OpeningVerifier` alone.
package struct VerifiedOpening<Row: ContiguousCollection> {
    package let party: Int
    package let row: Row
    let statement: OpeningStatement
}

extension VerifiedOpening: Sendable where Row: Sendable {}

extension PartialOpener {
    /// The proof that goes with a whole row of partial openings of a whole sum, `OpeningVerifier.proofByteCount` bytes.
    ///
    /// - Parameter context: says which run, round and cohort the sum is of; the verifier's must be the same.
    package func proof(
        of row: some ContiguousCollection, sum: some ContiguousCollection, context: [UInt8], threads: Int
    ) throws -> [UInt8] {
        try sum.withContiguousBytes { sum in
            try row.withContiguousBytes { row in
                try shape.check(byteCount: sum.count)
                try shape.check(byteCount: row.count)
                let statement = OpeningStatement(sealing: sealing, sum: Digest(ofContent: sum), context: context)
                return try OpeningProof(key: key, scheme: scheme).prove(
                    statement, share: share, sum: sum, row: row, threads: threads)
            }
        }
    }
}

/// Checks rows of partial openings for whoever combines them.
package struct OpeningVerifier: Sendable {
    private let key: ThresholdPublicKey
    private let scheme: PaillierScheme

    package init(
        key: ThresholdPublicKey, layout: VectorLayout, slots: SlotLayout, arithmetic: Arithmetic = .fastest
    ) {
        self.key = key
        scheme = PaillierScheme(key: key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    package var sealing: Sealing { scheme.sealing }
    package var shape: PayloadShape { scheme.shape }
    package var proofByteCount: Int { OpeningProof(key: key, scheme: scheme).byteCount }

    /// Checks a party's row: its length, each unit of it, and its proof. The sum is one that the caller knows to be
    /// sound.
    package func verify<Row: ContiguousCollection>(
        _ row: Row, proof: [UInt8], party: Int, sum: some ContiguousCollection, context: [UInt8], threads: Int
    ) throws -> VerifiedOpening<Row> {
        try key.check(party: party)
        return try sum.withContiguousBytes { sum in
            try shape.check(byteCount: sum.count)
            let statement = OpeningStatement(sealing: sealing, sum: Digest(ofContent: sum), context: context)
            try row.withContiguousBytes { row in
                do {
                    try PaillierValidation(scheme).check(row, units: 0..<shape.units, threads: threads)
                } catch let error as EncryptionError {
                    throw ThresholdError.malformedRow(party: party, error)
                }
                try OpeningProof(key: key, scheme: scheme).verify(
                    proof, of: statement, party: party, sum: sum, row: row, threads: threads)
            }
            return VerifiedOpening(party: party, row: row, statement: statement)
        }
    }
}
