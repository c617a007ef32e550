package import Federation
import Privacy
package import Sodium

/// What a cloud has to say in a round, before it is sealed.
package enum RoundVector {
    /// Little-endian f32 values of an update, each to be taken times the cloud's weight.
    case update(UnsafeRawBufferPointer, weight: Float, rounding: StochasticRounding)
    /// Little-endian f64 values that stay whole.
    case counts(UnsafeRawBufferPointer)
}

/// Everything a stage needs to quantise, seal, add and open in the round that an opening describes.
package struct RoundScheme: Sendable {
    /// Of what is encrypted, or all.
    package let scheme: any AdditiveScheme
    package let quantiser: Quantiser
    package let slots: SlotLayout
    /// What `scheme` seals: the opening's layout, or the part of it that is encrypted.
    package let layout: VectorLayout
    /// Nil where all is sealed with the suite.
    let split: SelectiveSplit?
    /// Of an update whose sum has noise.
    let sumNoise: SumShare?

    /// - Parameters:
    ///   - key: the federation's public key; needed under `paillier`, nil under `clear`.
    ///   - pool: blinding of that key made in advance, for who seals.
    ///   - masks: under `secagg` alone: a cloud's own scheme (`CloudMasking`), or aggregate's, which adds (`MaskedScheme`).
    package init(
        _ opening: Opening, key: PaillierPublicKey?, pool: BlindingPool? = nil, masks: MaskedScheme? = nil
    ) throws(EncryptionError) {
        slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        split = try SelectiveSplit(opening, slots: slots)
        layout = split?.encrypted ?? opening.sealed
        sumNoise = try SumShare(opening)
        quantiser = try Quantiser(
            layout: split?.values ?? opening.sealed, bits: opening.bits, steps: opening.privacy?.sum?.steps)
        guard split == nil || opening.suite == .paillier else {
            throw .wrongSuite(expected: .paillier, found: opening.suite)
        }
        switch opening.suite {
        case .clear:
            // Who has a key is in no clear federation: an opening must not talk it out of encrypting.
            guard key == nil, masks == nil else {
                throw .wrongSuite(expected: key == nil ? .secagg : .paillier, found: .clear)
            }
            scheme = ClearScheme(layout: opening.sealed, slots: slots)
        case .secagg:
            guard let masks else { throw .masksNotAgreed(round: opening.round) }
            guard masks.sealing.layout == opening.sealed.digest else {
                throw .wrongLayout(expected: opening.sealed.digest, found: masks.sealing.layout)
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
                ? PaillierScheme(key: key, layout: layout, slots: slots, pool: pool)
                : DamgardJurikScheme(key: key, degree: opening.degree, layout: layout, slots: slots)
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
        /// The digest of the encrypted part, which a proof of it is about; nil where that is the whole payload.
        package let encrypted: Digest?
    }

    /// Quantises and seals a whole vector, and gives out the sealed bytes in order, part by part: neither is ever in memory
    /// whole; what is not encrypted comes last.
    ///
    /// - Parameters:
    ///   - noise: of what hides values in clear: the system's generator but in tests.
    ///   - quantised: is lent what is sealed, block by block.
    package func seal(
        _ vector: RoundVector, threads: Int, noise: @escaping GaussianNoise.Source = SystemRandom.bytes,
        quantised: (UnsafeBufferPointer<UInt32>) -> Void = { _ in }, _ body: ([UInt8]) throws -> Void
    ) throws -> SealingReport {
        let clock = ContinuousClock()
        let start = clock.now
        var (sealing, giving) = (Duration.zero, Duration.zero)
        let shape = scheme.shape
        var waiting: [UInt32] = []
        waiting.reserveCapacity(2 * RoundScheme.blockValues)
        var sealed = 0
        var clear = split.map { PackedRow.Writer($0.clear) }
        var place = 0
        let hasher = split.map { _ in Digest.ContentHasher() }
        func seal(units: Int) throws {
            let count = min(units * shape.valuesPerUnit, waiting.count)
            let began = clock.now
            let part = try waiting.withUnsafeBufferPointer {
                try scheme.seal(
                    part: UnsafeBufferPointer(rebasing: $0[..<count]), units: sealed..<sealed + units, threads: threads)
            }
            waiting.removeFirst(count)
            sealed += units
            hasher?.update(part)
            let made = clock.now
            try body(part)
            sealing += made - began
            giving += clock.now - made
        }
        let words = try sumNoise.map { _ in try SecretWords() }
        func take(_ block: UnsafeBufferPointer<UInt32>) throws {
            quantised(block)
            guard let sumNoise, let words else { return try takeNoised(block) }
            try sumNoise.withNoise(on: block, words, takeNoised)
        }
        func takeNoised(_ block: UnsafeBufferPointer<UInt32>) throws {
            if let split {
                var rest: [UInt32] = []
                for value in block {
                    if split.mask.contains(place) { waiting.append(value) } else { rest.append(value) }
                    place += 1
                }
                clear?.append(rest) { $0 }
            } else {
                waiting += block
            }
            let units = waiting.count / shape.valuesPerUnit
            if waiting.count >= RoundScheme.blockValues, units > 0 { try seal(units: units) }
        }
        let clipped =
            switch vector {
            case .update(let bytes, let weight, let rounding) where split != nil:
                try withPrepared(bytes, times: weight, noise) {
                    try quantiser.forEachBlock(ofF32: $0, times: 1, rounding: .stochastic(rounding), take)
                }
            case .update(let bytes, let weight, let rounding):
                try quantiser.forEachBlock(
                    ofF32: bytes, times: weight * (sumNoise?.shortening(bytes) ?? 1), rounding: .stochastic(rounding),
                    take)
            case .counts(let bytes): try quantiser.forEachBlock(ofF64: bytes, rounding: .nearest, take)
            }
        if sealed < shape.units { try seal(units: shape.units - sealed) }
        if let rest = clear?.finish() { try body(rest) }
        return SealingReport(
            clipped: clipped.reduce(0, +), quantising: clock.now - start - sealing - giving, sealing: sealing,
            encrypted: hasher?.finish())
    }

    /// Lends an update as it is to be divided, in memory that is overwritten afterwards.
    private func withPrepared<Result>(
        _ bytes: UnsafeRawBufferPointer, times weight: Float, _ noise: @escaping GaussianNoise.Source,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard var values = try split?.prepare(bytes, times: weight, noise: noise) else { return try body(bytes) }
        defer { for index in values.indices { values[index] = 0 } }
        return try values.withUnsafeBytes(body)
    }
}
