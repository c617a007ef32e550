import BigInteger
import Encryption
import Federation
import Sodium

extension EncryptionDecoders {
    /// Contributions and sums with plaintexts mod n^3, two ciphertexts each.
    static func longest() throws -> [Entry] {
        let fixtures = try DecoderFixtures.shared.get()
        let layout = try VectorLayout([.init(name: "values", shape: [200], range: 1)])
        let values = (0..<200).map { UInt32($0 + 1) }
        return try [Arithmetic.portable, .lanes].flatMap { name in
            // The same entries on every machine.
            let arithmetic = Arithmetic.supported.contains(name) ? name : .portable
            let scheme = DamgardJurikScheme(
                key: fixtures.privateKey.publicKey, degree: 3, layout: layout, slots: fixtures.slots,
                arithmetic: arithmetic)
            let opener = DamgardJurikOpener(key: fixtures.privateKey, scheme: scheme)
            let exponents = [UInt8](repeating: 9, count: scheme.shape.units * scheme.exponentByteCount)
            let payload = try scheme.seal(values, exponents: exponents)
            let contribution: Entry = ("longest-contribution-\(name)", [payload], { try add($0, to: scheme) })
            let sum: Entry = (
                "longest-sum-\(name)", [payload],
                { _ = try opener.open($0, sealing: opener.sealing, contributions: 1, threads: 1) }
            )
            return [contribution, sum]
        }
    }

    /// Released sums, of all values and of some, whose last byte is not full.
    static func rows() throws -> [Entry] {
        let layout = try DecoderFixtures.shared.get().layout
        let step = try OuterStep(.average(rate: 0.5), totalWeight: 3)
        let some = try ValueMask(places: 1..<layout.count, of: layout.count)
        return try [("sum-row", nil), ("sum-row-of-some", some)].map { name, places in
            let opening = try opening(of: layout, places: places)
            guard let row = try SumRow(opening, contributions: 3) else { throw EncryptionError.nothingToSum }
            var writer = SumRow.Writer(row)
            let seed = writer.append((0..<row.values).map { UInt64(3 + 12 * $0) }) + writer.finish()
            return (
                name, [seed],
                { bytes in
                    var values = 0
                    try bytes.withUnsafeBytes { bytes in
                        try row.step(
                            over: layout.count, at: places, by: step, bytes,
                            before: { [Float](repeating: 0, count: $0.count) }, after: { values += $0.count })
                    }
                    check(values == layout.count, "the adapter after a sum")
                }
            )
        }
    }

    private static func opening(of layout: VectorLayout, places: ValueMask?) throws -> Opening {
        Opening(
            run: try RunName("demo"), round: RoundNumber(7), purpose: .update,
            seat: Seat(try StageName("office/aggregate")), layout: layout, bits: 8, suite: .clear, keyID: [],
            profile: "", clipNorm: 0,
            cohort: try ["a", "b", "c"].map { Member(cloud: try CloudName($0), weight: 1) },
            quorum: 3, minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(3), adapterDigest: Digest(of: [1]),
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none", baseDigest: "",
                tokenizerDigest: ""),
            training: TrainingPlan(
                steps: 1, batchSize: 1, learningRate: 1, weightDecay: 0, gradientClip: 0, seed: 1,
                outer: .average(rate: 0.5)),
            split: nil, encryption: nil,
            compression: places.map {
                CompressionPlan(
                    scales: .fixed, margin: 2, limit: 0.5, feedback: 0, fraction: 0.5, rotation: 0.1, turn: 2,
                    since: RoundNumber(1), places: $0)
            })
    }
}
