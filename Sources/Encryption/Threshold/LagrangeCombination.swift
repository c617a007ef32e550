internal import BigInteger

/// How the partial openings of given parties make plaintexts.
///
/// With lambda_i = Delta prod j / (j - i) over the other parties j, whole numbers, sum lambda_i s_i = Delta d (mod n p'
/// q'). So the product of d_i^(2 lambda_i), where d_i = c^(2 Delta s_i), is c^(4 Delta^2 d) = (1 + n)^(4 Delta^2 m) = 1
/// + 4 Delta^2 m n (mod n^2): blinding, whose order divides 2 p' q', is gone. What all lambda_i have in common is left
/// out and made good at the end; for a few parties they are then small.
struct LagrangeCombination {
    private let key: ThresholdPublicKey
    private let nSquared: Modulus
    /// 2 lambda_i without the common factor, for each party in turn: those above 0, and the others without their sign.
    private let above: [(row: Int, exponent: Integer)]
    private let below: [(row: Int, exponent: Integer)]
    /// The inverse mod n of 4 Delta^2 by the common factor.
    private let scale: Integer
    /// Nil with GMP's arithmetic.
    private let lanes: (square: LanePrimeSquare, values: LaneModulus)?

    /// - Parameter parties: different ones of the key, at least as many as its threshold.
    init(parties: [Int], key: ThresholdPublicKey, arithmetic: Arithmetic) {
        self.key = key
        nSquared = key.paillier.nSquared
        let n = key.paillier.n
        let coefficients = LagrangeCombination.coefficients(parties: parties, delta: key.delta)
        let common = coefficients.reduce(Integer(0)) { $0.greatestCommonDivisor($1) }
        let exponents = coefficients.enumerated().map { (row: $0, exponent: $1 / common * 2) }
        above = exponents.filter { $0.exponent.signum > 0 }
        below = exponents.filter { $0.exponent.signum < 0 }.map { ($0.row, -$0.exponent) }
        let factor = n.multiply(key.delta * key.delta * 4, n.inverse(of: common) ?? 1)
        guard let inverse = n.inverse(of: factor) else {
            preconditionFailure("products of numbers up to \(ThresholdPublicKey.maximumParties) are prime to n")
        }
        scale = inverse
        switch arithmetic {
        case .portable: lanes = nil
        case .lanes:
            let values = key.paillier.lanesOrTrap.nSquared
            lanes = LanePrimeSquare(prime: n.value, values: values).map { ($0, values) }
        }
    }

    /// lambda_i for each of the parties.
    static func coefficients(parties: [Int], delta: Integer) -> [Integer] {
        parties.map { party in
            let others = parties.filter { $0 != party }
            let above = others.reduce(delta) { $0 * Integer($1) }
            return above / others.reduce(Integer(1)) { $0 * Integer($1 - party) }
        }
    }

    /// The plaintexts of `units`, where `opening` finds the partial opening of a party (by its place in `parties`) of a
    /// unit.
    func plaintexts(
        of units: Range<Int>, _ opening: (_ row: Int, _ unit: Int) -> UnsafeRawBufferPointer
    ) throws(ThresholdError) -> [Integer] {
        let above = products(above, of: units, opening)
        let below = products(below, of: units, opening)
        var plaintexts: [Integer] = []
        for (index, inverse) in try inverses(of: below, units: units).enumerated() {
            let power = nSquared.multiply(above[index], inverse) - 1
            let n = key.paillier.n
            guard (power % n.value).isZero else {
                throw .combinationFails(ciphertext: units.lowerBound + index)
            }
            plaintexts.append(n.multiply(power / n.value, scale))
        }
        return plaintexts
    }

    /// The products of some rows' units to the power of their exponents, by squaring once for all of them (Straus,
    /// American Mathematical Monthly 71, 1964).
    private func products(
        _ terms: [(row: Int, exponent: Integer)], of units: Range<Int>,
        _ opening: (_ row: Int, _ unit: Int) -> UnsafeRawBufferPointer
    ) -> [Integer] {
        guard let lanes else {
            return units.map { unit in
                product(terms.map { (Integer(bigEndian: opening($0.row, unit)), $0.exponent) })
            }
        }
        return units.groups.flatMap { group in
            lanes.square.powerProducts(count: group.count, exponents: terms.map(\.exponent), values: lanes.values) {
                opening(terms[$0].row, group.lowerBound + $1)
            }
        }
    }

    private func product(_ powers: [(base: Integer, exponent: Integer)]) -> Integer {
        var result: Integer = 1
        for bit in (0..<(powers.map(\.exponent.bitWidth).max() ?? 0)).reversed() {
            if result != 1 { result = nSquared.multiply(result, result) }
            for (base, exponent) in powers where exponent.bit(bit) { result = nSquared.multiply(result, base) }
        }
        return result
    }

    /// The inverses of residues, by one inversion for all of them (Montgomery, Mathematics of Computation 48, 1987,
    /// section 10.3).
    private func inverses(of residues: [Integer], units: Range<Int>) throws(ThresholdError) -> [Integer] {
        var products: [Integer] = [1]
        for residue in residues { products.append(nSquared.multiply(products[products.count - 1], residue)) }
        guard var inverse = nSquared.inverse(of: products[residues.count]) else {
            throw .combinationFails(ciphertext: units.lowerBound)
        }
        var inverses = residues
        for index in residues.indices.reversed() {
            inverses[index] = nSquared.multiply(inverse, products[index])
            inverse = nSquared.multiply(inverse, residues[index])
        }
        return inverses
    }
}
