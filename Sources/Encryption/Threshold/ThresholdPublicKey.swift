package import BigInteger
internal import Sodium

/// A Paillier public key whose private half is shared among parties, `threshold` of whom open a sum together (Fouque,
/// Poupard, Stern, "Sharing decryption in the context of voting or lotteries", Financial Cryptography 2000; Damgard,
/// Jurik, PKC 2001).
///
/// n is a product of two safe primes, so that the squares mod n^2 form a cyclic group of order n p' q' without small
/// subgroups. Party i holds s_i = f(i) for a polynomial f of degree threshold - 1 over the residues of n p' q', with
/// f(0) = d, where d = 0 mod p' q' and d = 1 mod n. As the latter is no secret, neither is f mod n, which is 1
/// everywhere: it makes s_i = 1 + n b_i. With a threshold of 1 every s_i is d: one key in as many hands. What it proves its work against is v_i = v^(Delta s_i), v a generator of the
/// squares.
package final class ThresholdPublicKey: Sendable {
    /// Delta and with it the exponents grow with the number of parties: at 64 by 296 bits.
    package static let maximumParties = 64

    /// What clouds seal with. Its id stands for all of the threshold key.
    package let paillier: PaillierPublicKey
    package let parties: Int
    /// How many parties it takes to open a sum.
    package let threshold: Int
    /// v.
    package let verificationBase: Integer
    /// v_i, of party 1 first.
    package let verificationKeys: [Integer]
    /// Delta = parties!, which clears the denominators of Lagrange's coefficients.
    let delta: Integer

    /// The first 16 bytes of BLAKE2b over all of the key.
    package var id: PaillierKeyID { paillier.id }
    package var bits: Int { paillier.bits }

    /// Checks everything that can be checked without the primes. That n is a product of safe primes and the
    /// verification values belong to the shares, the dealer has to be trusted for.
    package init(
        n: Integer, hs: Integer, profile: PaillierProfile, threshold: Int, verificationBase: Integer,
        verificationKeys: [Integer], allowing sizes: PaillierKeySizes = .secure
    ) throws {
        let parties = verificationKeys.count
        try ThresholdPublicKey.check(parties: parties, threshold: threshold)
        let square = n * n
        func check(_ value: Integer, _ name: String) throws(ThresholdError) {
            guard value > 1, value < square - 1 else {
                throw .invalidKey("\(name) does not lie between 1 and n^2 - 1")
            }
            // Squares have the symbol 1, and a value that shares a factor with n has 0.
            guard n.isOdd, value.jacobiSymbol(over: n) == 1 else {
                throw .invalidKey("\(name) is not a square mod n^2")
            }
        }
        var bound = Array("threshold \(profile)".utf8) + [UInt8(parties), UInt8(threshold)]
        let names = ["v"] + (1...parties).map { "v\($0)" }
        for (value, name) in zip([verificationBase] + verificationKeys, names) {
            try check(value, name)
            bound += value.bigEndianBytes(count: (n.bitWidth + 3) / 4) ?? []
        }
        // With a threshold of 1 every party holds d itself.
        guard Set(verificationKeys).count == (threshold == 1 ? 1 : parties) else {
            throw ThresholdError.invalidKey(
                threshold == 1
                    ? "each party alone opens with it, but their verification values differ"
                    : "two parties have the same verification value")
        }
        guard let kind = PaillierKeyKind(structure: .safePrimes, profile: profile) else {
            throw ThresholdError.invalidKey("profile \(profile) does not go with safe primes")
        }
        paillier = try PaillierPublicKey(n: n, hs: hs, kind: kind, allowing: sizes, bound: bound)
        self.parties = parties
        self.threshold = threshold
        self.verificationBase = verificationBase
        self.verificationKeys = verificationKeys
        delta = ThresholdPublicKey.delta(parties: parties)
    }

    static func check(parties: Int, threshold: Int) throws(ThresholdError) {
        guard (2...maximumParties).contains(parties), (1...parties).contains(threshold) else {
            throw .invalidParties(parties: parties, threshold: threshold)
        }
    }

    static func delta(parties: Int) -> Integer { (1...parties).reduce(1) { $0 * Integer($1) } }

    func check(party: Int) throws(ThresholdError) {
        guard (1...parties).contains(party) else { throw .unknownParty(party, parties: parties) }
    }

    func verificationKey(of party: Int) -> Integer { verificationKeys[party - 1] }

    /// Bits that hold 2 Delta s_i for every share.
    var exponentBits: Int { 2 * bits + delta.bitWidth }
}

extension ThresholdPublicKey: Equatable {
    package static func == (left: ThresholdPublicKey, right: ThresholdPublicKey) -> Bool {
        left.paillier == right.paillier && left.threshold == right.threshold
            && left.verificationBase == right.verificationBase && left.verificationKeys == right.verificationKeys
    }
}
