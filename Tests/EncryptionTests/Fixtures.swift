import BigInteger
import Encryption
import Federation
import Sodium
import Testing

/// Keys too short to protect anything, made once for all tests.
enum TestKeys {
    static let first = Result { try PaillierPrivateKey.generate(size: .insecure(bits: 512)) }
    static let second = Result { try PaillierPrivateKey.generate(size: .insecure(bits: 512)) }

    /// A key of each kind.
    static let ofKind: [PaillierKeyKind: Result<PaillierPrivateKey, any Error>] = Dictionary(
        uniqueKeysWithValues: PaillierKeyKind.all.map { kind in
            (
                kind,
                Result {
                    try PaillierPrivateKey.generate(
                        size: .insecure(bits: 512), profile: kind.profile, structure: kind.structure)
                }
            )
        })

    static func key(of kind: PaillierKeyKind) throws -> PaillierPrivateKey {
        guard let key = ofKind[kind] else { throw EncryptionError.invalidKey(what: "test key", "none of \(kind)") }
        return try key.get()
    }

    /// The primes of a key, read from its documented encoding: 33 bytes of title, 4 of header, p, q.
    static func primes(of key: PaillierPrivateKey) throws -> (p: Integer, q: Integer) {
        let width = key.publicKey.bits / 16
        return try key.encoded().withUnsafeBytes { bytes in
            (
                Integer(bigEndian: Array(bytes[37..<(37 + width)])),
                Integer(bigEndian: Array(bytes[(37 + width)..<(37 + 2 * width)]))
            )
        }
    }
}

func layout(count: Int, range: Double = 1, name: String = "values") throws -> VectorLayout {
    try VectorLayout([VectorLayout.Segment(name: name, shape: [count], range: range)])
}

/// The suites under test, each with every arithmetic that this machine has.
struct Peer: CustomTestStringConvertible, Sendable {
    let suite: Suite
    let arithmetic: Arithmetic
    var kind = PaillierKeyKind(own: .standard)
    var degree = 1
    var testDescription: String {
        suite == .paillier ? "\(suite), \(kind), s = \(degree), \(arithmetic)" : "\(suite)"
    }

    static let all =
        [Peer(suite: .clear, arithmetic: .portable), Peer(suite: .secagg, arithmetic: .portable)]
        + Arithmetic.supported.flatMap { arithmetic in
            PaillierKeyKind.all.map { Peer(suite: .paillier, arithmetic: arithmetic, kind: $0) }
                + [2, 3].map { Peer(suite: .paillier, arithmetic: arithmetic, degree: $0) }
        }

    /// The fewest contributions of a cohort that are opened; nil where the suite takes no cohort of that size.
    func fewest(of cohort: Int) -> Int? {
        guard suite == .secagg else { return 1 }
        return cohort < MaskingTerms.smallestCohort ? nil : max(MaskingTerms.smallestCohort, cohort / 2 + 1)
    }

    func make(layout: VectorLayout, slots: SlotLayout) throws -> PeerRound {
        switch suite {
        case .clear:
            let scheme = ClearScheme(layout: layout, slots: slots)
            return PeerRound(adder: scheme, cohort: slots.cohort, scheme: { _ in scheme }, opener: { _ in scheme })
        case .secagg:
            let round = try MaskedRound(clouds: slots.cohort)
            return PeerRound(
                adder: MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots),
                cohort: slots.cohort,
                scheme: { try round.maskings[$0].scheme(layout: layout, slots: slots) },
                opener: { try round.opener(of: Array(round.clouds.prefix($0)), layout: layout, slots: slots) })
        case .paillier:
            let key = try TestKeys.key(of: kind)
            guard degree == 1 else {
                let scheme = DamgardJurikScheme(
                    key: key.publicKey, degree: degree, layout: layout, slots: slots, arithmetic: arithmetic)
                let opener = DamgardJurikOpener(key: key, scheme: scheme)
                return PeerRound(adder: scheme, cohort: slots.cohort, scheme: { _ in scheme }, opener: { _ in opener })
            }
            let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic)
            let opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
            return PeerRound(adder: scheme, cohort: slots.cohort, scheme: { _ in scheme }, opener: { _ in opener })
        }
    }
}

/// One round of a suite, as its parties see it.
struct PeerRound {
    /// Adds; under `secagg` it cannot seal.
    let adder: any AdditiveScheme
    let cohort: Int
    /// The scheme of one cloud, asked for once for each.
    let scheme: (Int) throws -> any AdditiveScheme
    /// The opener for a sum of the first so many clouds.
    let opener: (Int) throws -> any Opener
}

enum KeyStreamSecret {
    /// The rounding of a cloud whose secret is fresh.
    static func make() throws -> Quantiser.Rounding {
        .stochastic(
            StochasticRounding(
                secret: try SecretBytes.random(count: KeyStream.keyByteCount), run: try RunName("demo"),
                round: RoundNumber(1), cloud: try CloudName("north")))
    }
}
