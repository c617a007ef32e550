import Encryption
import Federation
import Keys
import Publication
import Sodium
import StageKit
import Topology

/// Opens the sums of rounds under one key: with publish's own, or with what enough clouds send to help.
struct SumOpener: Sendable {
    private enum Means: Sendable {
        case clear
        case alone(PaillierPrivateKey)
        /// With what the survivors of one masked round have opened.
        case masked(MaskOpener, MaskedScheme)
        /// With what one cloud or several send.
        case together(ThresholdPublicKey)
    }

    private let means: Means

    private init(_ means: Means) { self.means = means }

    static let clear = SumOpener(.clear)

    /// - Parameter scheme: of the same masks, to add.
    static func masked(_ opener: MaskOpener, _ scheme: MaskedScheme) -> SumOpener { SumOpener(.masked(opener, scheme)) }

    /// With the key of that number, whose private half must be here where publish opens alone.
    init(
        _ ground: StageGround<PublishConfiguration>, number: Int, _ key: FederationKey,
        allowing sizes: PaillierKeySizes
    ) throws {
        switch ground.topology.keys {
        case .publisher:
            let secret = try PaillierPrivateKey(
                decoding: ground.keys.paillierSecret(number, of: ground.stage.cloud), allowing: sizes)
            guard secret.publicKey.id == key.paillier.id else {
                throw EncryptionError.wrongKey(expected: key.paillier.id, found: secret.publicKey.id)
            }
            means = .alone(secret)
        case .threshold, .clouds:
            means = .together(try key.shared())
        }
    }

    /// Whether clouds of the topology's number and threshold can open a sum under it.
    func fits(_ topology: Topology) -> Bool {
        guard case .together(let key) = means else { return true }
        return key.parties == topology.parties.count && key.threshold == topology.threshold
    }

    /// Nil but under `paillier`.
    var publicKey: PaillierPublicKey? {
        switch means {
        case .clear, .masked: nil
        case .alone(let key): key.publicKey
        case .together(let key): key.paillier
        }
    }

    /// How many clouds' shares it takes; 0 where publish opens alone.
    var threshold: Int { if case .together(let key) = means { key.threshold } else { 0 } }
    var needsShares: Bool { threshold > 0 }

    func sumByteCount(of opening: Opening) throws -> Int {
        try RoundScheme(opening, key: publicKey).byteCount
    }

    /// Shares are of what is encrypted alone.
    func shareByteCount(of opening: Opening) throws -> Int {
        try RoundScheme(opening, key: publicKey).scheme.shape.byteCount
    }

    /// A cloud's part in an opening, found to be right.
    typealias Share = VerifiedOpening<[UInt8]>

    /// Throws what is wrong with a cloud's part.
    func verify(
        _ share: Arrival, of opening: Signed<Opening>, sum: Arrival, threads: Int
    ) throws -> Share {
        guard case .together(let key) = means else { preconditionFailure("nobody helps publish") }
        let about = try ShareAbout(share.offer.about)
        let cloud = share.offer.name.cloud
        // The clouds are the key's parties in the order of their names.
        let parties = opening.content.cohort.map(\.cloud).sorted()
        guard about.sum == sum.offer.digest, key.parties == parties.count, let place = parties.firstIndex(of: cloud)
        else {
            throw RoundFault.otherSum(cloud)
        }
        let scheme = try RoundScheme(opening.content, key: key.paillier)
        let verifier = OpeningVerifier(key: key, layout: scheme.layout, slots: scheme.slots)
        return try sum.payload.withBytes {
            try verifier.verify(
                try share.payload.read(), proof: about.proof, party: place + 1, sum: scheme.encryptedPart(of: $0),
                context: opening.digest.bytes, threads: threads)
        }
    }

    /// The decoded sums in layout order.
    func open(
        _ payload: Payload, with shares: [Share], of opening: Opening, contributions: Int, threads: Int
    ) throws -> [Double] {
        var sums: [Double] = []
        sums.reserveCapacity(opening.layout.count)
        try open(payload, with: shares, of: opening, contributions: contributions, threads: threads) { sums += $1 }
        return sums
    }

    /// The same block by block: the values' places in the layout, and their sums; and before each block `whole` is given it as it was
    /// quantised.
    func open(
        _ payload: Payload, with shares: [Share], of opening: Opening, contributions: Int, threads: Int,
        whole: ([UInt64]) throws -> Void = { _ in }, _ body: (Range<Int>, [Double]) throws -> Void
    ) throws {
        var masks: MaskedScheme?
        if case .masked(_, let scheme) = means { masks = scheme }
        let scheme = try RoundScheme(opening, key: publicKey, masks: masks)
        try payload.withBytes { sum in
            let encrypted = scheme.encryptedPart(of: sum)
            func decode(_ open: (Range<Int>) throws -> [UInt64]) throws {
                try scheme.decode(sum, contributions: contributions, open: open, whole: whole, body)
            }
            func open(with opener: some Opener) throws {
                try decode {
                    try opener.open(
                        encrypted, units: $0, sealing: scheme.scheme.sealing, contributions: contributions,
                        threads: threads)
                }
            }
            switch means {
            case .clear: try open(with: ClearScheme(layout: scheme.layout, slots: scheme.slots))
            case .masked(let opener, _): try open(with: opener)
            case .alone(let key):
                try open(with: scheme.opener(key))
            case .together(let key):
                let opener = ThresholdOpener(key: key, layout: scheme.layout, slots: scheme.slots)
                try decode {
                    try opener.open(shares, units: $0, contributions: contributions, threads: threads)
                }
            }
        }
    }
}

/// What is wrong with a cloud's part in an opening, beside what its proof shows.
enum RoundFault: Error, CustomStringConvertible {
    case otherSum(CloudName)

    var description: String {
        switch self {
        case .otherSum(let cloud):
            "\(cloud) opened another sum than the one that aggregate sent here: aggregate told the two different things"
        }
    }
}
