import BigInteger
import Encryption
import Federation
import Sodium

/// The ways in for a stranger's bytes, one for each decoder of the encryption layer: what the mutation tests and the fuzzer
/// (`scripts/fuzz`) both push bytes through. An entry takes any bytes and throws an error of ours, or nothing; `seeds` are
/// inputs that it takes.
enum EncryptionDecoders {
    typealias Entry = (name: String, seeds: [[UInt8]], take: @Sendable ([UInt8]) throws -> Void)

    static let all = Result {
        try keys() + shares() + payloads() + openings() + masks() + parts() + longest() + rows()
    }

    /// What comes out of a decoder stands for itself.
    static func check(_ isSame: Bool, _ what: String) {
        precondition(isSame, "\(what) reads otherwise than it was written")
    }

    private static func bytes(_ secret: SecretBytes) -> [UInt8] { secret.withUnsafeBytes { Array($0) } }

    private static func secret(_ bytes: [UInt8]) throws -> SecretBytes {
        var bytes = bytes
        return try SecretBytes(wiping: &bytes)
    }

    private static func keys() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        return [
            (
                "public-key", [Array(fixtures.privateKey.publicKey.text.utf8)],
                { bytes in
                    let text = String(decoding: bytes, as: UTF8.self)
                    let key = try PaillierPublicKey(text: text, allowing: .testing)
                    check(key.text == text, "a public key")
                }
            ),
            (
                "threshold-key", [Array(fixtures.key.text.utf8)],
                { bytes in
                    let text = String(decoding: bytes, as: UTF8.self)
                    let key = try ThresholdPublicKey(text: text, allowing: .testing)
                    check(key.text == text, "a threshold key")
                }
            ),
            (
                "federation-key", [Array(fixtures.privateKey.publicKey.text.utf8), Array(fixtures.key.text.utf8)],
                { bytes in
                    let text = String(decoding: bytes, as: UTF8.self)
                    switch try FederationKey(text: text, allowing: .testing) {
                    case .whole(let key): check(key.text == text, "a key of one holder")
                    case .shared(let key): check(key.text == text, "a shared key")
                    }
                }
            ),
            (
                "private-key",
                [bytes(try fixtures.privateKey.encoded())]
                    + (try [PaillierProfile.standard, .turbo].map { profile in
                        let key = try PaillierPrivateKey.generate(size: .insecure(bits: 512), profile: profile)
                        return bytes(try key.encoded())
                    }),
                { bytes in
                    let key = try PaillierPrivateKey(decoding: secret(bytes), allowing: .testing)
                    check(try self.bytes(key.encoded()) == bytes, "a private key")
                }
            ),
        ]
    }

    private static func shares() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        let key = fixtures.key
        return [
            (
                "key-share", try fixtures.shares.map { bytes(try $0.encoded()) },
                { bytes in
                    let share = try KeyShare(decoding: secret(bytes), key: key)
                    check(try self.bytes(share.encoded()) == bytes, "a share")
                }
            ),
            (
                "sealed-share", [try fixtures.shares[0].sealed(to: fixtures.box.publicKey)],
                { _ = try KeyShare(opening: $0, with: fixtures.box, key: key) }
            ),
        ]
    }

    /// Contributions as aggregate takes them and sums as their openers do, with either arithmetic.
    private static func payloads() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        let (layout, slots) = (fixtures.layout, fixtures.slots)
        let clear = ClearScheme(layout: layout, slots: slots)
        var entries: [Entry] = [
            (
                "clear-contribution", [try clear.seal(fixtures.values, threads: 1)],
                { try add($0, to: clear) }
            ),
            (
                "clear-sum", [try clear.seal(fixtures.values, threads: 1)],
                { _ = try clear.open($0, sealing: clear.sealing, contributions: 1, threads: 1) }
            ),
        ]
        for name in [Arithmetic.portable, .lanes] {
            // The same entries on every machine: an input of the corpus chooses its decoder by place.
            let arithmetic = Arithmetic.supported.contains(name) ? name : .portable
            let scheme = fixtures.scheme(arithmetic)
            let opener = PaillierOpener(
                key: fixtures.privateKey, layout: layout, slots: slots, arithmetic: arithmetic)
            let longer = DamgardJurikScheme(
                key: fixtures.privateKey.publicKey, degree: 2, layout: layout, slots: slots, arithmetic: arithmetic)
            let longOpener = DamgardJurikOpener(key: fixtures.privateKey, scheme: longer)
            entries.append(("contribution-\(name)", [fixtures.contribution], { try add($0, to: scheme) }))
            entries.append(
                (
                    "sum-\(name)", [fixtures.ownContribution],
                    { _ = try opener.open($0, sealing: opener.sealing, contributions: 1, threads: 1) }
                ))
            entries.append(
                (
                    "long-contribution-\(name)", [try longer.seal(fixtures.values, threads: 1)],
                    { try add($0, to: longer) }
                ))
            entries.append(
                (
                    "long-sum-\(name)", [try longer.seal(fixtures.values, threads: 1)],
                    { _ = try longOpener.open($0, sealing: longOpener.sealing, contributions: 1, threads: 1) }
                ))
        }
        return entries
    }

    /// Twice: the first contribution is kept otherwise than the second. Whenever it is checked, the same gets into a sum.
    static func add(_ payload: [UInt8], to scheme: some AdditiveScheme) throws {
        func sum(_ checking: InverseCheck) throws -> [UInt8] {
            let accumulator = scheme.makeAccumulator(checking: checking)
            for _ in 0..<2 { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }
            return try accumulator.sum()
        }
        let late = Result { try sum(.sum) }
        switch Result(catching: { try sum(.eachContribution) }) {
        case .success(let sum): check(try late.get() == sum && sum.count == scheme.shape.byteCount, "a sum")
        case .failure(let error):
            if case .success = late { check(false, "a sum of what is not sound") }
            throw error
        }
    }

    private static func openings() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        let opener = try fixtures.opener(1)
        let verifier = fixtures.verifier
        let combiner = ThresholdOpener(key: fixtures.key, layout: fixtures.layout, slots: fixtures.slots)
        let proof = PlaintextProof(key: fixtures.key.paillier, layout: fixtures.layout, slots: fixtures.slots)
        let verify: @Sendable ([UInt8], Int) throws -> VerifiedOpening<[UInt8]> = { bytes, party in
            let middle = min(verifier.proofByteCount, bytes.count)
            return try verifier.verify(
                Array(bytes[middle...]), proof: Array(bytes[..<middle]), party: party, sum: fixtures.contribution,
                context: fixtures.context, threads: 1)
        }
        let second = try verify(fixtures.opening(2), 2)
        return [
            (
                "sum-to-open", [fixtures.contribution],
                { _ = try opener.row(of: $0, units: 0..<opener.shape.units, sealing: opener.sealing, threads: 1) }
            ),
            (
                "opening", [try fixtures.opening(1)],
                { _ = try combiner.open([verify($0, 1), second], contributions: 1, threads: 1) }
            ),
            (
                "proven-contribution", [try fixtures.provenContribution()],
                { bytes in
                    let middle = min(proof.byteCount, bytes.count)
                    try proof.verify(
                        Array(bytes[..<middle]), payload: Array(bytes[middle...]), context: fixtures.context,
                        threads: 1)
                }
            ),
        ]
    }

    /// The documents of masked rounds are among the wire's; here are what a cloud keeps of one, shares of secrets, and payloads.
    private static func masks() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        let terms = try MaskedRound.terms(clouds: 3)
        let scheme = MaskedScheme(
            agreement: Digest(of: [1]), layout: fixtures.layout, slots: fixtures.slots)
        let key = try secret([UInt8](repeating: 3, count: 32))
        return [
            (
                "mask-secrets", [bytes(try CloudSecrets(of: terms.clouds[0], terms: terms).encoded())],
                { bytes in
                    let secrets = try CloudSecrets(restoring: secret(bytes), of: terms.clouds[0], terms: terms)
                    check(try self.bytes(secrets.encoded()) == bytes, "masking secrets")
                }
            ),
            (
                "masked-contribution", [[UInt8](repeating: 7, count: scheme.shape.byteCount)],
                { try add($0, to: scheme) }
            ),
            (
                "sealed-secret",
                [try SealedSecret.seal(secret([UInt8](repeating: 8, count: 64)), key: key, label: "test")],
                { bytes in
                    guard try SealedSecret.open(bytes, key: key, label: "test") != nil else {
                        throw MaskingError.invalidShares("not opened")
                    }
                }
            ),
            (
                // Points, then 32 bytes for each.
                "secret-shares", [[1, 2] + [UInt8](repeating: 4, count: 64)],
                { bytes in
                    let count = bytes.count / 33
                    _ = try SecretSharing.secret(
                        points: Array(bytes[..<count]), shares: secret(Array(bytes[count...])))
                }
            ),
        ]
    }

    /// Contributions and sums of which a part is in clear. (Masks are among the wire's documents, inside openings.)
    private static func parts() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        let digest = Digest(of: [1])
        let (key, run) = (fixtures.privateKey.publicKey, try RunName("demo"))
        let cohort = try ["a", "b", "c"].map { Member(cloud: try CloudName($0), weight: 1) }
        let encryptions: [PartialEncryption] = [
            .selective(try ValueMask(places: stride(from: 0, to: 60, by: 3), of: 60), noise: 1), .literal(omega: 0.5),
        ]
        return try encryptions.flatMap { encryption in
            let opening = Opening(
                run: run, round: RoundNumber(1), purpose: .update, seat: Seat(try StageName("office/aggregate")),
                layout: fixtures.layout, bits: 8, suite: .paillier,
                keyID: key.id.bytes, profile: key.profile.rawValue, clipNorm: 1, cohort: cohort, quorum: 3,
                minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(0), adapterDigest: digest,
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none", baseDigest: "",
                    tokenizerDigest: ""),
                training: TrainingPlan(
                    steps: 1, batchSize: 1, learningRate: 1, weightDecay: 0, gradientClip: 0, seed: 1), split: nil,
                encryption: encryption)
            let scheme = try RoundScheme(opening, key: key)
            let opener = PaillierOpener(key: fixtures.privateKey, layout: scheme.layout, slots: scheme.slots)
            let rounding = StochasticRounding(
                secret: try secret([UInt8](repeating: 4, count: KeyStream.keyByteCount)), run: run,
                round: opening.round,
                cloud: cohort[0].cloud)
            var seed: [UInt8] = []
            _ = try [Float](repeating: 0.25, count: 60).withUnsafeBytes { bytes in
                try scheme.seal(.update(bytes, weight: 1, rounding: rounding), threads: 1) { seed += $0 }
            }
            let contribution: Entry = (
                "\(encryption.formula.rawValue)-contribution", [seed],
                { bytes in
                    let accumulator = scheme.makeAccumulator(checking: .sum)
                    for _ in 0..<2 { try accumulator.add(bytes, sealing: scheme.scheme.sealing, threads: 1) }
                    check(try accumulator.sum().count == scheme.byteCount, "a sum with a part in clear")
                }
            )
            let sum: Entry = (
                "\(encryption.formula.rawValue)-sum", [seed],
                { bytes in
                    var count = 0
                    try bytes.withUnsafeBytes { sum in
                        try scheme.decode(
                            sum, contributions: 1,
                            open: {
                                try opener.open(
                                    scheme.encryptedPart(of: sum), units: $0, sealing: scheme.scheme.sealing,
                                    contributions: 1, threads: 1)
                            }, { count += $1.count })
                    }
                    check(count == 60, "the values of a sum")
                }
            )
            return [contribution, sum]
        }
    }
}
