import Federation
import SeededRandom
import Testing

@Suite("How much each cloud counts")
struct WeightingTests {
    private func input(_ records: UInt32, _ loss: UInt32?, _ transfer: UInt32?, _ name: String = "north") throws
        -> Weighting.Input
    {
        .init(cloud: try CloudName(name), records: records, loss: loss, transfer: transfer)
    }

    private func shares(_ weighting: Weighting, _ inputs: [(UInt32, UInt32?, UInt32?)]) throws -> [Double] {
        weighting.shares(try inputs.map { try input($0.0, $0.1, $0.2) })
    }

    /// 100,000, 10,000 and 1,000 records; losses .4, .5 and .9; links of 1000, 300 and 50 Mbit/s, as the time that 1 Gbit takes.
    private let example: [(UInt32, UInt32?, UInt32?)] = [
        (100_000, 410, 1000), (10_000, 512, 3333), (1000, 922, 20_000),
    ]

    @Test(
        "The paper's example by hand: its formula says the opposite of its words",
        arguments: [
            (Weighting.Mode.literal, [0.001, 0.022, 0.977]), (.reciprocal, [0.957, 0.042, 0.001]),
            (.fedavg, [0.901, 0.090, 0.009]), (.uniform, [1.0 / 3, 1.0 / 3, 1.0 / 3]),
        ])
    func paper(_ mode: Weighting.Mode, _ expected: [Double]) throws {
        let found = try shares(Weighting(mode, alpha: 0.5), example)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 6e-4, "\(mode)") }
    }

    @Test("Quality by hand: |D| / (L + eps), less for who came late, then capped")
    func quality() throws {
        // eps = .05 * 512; the third came at twice the slack: (1 + 1)^-.5.
        let raw: [Double] = [100_000 / 435.6, 10_000 / 537.6, 1000 / (947.6 * 2.0.squareRoot())]
        let total = raw.reduce(0, +)
        let found = try shares(Weighting(.quality, beta: 1, cap: 100), example)
        for (found, raw) in zip(found, raw) { #expect(abs(found - raw / total) < 1e-12) }
    }

    @Test("Unless told to, quality does not take a log loss for the variance of an update: records and lateness decide")
    func withoutLosses() throws {
        #expect(Weighting(.quality).beta == 0 && Weighting(.qffl).beta == 1)
        let raw: [Double] = [100_000, 10_000, 1000 / 2.0.squareRoot()]
        let found = try shares(Weighting(.quality, cap: 100), example)
        let total = raw.reduce(0, +)
        for (found, raw) in zip(found, raw) { #expect(abs(found - raw / total) < 1e-12) }
        let using = [Weighting(.quality, beta: 0.5), Weighting(.qffl), Weighting(.reciprocal), Weighting(.literal)]
        #expect(using.allSatisfy { $0.usesLosses })
        let others = [Weighting(.fedavg), Weighting(.uniform), Weighting(.quality), Weighting(.qffl, beta: 0)]
        #expect(!others.contains { $0.usesLosses })
    }

    @Test("q-FFL by hand gives more to a cloud that does badly")
    func fair() throws {
        let raw: [Double] = [100 * (100 + 10), 100 * (300 + 10)]
        let found = try shares(Weighting(.qffl, cap: 100), [(100, 100, nil), (100, 300, nil)])
        #expect(abs(found[1] - raw[1] / (raw[0] + raw[1])) < 1e-12)
    }

    @Test("Of two clouds that are alike the one with more records, less loss or the faster link never counts less")
    func monotone() throws {
        var draws = SeededGenerator(seed: 5)
        for rule in [Weighting(.quality), Weighting(.quality, beta: 1), Weighting(.reciprocal)] {
            for _ in 0..<200 {
                var inputs = (0..<4).map { _ in
                    (
                        UInt32.random(in: 1...100_000, using: &draws),
                        Optional(UInt32.random(in: 1...4000, using: &draws)),
                        Optional(UInt32.random(in: 1...60_000, using: &draws))
                    )
                }
                let before = try shares(rule, inputs)[0]
                inputs[0].0 *= 2
                #expect(try shares(rule, inputs)[0] >= before - 1e-12)
                inputs[0].0 /= 2
                inputs[0].1 = inputs[0].1.map { $0 * 2 }
                #expect(try shares(rule, inputs)[0] <= before + 1e-12)
                inputs[0].1 = inputs[0].1.map { $0 / 2 }
                inputs[0].2 = inputs[0].2.map { $0 * 2 }
                #expect(try shares(rule, inputs)[0] <= before + 1e-12)
            }
        }
        // The formula to the letter goes the other way, which is what is wrong with it.
        let literal = Weighting(.literal)
        #expect(try shares(literal, [(200, 100, 100), (100, 100, 100)])[0] < 0.5)
        #expect(try shares(literal, [(100, 200, 100), (100, 100, 100)])[0] > 0.5)
    }

    @Test(
        "A cloud that lies about its loss counts no more than the cap times its records, and the rest share what is cut"
    )
    func caps() throws {
        let lying = try shares(
            Weighting(.quality, beta: 1, cap: 2), [(100, 1, nil), (100, 1000, nil), (200, 1000, nil)])
        #expect(abs(lying[0] - 0.5) < 1e-12)
        #expect(abs(lying[1] * 2 - lying[2]) < 1e-12 && abs(lying.reduce(0, +) - 1) < 1e-12)
        // Without the cap it would have nearly everything.
        #expect(
            try shares(Weighting(.quality, beta: 1, cap: 1000), [(100, 1, nil), (100, 1000, nil), (200, 1000, nil)])[0]
                > 0.8)
        // At 1 the records decide alone.
        let one = try shares(Weighting(.quality, beta: 1, cap: 1), [(100, 1, nil), (300, 1000, nil)])
        #expect(abs(one[0] - 0.25) < 1e-12 && abs(one[1] - 0.75) < 1e-12)
    }

    @Test("Who says nothing counts as the median of those who do; where nobody says anything the records decide")
    func unsaid() throws {
        let weighting = Weighting(.quality, beta: 1, cap: 100)
        let said = try shares(weighting, [(100, 100, nil), (100, 200, nil), (100, 400, nil)])
        #expect(try shares(weighting, [(100, 100, nil), (100, nil, nil), (100, 400, nil)])[1] != said[1])
        for share in try shares(weighting, [(100, 200, nil), (100, nil, nil), (100, 200, nil)]) {
            #expect(abs(share - 1.0 / 3) < 1e-12)
        }
        for rule in [Weighting(.quality, beta: 1), Weighting(.qffl)] {
            let silent = try shares(rule, [(100, nil, nil), (300, nil, nil)])
            #expect(abs(silent[0] - 0.25) < 1e-12)
        }
    }

    @Test("A loss is told to four significant bits")
    func told() {
        #expect(
            [1, 15, 16, 17, 18, 31, 33, 1023, 1 << 24].map { Weight.bucket(loss: $0) } == [
                1, 15, 16, 16, 18, 30, 32, 960, 1 << 24,
            ])
        #expect(Weight.bucket(loss: 0) == 1 && Weight.bucket(loss: .max) == 1 << 24)
        #expect(Weighting.loss(0.5) == 512 && Weighting.loss(0) == nil && Weighting.loss(.nan) == nil)
    }

    @Test("Weights are whole numbers, the largest the unit; averaging keeps the records")
    func whole() throws {
        let inputs = try example.map { try input($0.0, $0.1, $0.2) }
        #expect(Weighting(.fedavg).weights(inputs) == [100_000, 10_000, 1000])
        #expect(Weighting(.uniform).weights(inputs) == [65_536, 65_536, 65_536])
        let literal = Weighting(.literal).weights(inputs)
        #expect(literal[2] == 65_536 && literal[0] >= 1 && literal[0] < literal[1])
    }
}
