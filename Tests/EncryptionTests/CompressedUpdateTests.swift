import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

@Suite("Compressed updates")
struct CompressedUpdateTests {
    private static let clouds = ["a", "b", "c"]

    private func opening(
        _ suite: Suite = .clear, key: PaillierPublicKey? = nil, values: Int = 40, bits: Int = 6, range: Double = 0.5,
        places: [Int]?, feedback: Double = 1, clip: Double = 0, weights: [UInt32] = [4, 2, 1]
    ) throws -> Opening {
        let digest = Digest(of: Array("opening".utf8))
        let layout = try VectorLayout([
            .init(name: "first", shape: [values / 4, 2], range: range),
            .init(name: "second", shape: [values / 2], range: range / 2),
        ])
        let training = TrainingPlan(
            steps: 1, batchSize: 1, learningRate: 1, weightDecay: 0, gradientClip: 0, seed: 1)
        return Opening(
            run: try RunName("demo"), round: RoundNumber(7), purpose: .update,
            seat: Seat(try StageName("office/aggregate")), layout: layout, bits: bits, suite: suite,
            keyID: key?.id.bytes ?? [], profile: key?.profile.rawValue ?? "", clipNorm: clip,
            cohort: try zip(Self.clouds, weights).map { Member(cloud: try CloudName($0), weight: $1) }, quorum: 3,
            minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(3), adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none",
                baseDigest: digest.description, tokenizerDigest: digest.description), training: training, split: nil,
            compression: CompressionPlan(
                scales: .fixed, margin: 2, limit: range, feedback: feedback, fraction: 0.5, rotation: 0.1, turn: 2,
                since: RoundNumber(1), places: try places.map { try ValueMask(places: $0, of: values) }))
    }

    private func rounding(_ cloud: String) throws -> StochasticRounding {
        var bytes = [UInt8](repeating: 1, count: 32)
        return StochasticRounding(
            secret: try SecretBytes(wiping: &bytes), run: try RunName("demo"), round: RoundNumber(7),
            cloud: try CloudName(cloud))
    }

    private func delta(_ seed: UInt64, values: Int = 40, size: Float = 0.4) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<values).map { _ in Float.random(in: -size...size, using: &generator) }
    }

    private func made(
        _ opening: Opening, _ delta: [Float], after residual: [Float]? = nil
    ) throws -> CompressedUpdate {
        try delta.withUnsafeBytes { bytes in
            try #require(try CompressedUpdate(opening, delta: bytes, residual: residual))
        }
    }

    /// Seals one cloud's update; what went in, and what is left.
    private func seal(
        _ opening: Opening, _ scheme: RoundScheme, cloud: String, _ delta: [Float], after residual: [Float]? = nil
    ) throws -> (payload: [UInt8], quantised: [UInt32], left: [Float]?) {
        let weight = Float(opening.foldedWeight(of: try CloudName(cloud)))
        let update = try made(opening, delta, after: residual)
        var (payload, quantised): ([UInt8], [UInt32]) = ([], [])
        _ = try update.sent.withUnsafeBytes { bytes in
            try scheme.seal(
                .update(bytes, weight: weight, rounding: try rounding(cloud)), threads: 1,
                quantised: { quantised += $0 }
            ) { payload += $0 }
        }
        return (payload, quantised, try update.residual(after: quantised, weight: weight))
    }

    private static let some = [0, 1, 7, 8, 19, 20, 33, 39]

    @Test("Sealed with each suite, the sum is that of what each cloud sent at the places, and nothing else is in it")
    func sums() throws {
        let key = try TestKeys.first.get()
        for (suite, publicKey) in [(Suite.clear, nil), (.paillier, key.publicKey)] as [(Suite, PaillierPublicKey?)] {
            let opening = try opening(suite, key: publicKey, places: Self.some)
            let scheme = try RoundScheme(opening, key: publicKey)
            #expect(scheme.layout.count == 8)
            let accumulator = scheme.makeAccumulator()
            var expected = [UInt64](repeating: 0, count: 8)
            for (seed, cloud) in Self.clouds.enumerated() {
                let sealed = try seal(opening, scheme, cloud: cloud, delta(UInt64(seed)))
                try accumulator.add(sealed.payload, sealing: scheme.scheme.sealing, threads: 1)
                for (index, value) in sealed.quantised.enumerated() { expected[index] += UInt64(value) }
            }
            let units = 0..<scheme.scheme.shape.units
            let opened =
                try publicKey == nil
                ? ClearScheme(layout: scheme.layout, slots: scheme.slots).open(
                    accumulator.sum(), units: units, sealing: scheme.scheme.sealing, contributions: 3, threads: 1)
                : scheme.opener(key).open(
                    accumulator.sum(), units: units, sealing: scheme.scheme.sealing, contributions: 3, threads: 1)
            #expect(opened == expected)
        }
    }

    @Test(
        "What was counted and what is left are together what was to be sent, whatever was cut off, rounded or left out",
        arguments: [nil, [0, 1, 7, 8, 19, 20, 33, 39]] as [[Int]?], [0.05, 0.5])
    func conservation(places: [Int]?, range: Double) throws {
        let opening = try opening(range: range, places: places)
        let scheme = try RoundScheme(opening, key: nil)
        for cloud in Self.clouds {
            let weight = opening.foldedWeight(of: try CloudName(cloud))
            var (counted, trained): ([Double], [Double]) = (
                [Double](repeating: 0, count: 40), [Double](repeating: 0, count: 40)
            )
            var left: [Float]?
            for round in 0..<12 as Range<UInt64> {
                let delta = delta(100 + round, size: 0.1)
                let sealed = try seal(opening, scheme, cloud: cloud, delta, after: left)
                left = sealed.left
                // By hand: step, offset, weight.
                for (index, place) in (places ?? Array(0..<40)).enumerated() {
                    let step = (place < 20 ? range : range / 2) / 31
                    counted[place] += step * (Double(sealed.quantised[index]) - 32) / weight
                }
                for (place, value) in delta.enumerated() { trained[place] += Double(value) }
            }
            for place in 0..<40 {
                #expect(abs(counted[place] + Double(try #require(left)[place]) - trained[place]) < 1e-5)
            }
            // Where a value is sent, in reach of the range, only rounding is left of it.
            if range == 0.5 {
                let worst = (places ?? Array(0..<40)).map { abs(Double(left?[$0] ?? 1)) }.max() ?? 1
                #expect(worst <= range / 31 / weight * (1 + 1e-6))
            }
        }
    }

    @Test("A part of what is left can be kept, or none of it")
    func feedback() throws {
        func left(_ feedback: Double) throws -> [Float]? {
            let opening = try opening(places: Self.some, feedback: feedback)
            return try seal(opening, RoundScheme(opening, key: nil), cloud: "a", delta(3)).left
        }
        let (all, half) = (try #require(try left(1)), try #require(try left(0.5)))
        #expect(zip(all, half).allSatisfy { abs($0 - 2 * $1) < 1e-6 } && all.contains { $0 != 0 })
        #expect(try left(0) == nil)
    }

    @Test("However much was left out before, nothing longer than the clip norm is sent")
    func clipped() throws {
        let opening = try opening(places: Self.some, clip: 0.25)
        let residual = delta(9, size: 3)
        let update = try made(opening, delta(3), after: residual)
        let norm = update.sent.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm - 0.25) < 1e-6)
        // Its direction is that of the whole.
        let whole = zip(delta(3), residual).map { $0 + $1 }
        let factor = whole[0] / update.sent[0]
        #expect(zip(Self.some, update.sent).allSatisfy { abs(whole[$0] - factor * $1) < 1e-4 })
    }

    @Test("Another number of values is refused, and an opening that compresses nothing makes nothing")
    func refusals() throws {
        let opening = try opening(places: Self.some)
        #expect(throws: EncryptionError.wrongValueCount(expected: 40, found: 39)) {
            try made(opening, delta(1, values: 39))
        }
        #expect(throws: EncryptionError.wrongValueCount(expected: 40, found: 41)) {
            try made(opening, delta(1), after: delta(1, values: 41))
        }
    }
}
