import Federation
import Foundation
import MessagePack
import Testing

@Suite("How many steps each cloud does, and what its delta counts for")
struct PacingTests {
    private static let names = ["east", "north", "west"]

    private func opening(_ weights: [UInt32], _ pacing: Pacing) throws -> Opening {
        let base = Samples.opening(.update)
        let cohort = try zip(Self.names, weights).map { Member(cloud: try CloudName($0), weight: $1) }
        return Opening(
            run: base.run, round: base.round, purpose: .update, seat: base.seat, layout: base.layout, bits: 12,
            suite: .clear, keyID: [], profile: "", clipNorm: 10, cohort: cohort, quorum: 2, minimumCohort: 2,
            deadline: base.deadline, startsFrom: base.startsFrom, adapterDigest: base.adapterDigest,
            adapter: base.adapter,
            training: TrainingPlan(
                steps: 12, batchSize: 8, learningRate: 0.01, weightDecay: 0, gradientClip: 1, seed: 1,
                pacing: pacing), split: nil)
    }

    private func balanced(_ steps: [Int]) throws -> Pacing {
        .balanced(try zip(Self.names, steps).map { .init(cloud: try CloudName($0), steps: $1) })
    }

    private let deltas: [[Double]] = [
        [0.5, -0.25, 1.0, 0.0], [0.125, 0.75, -0.5, 2.0], [-1.0, 0.25, 0.5, 0.375],
    ]

    /// As clouds fold, aggregate adds and publish divides.
    private func mean(_ opening: Opening, of places: [Int]) throws -> [Double] {
        let clouds = try places.map { try CloudName(Self.names[$0]) }
        let total = opening.foldedTotal(of: clouds)
        return deltas[0].indices.map { column in
            zip(places, clouds).reduce(0) { $0 + opening.foldedWeight(of: $1.1) * deltas[$1.0][column] } / total
        }
    }

    /// By NumPy: p = w / w.sum(); 12 * (p[:, None] * d / H[:, None]).sum(0), with w = 6, 3, 1 and H = 16, 4, 9; and of the first and
    /// the third alone.
    @Test(
        "balanced deltas have FedNova's mean, of all clouds and of those that came",
        arguments: [
            ([0, 1, 2], [0.20416667, 0.59583333, 0.06666667, 1.85]),
            ([0, 2], [0.13095238, -0.11309524, 0.73809524, 0.07142857]),
        ])
    func fedNova(places: [Int], expected: [Double]) throws {
        let found = try mean(try opening([6, 3, 1], balanced([16, 4, 9])), of: places)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 5e-9) }
    }

    @Test("balanced with the same steps for all is averaging")
    func same() throws {
        let even = try opening([6, 3, 1], .even)
        let balanced = try opening([6, 3, 1], balanced([12, 12, 12]))
        for places in [[0, 1, 2], [1, 2]] {
            for (left, right) in zip(try mean(even, of: places), try mean(balanced, of: places)) {
                #expect(abs(left - right) < 1e-12)
            }
        }
    }

    @Test("a factor is never above 1, and whoever does more steps counts the less for each")
    func factors() throws {
        let asked = try opening([4, 4, 4], balanced([20, 5, 10]))
        let factors = try Self.names.map { asked.foldedWeight(of: try CloudName($0)) }
        #expect(factors == [0.25, 1, 0.5])
    }

    @Test("an opening tells each cloud its steps, and comes back from the wire as it was")
    func wire() throws {
        let asked = try opening([4, 4, 4], balanced([20, 5, 10]))
        #expect(asked.training?.steps(of: try CloudName("north")) == 5)
        let back = try Opening(asked.value)
        #expect(back.training == asked.training)
        #expect(asked.training?.summary == "5 to 20 adamw steps, balanced, average, weights fedavg")
    }

    @Test("paces of others than the cohort, in another order, or under equation 4 to the letter are refused")
    func refused() throws {
        let north = try CloudName("north")
        #expect(throws: FederationError.self) {
            try Opening(try opening([4, 4, 4], .balanced([.init(cloud: north, steps: 3)])).value)
        }
        let paces = try balanced([1, 2, 3]).paces
        #expect(throws: FederationError.self) {
            try Opening(try opening([4, 4, 4], .balanced(paces.reversed())).value)
        }
        #expect(throws: FederationError.self) { try Opening(try opening([4, 4, 4], .balanced([])).value) }
        #expect(throws: FederationError.self) {
            try Pacing(.list([.map([("cloud", .text("north")), ("steps", .number(0))])]))
        }
        #expect(throws: FederationError.self) {
            try Pacing(.list([.map([("cloud", .text("north")), ("steps", .number(1)), ("speed", .number(1))])]))
        }
    }

    @Test("a time is told to four significant bits")
    func times() {
        #expect(Weight.bucket(time: .milliseconds(15)) == 15)
        #expect(Weight.bucket(time: .milliseconds(1000)) == 960)
        #expect(Weight.bucket(time: .zero) == 1)
        #expect(Weight.bucket(time: .seconds(1_000_000)) == UInt32(Weight.maximum))
    }
}
