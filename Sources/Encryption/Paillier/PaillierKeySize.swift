/// The length of a modulus n. Estimates of strength: NIST SP 800-57 part 1, table 2.
package enum PaillierKeySize: Hashable, Sendable {
    /// About 112 bits of security.
    case bits2048
    /// About 128 bits of security: the default.
    case bits3072
    case bits4096
    /// No security at all, for tests that must be quick: 512, 640 ... 1920 bits. Keys of such a size are refused wherever
    /// `PaillierKeySizes.testing` is not asked for by name.
    case insecure(bits: Int)

    /// The sizes that it is one of; throws for one that no key may have.
    func allowed() throws(EncryptionError) -> PaillierKeySizes {
        let sizes: PaillierKeySizes =
            switch self {
            case .insecure: .testing
            case .bits2048, .bits3072, .bits4096: .secure
            }
        guard sizes.allow(bits: bits) else {
            throw .invalidKey(what: "Paillier key size", "\(bits) bits asked for, expected \(sizes.expectation)")
        }
        return sizes
    }

    package var bits: Int {
        switch self {
        case .bits2048: 2048
        case .bits3072: 3072
        case .bits4096: 4096
        case .insecure(let bits): bits
        }
    }
}

/// Which lengths a key may have where it is made or read.
package enum PaillierKeySizes: Hashable, Sendable {
    /// 2048, 3072 and 4096 bits.
    case secure
    /// Those, and short ones for tests.
    case testing

    package func allow(bits: Int) -> Bool {
        switch self {
        case .secure: [2048, 3072, 4096].contains(bits)
        // Multiples of 128, so that n fills its limbs and p and q theirs.
        case .testing: [2048, 3072, 4096].contains(bits) || (512..<2048).contains(bits) && bits % 128 == 0
        }
    }

    var expectation: String {
        switch self {
        case .secure: "2048, 3072 or 4096 bits"
        case .testing: "2048, 3072 or 4096 bits, or for tests a multiple of 128 from 512"
        }
    }
}
