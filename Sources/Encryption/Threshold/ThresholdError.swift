/// Why a share, a partial opening or a proof was refused. Parties are named by their index, 1 to the number of parties.
package enum ThresholdError: Error, Equatable, CustomStringConvertible {
    case invalidParties(parties: Int, threshold: Int)
    case invalidKey(String)
    /// Not the encoding of a share.
    case malformedShare(String)
    /// A share whose value is not the one that the key's dealer gave to that party.
    case wrongShare(party: Int)
    /// A sealed share that this Curve25519 key does not open.
    case sealedShareNotOpened
    case unknownParty(Int, parties: Int)

    /// A row of partial openings that is not one of units of the right form.
    case malformedRow(party: Int, EncryptionError)
    /// A proof of another length, or with a part out of its bounds.
    case malformedProof(party: Int)
    /// A proof that does not hold for this row, this sum and this context under this party's share.
    case wrongOpening(party: Int)
    case duplicateOpening(party: Int)
    /// An opening that was verified under another key, or for another sum or context than the first.
    case foreignOpening(party: Int)
    case tooFewOpenings(found: Int, needed: Int)
    /// Verified rows that do not combine: the dealer's verification values are wrong.
    case combinationFails(ciphertext: Int)

    case malformedPlaintextProof(expected: Int, found: Int)
    /// A contribution whose sender did not show that it knows what is in it.
    case wrongPlaintextProof
    /// A proof was asked for before every unit was sealed.
    case incompleteWitness(sealed: Int, units: Int)

    package var description: String {
        switch self {
        case .invalidParties(let parties, let threshold):
            "expected 2 to \(ThresholdPublicKey.maximumParties) parties, and a threshold of 1 to as many; found "
                + "\(threshold) of \(parties)"
        case .invalidKey(let reason): "threshold public key: \(reason)"
        case .malformedShare(let reason): "key share: \(reason)"
        case .wrongShare(let party):
            "the key share of party \(party) does not belong to this public key: ask the dealer for it again"
        case .sealedShareNotOpened:
            "the sealed key share does not open with this cloud's key: it was sealed for another cloud, or altered"
        case .unknownParty(let party, let parties): "there is no party \(party): they are numbered 1 to \(parties)"
        case .malformedRow(let party, let error): "partial opening of party \(party): \(error)"
        case .malformedProof(let party): "the proof of party \(party) is not of the right form"
        case .wrongOpening(let party):
            "the partial opening of party \(party) was not made with its share for this sum and round: it was refused"
        case .duplicateOpening(let party): "party \(party) has two partial openings here"
        case .foreignOpening(let party):
            "the partial opening of party \(party) was verified for another sum, round or key than the others"
        case .tooFewOpenings(let found, let needed):
            "\(needed) partial openings are needed, \(found) were given: no sum is opened with fewer"
        case .combinationFails(let ciphertext):
            "the partial openings of ciphertext \(ciphertext) do not combine although each was proved: the key's dealer "
                + "gave out wrong verification values"
        case .malformedPlaintextProof(let expected, let found):
            "proof of plaintext knowledge: expected \(expected) bytes within their bounds, found \(found)"
        case .wrongPlaintextProof:
            "the sender did not prove that it knows what its contribution holds: refused, as it may be made from another "
                + "cloud's"
        case .incompleteWitness(let sealed, let units):
            "\(sealed) of \(units) units were sealed: the proof is made after the last"
        }
    }
}
