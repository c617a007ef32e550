internal import BigInteger

/// A public key's moduli for eight ciphertexts at a time.
struct LaneKey: Sendable {
    let n: LaneModulus
    let nSquared: LaneModulus
    let square: LaneSquareModulus

    /// Nil where the machine has no such arithmetic.
    init?(n: Modulus, nSquared: Modulus) {
        guard let square = LaneSquareModulus(n), let nSquared = LaneModulus(nSquared) else { return nil }
        self.n = square.n
        self.square = square
        self.nSquared = nSquared
    }
}

extension PaillierPublicKey {
    /// The lanes of a key in use with `Arithmetic.lanes`, which is never chosen where there are none.
    var lanesOrTrap: LaneKey {
        guard let lanes else { preconditionFailure("this machine has no AVX-512 IFMA") }
        return lanes
    }
}

extension Range<Int> {
    /// The range in runs of eight, the last with what is left.
    var groups: some Sequence<Range<Int>> {
        stride(from: lowerBound, to: upperBound, by: laneCount).lazy.map { $0..<Swift.min($0 + laneCount, upperBound) }
    }
}
