/// The public key of a federation's sums, by who holds the private half.
package enum FederationKey: Sendable {
    /// One holder opens sums alone.
    case whole(PaillierPublicKey)
    /// Some clouds open sums together.
    case shared(ThresholdPublicKey)

    /// What sealing and adding need; its id stands for all of the key.
    package var paillier: PaillierPublicKey {
        switch self {
        case .whole(let key): key
        case .shared(let key): key.paillier
        }
    }

    /// Reads a key of either kind, as a stranger's.
    package init(text: String, allowing sizes: PaillierKeySizes = .secure) throws {
        self =
            ThresholdPublicKey.isTitled(text)
            ? .shared(try ThresholdPublicKey(text: text, allowing: sizes))
            : .whole(try PaillierPublicKey(text: text, allowing: sizes))
    }

    /// The key as one that clouds share, whichever they are; throws unless it is.
    package func shared() throws(ThresholdError) -> ThresholdPublicKey {
        guard case .shared(let key) = self else {
            throw .invalidKey(
                "it has one holder, and the topology wants it shared: run `tributary deal` in a new state")
        }
        return key
    }

    /// The same; throws unless it is shared as the topology says.
    package func shared(parties: Int, threshold: Int) throws(ThresholdError) -> ThresholdPublicKey {
        let key = try shared()
        guard key.parties == parties, key.threshold == threshold else {
            throw .invalidKey(
                "\(key.threshold) of \(key.parties) clouds open with it, the topology says \(threshold) of \(parties): deal a new one"
            )
        }
        return key
    }
}
