package import Federation
package import Sodium

/// The first 16 bytes of BLAKE2b over a public key's n and hs, both fixed-width: names a key in every header.
///
/// hs is in it so that nobody can pass a key with the same n and a blinding that blinds nothing off as the round's.
package struct PaillierKeyID: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 16
    package let bytes: [UInt8]

    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == PaillierKeyID.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    init(digest: Digest) { bytes = Array(digest.bytes.prefix(PaillierKeyID.byteCount)) }

    package var description: String { Hex.encode(bytes) }
}

/// What two payloads must have in common before they may be added: it goes into the header of each.
package struct Sealing: Hashable, Sendable {
    package let suite: Suite
    /// Nil but under `paillier`.
    package let key: PaillierKeyID?
    /// Nil but under `paillier`.
    package let profile: PaillierProfile?
    /// The digest of the layout of the values.
    package let layout: Digest
    package let slots: SlotLayout
    /// Damgard and Jurik's s: plaintexts are mod n^s. 1 is Paillier's scheme.
    package let degree: Int
    /// Under `secagg`: the digest of the agreement that names the round's masks. Nil otherwise.
    package let masks: Digest?

    package init(
        suite: Suite, key: PaillierKeyID?, profile: PaillierProfile?, layout: Digest, slots: SlotLayout,
        degree: Int = 1, masks: Digest? = nil
    ) {
        self.suite = suite
        self.key = key
        self.profile = profile
        self.layout = layout
        self.slots = slots
        self.degree = degree
        self.masks = masks
    }

    /// Throws the first difference of `other`, which came from a peer, to this round's sealing.
    package func check(_ other: Sealing) throws(EncryptionError) {
        guard other.suite == suite else { throw .wrongSuite(expected: suite, found: other.suite) }
        if let key, other.key != key { throw .wrongKey(expected: key, found: other.key) }
        if let profile, other.profile != profile { throw .wrongProfile(expected: profile, found: other.profile) }
        guard other.degree == degree else { throw .wrongDegree(expected: degree, found: other.degree) }
        guard other.layout == layout else { throw .wrongLayout(expected: layout, found: other.layout) }
        guard other.slots == slots else { throw .wrongSlots(expected: slots, found: other.slots) }
        if let masks, other.masks != masks { throw .wrongMasks(expected: masks, found: other.masks) }
    }
}

/// The size of a payload, known before any is made: for headers, progress and reports.
package struct PayloadShape: Hashable, Sendable {
    /// Values over all units.
    package let values: Int
    /// Ciphertexts (`paillier`), groups of eight values (`secagg`) or words (`clear`).
    package let units: Int
    package let valuesPerUnit: Int
    package let bytesPerUnit: Int

    package init(values: Int, valuesPerUnit: Int, bytesPerUnit: Int) {
        self.values = values
        self.valuesPerUnit = valuesPerUnit
        self.bytesPerUnit = bytesPerUnit
        units = (values + valuesPerUnit - 1) / valuesPerUnit
    }

    package var byteCount: Int { units * bytesPerUnit }
    package var bytesPerValue: Double { Double(byteCount) / Double(values) }

    func check(byteCount found: Int) throws(EncryptionError) {
        guard found == byteCount else { throw .wrongPayloadLength(expected: byteCount, found: found) }
    }

    /// The values in consecutive units.
    package func values(ofUnits units: Range<Int>) -> Range<Int> {
        precondition(units.lowerBound >= 0 && units.upperBound <= self.units, "units \(units) of \(self.units)")
        return min(units.lowerBound * valuesPerUnit, values)..<min(units.upperBound * valuesPerUnit, values)
    }

    /// The bytes of consecutive units, counted from the payload's first.
    package func bytes(ofUnits units: Range<Int>) -> Range<Int> {
        units.lowerBound * bytesPerUnit..<units.upperBound * bytesPerUnit
    }

    func values(ofUnit index: Int) -> Range<Int> { values(ofUnits: index..<index + 1) }
    func bytes(ofUnit index: Int) -> Range<Int> { bytes(ofUnits: index..<index + 1) }

    func unit(_ index: Int, of payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: payload[bytes(ofUnit: index)])
    }

    func unit(_ index: Int, of payload: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: payload[bytes(ofUnit: index)])
    }
}
