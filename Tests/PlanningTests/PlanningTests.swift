import Federation
import Planning
import Testing

@Suite("What a round will take, and what is chosen for it")
struct PlanningTests {
    private func cloud(
        _ name: String, weight: Double = 1, step: Double, fixed: Double = 0, seal: Double = 0, up: Double,
        down: Double = 1e7, latency: Double = 0
    ) throws -> CloudFigures {
        CloudFigures(
            cloud: try CloudName(name), weight: weight, secondsPerStep: step, fixedSeconds: fixed,
            sealSecondsPerBit: seal, up: LinkRate(bytesPerSecond: up, latency: latency),
            down: LinkRate(bytesPerSecond: down, latency: latency))
    }

    /// By hand, at 8 bits and 10 steps: north 2 + 10 * 1 + 8 * 0.25 + 0.05 + 4e6 / 1e6 = 18.05 s;
    /// west 10 * 4 + 8 * 0.25 + 0.1 + 4e6 / 2e6 = 44.1 s; east 10 * 0.5 + 0 + 0 + 4e6 / 0.25e6 = 21 s.
    private func three() throws -> RoundFigures {
        RoundFigures(
            clouds: [
                try cloud("north", step: 1, fixed: 2, seal: 0.25, up: 1e6, down: 2e6, latency: 0.05),
                try cloud("west", step: 4, seal: 0.25, up: 2e6, down: 8e6, latency: 0.1),
                try cloud("east", step: 0.5, up: 0.25e6, down: 1e6),
            ], contributionBytes: [8: 4e6, 16: 8e6], releaseBytes: 8e6, aggregateSeconds: 0.5, openSeconds: 1.5)
    }

    @Test("the sum of its parts, worked by hand")
    func byHand() throws {
        let all = RoundPrediction(try three(), steps: [10, 10, 10], bits: 8, quorum: 3)
        #expect(zip(all.arrivals.map(\.seconds), [18.05, 44.1, 21]).allSatisfy { abs($0 - $1) < 1e-9 })
        // The release: north 0.05 + 4, west 0.1 + 1, east 8.
        #expect(all.release == 8)
        #expect(abs(all.seconds - (44.1 + 0.5 + 1.5 + 8)) < 1e-9)
    }

    @Test("a quorum of M ends with the M-th contribution")
    func orderStatistic() throws {
        let figures = try three()
        let gathering = (1...3).map {
            RoundPrediction(figures, steps: [10, 10, 10], bits: 8, quorum: $0).gathering
        }
        #expect(zip(gathering, [18.05, 21, 44.1]).allSatisfy { abs($0 - $1) < 1e-9 })
    }

    @Test("sealing and sending side by side takes the slower of the two, and the first piece")
    func overlapped() throws {
        // Sealing 2 s, sending 4 s, in 4 pieces: 0.5 + 1 + 3 * 1 = 4.5 s instead of 6.
        let figures = RoundFigures(
            clouds: [try cloud("a", step: 0, seal: 0.25, up: 1e6)], contributionBytes: [8: 4e6], releaseBytes: 0)
        #expect(RoundPrediction(figures, steps: [0], bits: 8, quorum: 1).gathering == 6)
        #expect(RoundPrediction(figures, steps: [0], bits: 8, quorum: 1, fragments: 4).gathering == 4.5)
        let many = RoundPrediction(figures, steps: [0], bits: 8, quorum: 1, fragments: 1_000_000).gathering
        #expect(many > 4 && many < 4.00001)
    }

    @Test("a long link carries no more than its window there and back")
    func window() {
        let rate = LinkRate(bytesPerSecond: 1e9, latency: 0.05)
        #expect(rate.seconds(for: 20e6, window: 2e6) == 1)
        #expect(rate.seconds(for: 1e9) == 1)
    }

    @Test("a cloud four times slower does a quarter, and the noise stays what it was")
    func equalised() {
        // T with 1/T + 1/T + 4/T = 3/12: 24, so 24, 24 and 6, there in half of 48.
        let steps = StepShares.equalised([(0, 1, 1), (0, 1, 1), (0, 4, 1)], even: 12, limits: 1...100)
        #expect(steps == [24, 24, 6])
        // Weights of 2 and 1: 4/T + 3/T = 5/10, so 14 and 14 / 3, and one more, as 4/14 + 1/4 is above .5.
        #expect(StepShares.equalised([(0, 1, 2), (0, 3, 1)], even: 10, limits: 1...100) == [15, 5])
    }

    @Test("a cloud that the round does not wait for gets what fits, and the others do its part")
    func counted() {
        // 2 / (4 T) = 3 / (9 * 12): T = 18, in which the third does a step and a half.
        let steps = StepShares.equalised(
            [(0, 1, 1), (0, 1, 1), (0, 12, 1)], counted: [0, 1], even: 12, limits: 1...100)
        #expect(steps == [18, 18, 1])
    }

    @Test("no other shares with as little noise are there sooner: every one tried")
    func exhaustive() {
        var seed: UInt64 = 7
        func draw(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        for _ in 0..<200 {
            let clouds = (0..<3).map { _ in
                (fixed: Double(draw(8)), step: 0.25 * Double(1 + draw(12)), weight: Double(1 + draw(5)))
            }
            let limits = 1 + draw(2)...6 + draw(4)
            let even = Double(limits.lowerBound + draw(limits.count))
            let allowed = clouds.reduce(0) { $0 + $1.weight * $1.weight } / even
            func end(_ steps: [Int]) -> Double {
                zip(clouds, steps).map { $0.fixed + $0.step * Double($1) }.max() ?? 0
            }
            func noise(_ steps: [Int]) -> Double {
                zip(clouds, steps).reduce(0) { $0 + $1.0.weight * $1.0.weight / Double($1.1) }
            }
            var best = Double.infinity
            for a in limits {
                for b in limits {
                    for c in limits where noise([a, b, c]) <= allowed + 1e-9 { best = min(best, end([a, b, c])) }
                }
            }
            let chosen = StepShares.equalised(clouds, even: even, limits: limits)
            #expect(chosen.allSatisfy(limits.contains))
            #expect(noise(chosen) <= allowed + 1e-9)
            #expect(abs(end(chosen) - best) < 1e-9, "\(clouds) \(limits) \(even): \(chosen)")
        }
    }

    @Test("limits that leave nothing to choose are kept to")
    func bounds() {
        #expect(StepShares.equalised([(0, 1, 1), (9, 9, 1)], even: 50, limits: 2...4) == [4, 4])
        #expect(StepShares.equalised([(0, 1, 1), (9, 9, 1)], even: 1, limits: 2...4) == [2, 2])
        // A step that takes no time: as many as the limits allow, and 1/5 + 1/H = 2/3 of the other.
        #expect(StepShares.equalised([(0, 0, 1), (0, 1, 1)], even: 3, limits: 1...5) == [5, 3])
    }

    private let limits = PlanLimits(evenSteps: 10, steps: 2...40, bits: 8...16, leastQuorum: 2, deadline: 10...600)

    @Test("a choice is never slower than none")
    func worthIt() throws {
        let whole = PlanLimits(evenSteps: 10, steps: 2...40, bits: 8...16, leastQuorum: 3, deadline: 10...600)
        let choice = try #require(RoundPlanner(whole).choose(try three()))
        #expect(choice.prediction.seconds < choice.unplanned.seconds)
        #expect(choice.bits == 8)  // 16 bits take east 16 s more
        let noise = choice.steps.reduce(0) { $0 + 1 / Double($1) }
        #expect(noise <= 0.3 && noise > 0.27)
    }

    @Test("a slower link, a slower cloud, a longer way never make the plan quicker")
    func monotone() throws {
        func seconds(step: Double = 1, up: Double = 1e6, latency: Double = 0.01) throws -> Double {
            let figures = RoundFigures(
                clouds: [
                    try cloud("a", step: step, up: up, latency: latency), try cloud("b", step: 1, up: 1e6),
                    try cloud("c", step: 2, up: 1e6),
                ], contributionBytes: [8: 4e6, 9: 4.5e6, 12: 6e6], releaseBytes: 1e6)
            return try #require(RoundPlanner(limits).choose(figures)).prediction.seconds
        }
        // Within the tolerance that the planner has for bits and clouds.
        let room = 1 + RoundPlanner.tolerance
        let steps = try [0.25, 0.5, 1, 2, 4, 8].map { try seconds(step: $0) }
        let links = try [8e6, 4e6, 2e6, 1e6, 5e5, 2.5e5].map { try seconds(up: $0) }
        let ways = try [0, 0.01, 0.1, 1].map { try seconds(latency: $0) }
        for series in [steps, links, ways] {
            for (left, right) in zip(series, series.dropFirst()) { #expect(right * room >= left) }
            #expect(try #require(series.last) > series[0])
        }
    }

    @Test("bits are kept where they cost no time")
    func bitsKept() throws {
        let figures = RoundFigures(
            clouds: try ["a", "b", "c"].map { try cloud($0, step: 1, up: 1e9) },
            contributionBytes: [8: 1e6, 12: 1.5e6, 16: 2e6], releaseBytes: 0)
        #expect(try #require(RoundPlanner(limits).choose(figures)).bits == 16)
    }

    @Test("a cloud is left behind where its limits keep it from arriving with the others, and only then")
    func quorum() throws {
        func choice(step: Double) throws -> RoundChoice {
            let figures = RoundFigures(
                clouds: [
                    try cloud("a", step: 1, up: 1e7), try cloud("b", step: 1, up: 1e7),
                    try cloud("c", step: step, up: 1e7),
                ], contributionBytes: [8: 1e5], releaseBytes: 0)
            return try #require(RoundPlanner(limits).choose(figures))
        }
        let together = try choice(step: 2)
        #expect(together.quorum == 3)
        #expect(together.deadline == 600)
        // Two of three that are worth three of 10 steps: 2 / (4 H) = 3 / (9 * 10), H = 15. The third, at two, comes after 40 s.
        let left = try choice(step: 20)
        #expect(left.quorum == 2)
        #expect(left.steps == [15, 15, 2])
        #expect(left.deadline >= left.prediction.gathering && left.deadline < 40)
        let stay = PlanLimits(evenSteps: 10, steps: 2...40, bits: 8...16, leastQuorum: 3, deadline: 10...600)
        let figures = RoundFigures(
            clouds: try ["a", "b", "c"].map { try cloud($0, step: 20, up: 1e7) }, contributionBytes: [8: 1e5],
            releaseBytes: 0)
        let whole = try #require(RoundPlanner(stay).choose(figures))
        #expect(whole.quorum == 3)
        #expect(whole.reasons.contains { $0.contains("the limits allow no fewer") })
    }

    @Test("without a number of bits that is known nothing is chosen")
    func nothing() throws {
        let figures = RoundFigures(clouds: [try cloud("a", step: 1, up: 1)], contributionBytes: [4: 1], releaseBytes: 0)
        #expect(RoundPlanner(limits).choose(figures) == nil)
    }
}
