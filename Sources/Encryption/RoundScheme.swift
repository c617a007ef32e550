package import Federation

/// What a cloud has to say in a round, before it is sealed.
package enum RoundVector {
    /// Little-endian f32 values of an update, each to be taken times the cloud's weight.
    case update(UnsafeRawBufferPointer, weight: Float, rounding: StochasticRounding)
    /// Little-endian f64 values that stay whole.
    case counts(UnsafeRawBufferPointer)
}

/// Everything a stage needs to quantise, seal, add and open in the round that an opening describes.
package struct RoundScheme: Sendable {
    package let scheme: any AdditiveScheme
    package let quantiser: Quantiser
    package let slots: SlotLayout
    package let layout: VectorLayout

    /// - Parameters:
    ///   - key: the federation's public key; needed under `paillier`, nil under `clear`.
    ///   - pool: blinding of that key made in advance, for who seals.
    ///   - masks: under `secagg` alone: a cloud's own scheme (`CloudMasking`), or aggregate's, which adds (`MaskedScheme`).
    package init(
        _ opening: Opening, key: PaillierPublicKey?, pool: BlindingPool? = nil, masks: MaskedScheme? = nil
    ) throws(EncryptionError) {
        layout = opening.layout
        slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        quantiser = try Quantiser(layout: opening.layout, bits: opening.bits)
        switch opening.suite {
        case .clear:
            // Who has a key is in no clear federation: an opening must not talk it out of encrypting.
            guard key == nil, masks == nil else {
                throw .wrongSuite(expected: key == nil ? .secagg : .paillier, found: .clear)
            }
            scheme = ClearScheme(layout: opening.layout, slots: slots)
        case .secagg:
            guard let masks else { throw .masksNotAgreed(round: opening.round) }
            guard masks.sealing.layout == opening.layout.digest else {
                throw .wrongLayout(expected: opening.layout.digest, found: masks.sealing.layout)
            }
            guard masks.sealing.slots == slots else {
                throw .wrongSlots(expected: slots, found: masks.sealing.slots)
            }
            scheme = masks
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
            guard key.degrees.contains(opening.degree) else {
                throw .degreeNotOfKey(found: opening.degree, allowed: key.degrees)
            }
            scheme =
                opening.degree == 1
                ? PaillierScheme(key: key, layout: opening.layout, slots: slots, pool: pool)
                : DamgardJurikScheme(key: key, degree: opening.degree, layout: opening.layout, slots: slots)
        }
    }

    /// The ciphertexts that blinding made in advance is of use for.
    package var pooledUnits: Int { scheme is PaillierScheme ? scheme.shape.units : 0 }

    /// Who opens this round's sums with the whole key, its private half.
    package func opener(_ key: PaillierPrivateKey) -> any Opener {
        if let longer = scheme as? DamgardJurikScheme { return DamgardJurikOpener(key: key, scheme: longer) }
        return PaillierOpener(key: key, layout: layout, slots: slots)
    }

    /// Values sealed at a time.
    private static let blockValues = 1 << 16

    /// What it took to seal a vector.
    package struct SealingReport: Sendable {
        /// Values outside their segment's range.
        package let clipped: Int
        package let quantising: Duration
        package let sealing: Duration
    }

    /// Quantises and seals a whole vector, and gives out the sealed bytes in order, part by part: neither is ever in memory
    /// whole.
    package func seal(
        _ vector: RoundVector, threads: Int, _ body: ([UInt8]) throws -> Void
    ) throws -> SealingReport {
        let clock = ContinuousClock()
        let start = clock.now
        var (sealing, giving) = (Duration.zero, Duration.zero)
        let shape = scheme.shape
        var waiting: [UInt32] = []
        waiting.reserveCapacity(2 * RoundScheme.blockValues)
        var sealed = 0
        func seal(units: Int) throws {
            let count = min(units * shape.valuesPerUnit, waiting.count)
            let began = clock.now
            let part = try waiting.withUnsafeBufferPointer {
                try scheme.seal(
                    part: UnsafeBufferPointer(rebasing: $0[..<count]), units: sealed..<sealed + units, threads: threads)
            }
            waiting.removeFirst(count)
            sealed += units
            let made = clock.now
            try body(part)
            sealing += made - began
            giving += clock.now - made
        }
        func take(_ block: UnsafeBufferPointer<UInt32>) throws {
            waiting += block
            let units = waiting.count / shape.valuesPerUnit
            if waiting.count >= RoundScheme.blockValues, units > 0 { try seal(units: units) }
        }
        let clipped =
            switch vector {
            case .update(let bytes, let weight, let rounding):
                try quantiser.forEachBlock(ofF32: bytes, times: weight, rounding: .stochastic(rounding), take)
            case .counts(let bytes): try quantiser.forEachBlock(ofF64: bytes, rounding: .nearest, take)
            }
        if sealed < shape.units { try seal(units: shape.units - sealed) }
        return SealingReport(
            clipped: clipped.reduce(0, +), quantising: clock.now - start - sealing - giving, sealing: sealing)
    }
}
