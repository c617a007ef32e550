package import Federation

/// Everything a stage needs to quantise, seal, add and open in the round that an opening describes.
package struct RoundScheme: Sendable {
    package let scheme: any AdditiveScheme
    package let quantiser: Quantiser
    package let slots: SlotLayout

    /// - Parameter key: the federation's public key; nil only under `clear`.
    package init(_ opening: Opening, key: PaillierPublicKey?) throws(EncryptionError) {
        slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        quantiser = try Quantiser(layout: opening.layout, bits: opening.bits)
        switch opening.suite {
        case .clear: scheme = ClearScheme(layout: opening.layout, slots: slots)
        case .paillier:
            guard let key else {
                throw .invalidKey(
                    what: "Paillier public key",
                    "round \(opening.round) needs it and there is none: run `tributary keys`")
            }
            guard key.id.bytes == opening.keyID else {
                throw .wrongKey(expected: key.id, found: PaillierKeyID(bytes: opening.keyID))
            }
            guard key.profile.rawValue == opening.profile else {
                throw .wrongProfile(expected: key.profile, found: PaillierProfile(rawValue: opening.profile))
            }
            scheme = PaillierScheme(key: key, layout: opening.layout, slots: slots)
        }
    }
}
