package import Federation
package import Sodium

/// Why values, keys or ciphertexts were refused. Positions are named, values never.
package enum EncryptionError: Error, Equatable, CustomStringConvertible {
    /// NaN or an infinity in a segment: training diverged, or a statistic was not guarded.
    case notFinite(segment: String)
    case wrongValueCount(expected: Int, found: Int)
    /// A quantised value outside 1...2^bits - 1.
    case valueOutOfRange(index: Int, bits: Int)
    case invalidSlots(String)
    /// An opening that divides its values in a way that cannot be.
    case invalidSplit(String)
    /// Bits after the last value in clear.
    case clearPartOverflows

    case wrongSuite(expected: Suite, found: Suite)
    case wrongKey(expected: PaillierKeyID, found: PaillierKeyID?)
    case wrongProfile(expected: PaillierProfile, found: PaillierProfile?)
    /// Another s of Damgard and Jurik.
    case wrongDegree(expected: Int, found: Int)
    /// An s that the round's key is not for.
    case degreeNotOfKey(found: Int, allowed: ClosedRange<Int>)
    case wrongLayout(expected: Digest, found: Digest)
    case wrongSlots(expected: SlotLayout, found: SlotLayout)
    /// Under `secagg`: masked for another agreement of clouds.
    case wrongMasks(expected: Digest, found: Digest?)
    /// Under `secagg`: values are to be sealed or added before the clouds have agreed on masks.
    case masksNotAgreed(round: RoundNumber)

    case wrongPayloadLength(expected: Int, found: Int)
    case ciphertextIsZero(index: Int)
    /// A ciphertext that is not below n^2 (n^(s + 1)).
    case ciphertextTooLarge(index: Int)
    /// A ciphertext that shares a factor with n: no encryption makes one.
    case ciphertextNotInvertible(index: Int)
    /// A sum with such a ciphertext: one of the contributions has it.
    case sumNotInvertible
    /// A ciphertext whose blinding no power of hs takes away, under a key with private subgroups.
    case ciphertextOutsideSubgroup(index: Int)

    /// One contribution more than the slots have room for.
    case cohortFull(cohort: Int)
    case nothingToSum
    case wrongContributionCount(found: Int, cohort: Int)
    /// An opened ciphertext whose counter says another number of contributions. Which is not told: whoever gets to see the
    /// reason of a failed round must not learn what a spoiled plaintext holds.
    case miscounted(ciphertext: Int, contributions: Int)
    /// An opened slot that no `contributions` honest values add up to.
    case sumOutOfRange(index: Int, contributions: Int)
    /// An opened plaintext with bits beyond its last slot.
    case sumOverflows(ciphertext: Int)

    case invalidKey(what: String, String)
    /// No key of sums here has the id that an opening names. `problems`: what is wrong with those that could not be used.
    case noSuchKey(PaillierKeyID?, problems: [String])

    /// The key that a round names is not here, and nothing is wrong with the round.
    package var isMissingKey: Bool { if case .noSuchKey = self { true } else { false } }

    package var description: String {
        switch self {
        case .notFinite(let segment):
            "segment \(segment) holds NaN or an infinity: nothing was sealed; look at the training loss or the input"
        case .wrongValueCount(let expected, let found): "expected \(expected) values for this layout, found \(found)"
        case .valueOutOfRange(let index, let bits):
            "value \(index) is not a quantised value of \(bits) bits (1...2^\(bits) - 1)"
        case .invalidSlots(let reason): "invalid slots: \(reason)"
        case .invalidSplit(let reason): "what is encrypted and what is not: \(reason)"
        case .clearPartOverflows: "the part in clear has bits after its last value"
        case .wrongSuite(let expected, let found): "sealed with suite \(found), this round uses \(expected)"
        case .wrongKey(let expected, let found):
            "sealed under key \(found.map(\.description) ?? "(none)"), this round's key is \(expected)"
        case .wrongProfile(let expected, let found):
            "sealed with profile \(found.map(\.description) ?? "(none)"), this round's profile is \(expected)"
        case .wrongDegree(let expected, let found):
            "sealed with plaintexts mod n^\(found), this round's are mod n^\(expected)"
        case .degreeNotOfKey(let found, let allowed):
            "the round asks for plaintexts mod n^\(found), its key is for s = \(allowed.lowerBound)"
                + (allowed.count > 1 ? " to \(allowed.upperBound)" : " alone, as clouds share it")
        case .wrongLayout(let expected, let found):
            "sealed for layout \(found.short), this round's layout is \(expected.short)"
        case .wrongSlots(let expected, let found): "sealed with \(found), this round uses \(expected)"
        case .wrongMasks(let expected, let found):
            "masked for agreement \(found?.short ?? "(none)"), this round's agreement is \(expected.short)"
        case .masksNotAgreed(let round): "round \(round) is masked, and no masks are agreed on yet"
        case .wrongPayloadLength(let expected, let found): "expected a payload of \(expected) bytes, found \(found)"
        case .ciphertextIsZero(let index): "ciphertext \(index) is 0"
        case .ciphertextTooLarge(let index): "ciphertext \(index) is not below the modulus of ciphertexts"
        case .ciphertextNotInvertible(let index): "ciphertext \(index) shares a factor with the modulus"
        case .sumNotInvertible: "the sum shares a factor with the modulus: one of its contributions does"
        case .ciphertextOutsideSubgroup(let index):
            "ciphertext \(index) is blinded by something other than a power of the key's hs: a contribution was not sealed with "
                + "this key; nothing was opened"
        case .cohortFull(let cohort): "the sum already holds \(cohort) contributions, all that its slots have room for"
        case .nothingToSum: "no contribution was added"
        case .wrongContributionCount(let found, let cohort):
            "a sum of \(found) contributions was announced, the slots are for 1 to \(cohort)"
        case .miscounted(let ciphertext, let contributions):
            "the opened ciphertext \(ciphertext) does not count \(contributions) contributions: one was left out of it, is in it "
                + "twice, or was not sealed for this round"
        case .sumOutOfRange(let index, let contributions):
            "the opened value \(index) is not a sum of \(contributions) quantised values: a contribution was malformed, "
                + "or the number of contributions is wrong"
        case .sumOverflows(let ciphertext):
            "the opened ciphertext \(ciphertext) has bits beyond its last slot: a contribution was malformed"
        case .invalidKey(let what, let reason): "\(what): \(reason)"
        case .noSuchKey(let id, let problems):
            "no key of sums here has the id \(id?.description ?? "(none)"), which the round names: it has not come yet, or was "
                + "deleted; compare `tributary keys --list`"
                + (problems.isEmpty ? "" : "; not usable: \(problems.joined(separator: "; "))")
        }
    }
}
