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
    /// 2 lambda_i without the common factor, for each party in turn.
    private let exponents: [Integer]
    /// The inverse mod n of 4 Delta^2 by the common factor.
    private let scale: Integer

    /// - Parameter parties: different ones of the key, at least as many as its threshold.
    init(parties: [Int], key: ThresholdPublicKey) {
        self.key = key
        nSquared = key.paillier.nSquared
        let n = key.paillier.n
        let coefficients = LagrangeCombination.coefficients(parties: parties, delta: key.delta)
        let common = coefficients.reduce(Integer(0)) { $0.greatestCommonDivisor($1) }
        exponents = coefficients.map { $0 / common * 2 }
        let factor = n.multiply(key.delta * key.delta * 4, n.inverse(of: common) ?? 1)
        guard let inverse = n.inverse(of: factor) else {
            preconditionFailure("products of numbers up to \(ThresholdPublicKey.maximumParties) are prime to n")
        }
        scale = inverse
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
        var above: [Integer] = []
        var below: [Integer] = []
        for unit in units {
            let bases = exponents.indices.map { Integer(bigEndian: opening($0, unit)) }
            above.append(product(of: bases) { $0.signum > 0 })
            below.append(product(of: bases) { $0.signum < 0 })
        }
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

    /// The product of the powers by the magnitudes of those exponents that are of the wanted sign: by squaring once for
    /// all of them (Straus, American Mathematical Monthly 71, 1964).
    private func product(of bases: [Integer], _ isWanted: (Integer) -> Bool) -> Integer {
        let wanted = exponents.indices.filter { isWanted(exponents[$0]) }
        let magnitudes = wanted.map { exponents[$0].signum < 0 ? -exponents[$0] : exponents[$0] }
        var result: Integer = 1
        for bit in (0..<(magnitudes.map(\.bitWidth).max() ?? 0)).reversed() {
            if result != 1 { result = nSquared.multiply(result, result) }
            for (place, magnitude) in zip(wanted, magnitudes) where magnitude.bit(bit) {
                result = nSquared.multiply(result, bases[place])
            }
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
