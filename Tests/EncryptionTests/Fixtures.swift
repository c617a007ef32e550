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

/// SplitMix64 (Steele, Lea, Flood 2014): the same values in every run of the tests.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

func layout(count: Int, range: Double = 1, name: String = "values") throws -> VectorLayout {
    try VectorLayout([VectorLayout.Segment(name: name, shape: [count], range: range)])
}

/// A scheme and its opener: the suites under test, each with every arithmetic that this machine has.
struct Peer: CustomTestStringConvertible, Sendable {
    let suite: Suite
    let arithmetic: Arithmetic
    var kind = PaillierKeyKind(own: .standard)
    var degree = 1
    var testDescription: String { suite == .clear ? "clear" : "\(suite), \(kind), s = \(degree), \(arithmetic)" }

    static let all =
        [Peer(suite: .clear, arithmetic: .portable)]
        + Arithmetic.supported.flatMap { arithmetic in
            PaillierKeyKind.all.map { Peer(suite: .paillier, arithmetic: arithmetic, kind: $0) }
                + [2, 3].map { Peer(suite: .paillier, arithmetic: arithmetic, degree: $0) }
        }

    func make(layout: VectorLayout, slots: SlotLayout) throws -> (scheme: any AdditiveScheme, opener: any Opener) {
        switch suite {
        case .clear:
            let scheme = ClearScheme(layout: layout, slots: slots)
            return (scheme, scheme)
        case .paillier:
            let key = try TestKeys.key(of: kind)
            guard degree == 1 else {
                let scheme = DamgardJurikScheme(
                    key: key.publicKey, degree: degree, layout: layout, slots: slots, arithmetic: arithmetic)
                return (scheme, DamgardJurikOpener(key: key, scheme: scheme))
            }
            return (
                PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic),
                PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
            )
        }
    }
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
