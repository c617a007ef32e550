import Planning
import Testing

@Suite("Shares of workers by their speeds")
struct WorkerSharesTests {
    @Test("A round takes as long as the worker with most for its speed, by hand")
    func slowness() {
        // 50 records each at 10 and 40 a second: 5 s, where 20 and 80 would take 2 s each.
        #expect(abs(WorkerShares.slowness(records: [50, 50], speeds: [10, 40]) - 2.5) < 1e-12)
        #expect(WorkerShares.slowness(records: [20, 80], speeds: [10, 40]) == 1)
        // 30 / 10 = 3 s, 30 / 20 = 1.5 s, 40 / 30 = 1.33 s; 100 / 60 = 1.667 s were best.
        #expect(abs(WorkerShares.slowness(records: [30, 30, 40], speeds: [10, 20, 30]) - 1.8) < 1e-12)
    }

    @Test("The mean of what was seen is exponential, and what says nothing is left out")
    func mean() {
        var speeds = WorkerSpeeds(workers: 2)
        speeds.take([8, 10])
        speeds.take([4, 10])
        speeds.take([0, .infinity])
        speeds.take([2, 6])
        // 8, (8 + 4) / 2 = 6, 6, (6 + 2) / 2 = 4; 10, 10, 10, 8.
        #expect(speeds.means == [4, 8])
        #expect(speeds.rounds == 4)
        speeds.take([1])
        #expect(speeds.rounds == 4)
    }

    @Test(
        "Records are shared out anew where a round is longer than it need be by more than the threshold, not sooner than after four rounds"
    )
    func due() {
        var speeds = WorkerSpeeds(workers: 2)
        for round in 1...WorkerSpeeds.leastRounds {
            #expect(speeds.shares(insteadOf: [50, 50], rebalance: 0.2) == nil)
            speeds.take([10, 40])
            #expect(speeds.rounds == round)
        }
        // 2.5 times as long.
        #expect(speeds.shares(insteadOf: [50, 50], rebalance: 0.2) == [10, 40])
        #expect(speeds.shares(insteadOf: [50, 50], rebalance: 1.6) == nil)
        // 24 / 10 = 2.4 s where 2 s were best: just at the threshold, and just above it.
        #expect(speeds.shares(insteadOf: [24, 76], rebalance: 0.2) == nil)
        #expect(speeds.shares(insteadOf: [25, 75], rebalance: 0.2) == [10, 40])
        speeds.begin()
        #expect(speeds.shares(insteadOf: [50, 50], rebalance: 0.2) == nil)
        var blind = WorkerSpeeds(workers: 2)
        for _ in 0..<8 { blind.take([10, 0]) }
        #expect(blind.shares(insteadOf: [50, 50], rebalance: 0.2) == nil)
    }
}
