import Federation
import LocalTrainLogic
import Sodium
import Testing

@Suite("What a late update must become to count in another round")
struct HeldUpdateTests {
    private let clouds: [CloudName]

    init() throws { clouds = try ["east", "north", "west"].map { try CloudName($0) } }

    private func opening(_ paces: [Int]?, clipNorm: Double) throws -> Opening {
        let pacing = paces.map { Pacing.balanced(zip(clouds, $0).map { .init(cloud: $0, steps: $1) }) } ?? .even
        let digest = Digest(of: [1])
        return Opening(
            run: try RunName("demo"), round: RoundNumber(9), purpose: .update,
            seat: Seat(try StageName("office/aggregate")),
            layout: try VectorLayout([.init(name: "values", shape: [4], range: 1)]), bits: 12, suite: .clear, keyID: [],
            profile: "", clipNorm: clipNorm, cohort: clouds.map { Member(cloud: $0, weight: 1) }, quorum: 2,
            minimumCohort: 2, deadline: 1, startsFrom: RoundNumber(8), adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "none", baseDigest: "",
                tokenizerDigest: ""),
            training: TrainingPlan(
                steps: 12, batchSize: 8, learningRate: 0.006, weightDecay: 0, gradientClip: 1, seed: 1, pacing: pacing),
            split: nil)
    }

    private func held(_ steps: Int, clipNorm: Double = 10) -> HeldUpdate {
        HeldUpdate(base: RoundNumber(5), offeredFor: nil, steps: steps, clipNorm: clipNorm)
    }

    @Test("Where deltas count per step it is as long as the opening's steps would make it, and no longer than its clip")
    func steps() throws {
        // North is asked for 24 steps and did 6: counted over 24, its delta is to be four times as long.
        let more = try #require(held(6).change(for: opening([4, 24, 8], clipNorm: 10), cloud: clouds[1]))
        #expect(more.scale == 4 && more.clipNorm == 10)
        let fewer = try #require(held(16).change(for: opening([4, 24, 8], clipNorm: 2), cloud: clouds[0]))
        #expect(fewer.scale == 0.25 && fewer.clipNorm == 2)
        #expect(try held(8).change(for: opening([4, 24, 8], clipNorm: 10), cloud: clouds[2]) == nil)
    }

    @Test("Evenly paced a delta counts whole, however many steps it took; another clip is kept to")
    func even() throws {
        #expect(try held(3).change(for: opening(nil, clipNorm: 10), cloud: clouds[1]) == nil)
        let clipped = try #require(held(3).change(for: opening(nil, clipNorm: 0.5), cloud: clouds[1]))
        #expect(clipped.scale == 1 && clipped.clipNorm == 0.5)
    }

    @Test("The journal's note of it reads back, and a damaged one does not")
    func note() throws {
        var update = held(7, clipNorm: 0.1)
        update.offeredFor = RoundNumber(8)
        let back = try HeldUpdate(bytes: update.bytes)
        #expect(
            back.base == update.base && back.offeredFor == RoundNumber(8) && back.steps == 7 && back.clipNorm == 0.1)
        #expect(try HeldUpdate(bytes: held(7).bytes).offeredFor == nil)
        #expect(throws: (any Error).self) { try HeldUpdate(bytes: Array("5 8 7".utf8)) }
    }
}
