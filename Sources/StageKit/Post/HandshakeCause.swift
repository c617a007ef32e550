/// Why a connection did not come to be, in a word that metrics can count by; what there is to read is said beside it.
package enum HandshakeCause: String, Sendable, CaseIterable {
    /// A key that is not in this federation's.
    case unknownKey = "unknown_key"
    case revokedKey = "revoked_key"
    /// A stage of this federation that has no business at this hub.
    case noBusiness = "no_business"
    /// Not CURVE, where nobody comes in without a key.
    case noKey = "no_key"
    /// The hub that was dialled does not let this stage in.
    case notAdmitted = "not_admitted"
    /// The other end has another key than it is dialled by, or does not speak CURVE.
    case failed
    /// More dials than are good, which the kernel does not drop.
    case tooManyDials = "too_many_dials"
}
