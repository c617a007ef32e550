import Federation
import Monitoring
import Testing
import Topology
import View

@Suite("What a run costs")
struct RunCostTests {
    private func plan() throws -> FederationPlan {
        let plan = try Story().plan
        return FederationPlan(
            federation: plan.federation, run: plan.run, suite: plan.suite, keys: plan.keys, clouds: plan.clouds,
            links: [],
            prices: [
                try CloudName("north"): Topology.Prices(cpuHour: 0.36, gpuHour: 3.6, egressGigabyte: 0.5),
                try CloudName("west"): Topology.Prices(cpuHour: 0.72),
            ], currency: "CHF")
    }

    private func metrics() throws -> CostMetrics {
        var costs = CostMetrics()
        func take(_ stage: String, _ fill: (Meters) -> Void) throws {
            let meters = Meters()
            fill(meters)
            var exposition = Exposition()
            exposition.add(meters.readings(), labels: [("cloud", "x")])
            costs.take(exposition.text, of: try StageName(stage))
        }
        try take("north/local-train") {
            $0.set(.processCPU, to: 90)
            $0.observe(60, in: .phaseSeconds, ["train"])
            $0.observe(30, in: .phaseSeconds, ["score"])
            $0.add(5e9, to: .linkBytes, ["north/encrypt", "sent"])
        }
        try take("north/encrypt") {
            $0.set(.processCPU, to: 10)
            $0.add(2e9, to: .linkBytes, ["coordinator/aggregate", "sent"])
        }
        try take("west/local-train") {
            $0.set(.processCPU, to: 50)
            $0.observe(50, in: .phaseSeconds, ["train"])
        }
        try take("east/encrypt") { $0.set(.processCPU, to: 7) }
        return costs
    }

    @Test("processor time, the time that was trained, and what leaves the cloud, each by its price")
    func amounts() throws {
        let cost = try #require(try metrics().cost(try plan()))
        let north = try #require(cost.clouds.first { $0.name.description == "north" })
        #expect(north.cpuSeconds == 100 && north.gpuSeconds == 60 && north.egressBytes == 2e9)
        // By hand: 100 s at 0.36 an hour, 60 s at 3.6, 2 GB at 0.5.
        #expect(abs(try #require(north.amount) - (0.01 + 0.06 + 1)) < 1e-12)
        let west = try #require(cost.clouds.first { $0.name.description == "west" })
        #expect(west.gpuSeconds == 0)
        #expect(abs(try #require(west.amount) - 0.01) < 1e-12)
        #expect(cost.clouds.first { $0.name.description == "east" }?.amount == nil)
        #expect(abs(try #require(cost.total) - 1.08) < 1e-12 && cost.currency == "CHF")
    }

    @Test("what had been used by a release is what each process had told by then, of all of a stage's processes")
    func byRelease() throws {
        var story = try Story()
        func use(
            _ stage: String, _ round: UInt32, epoch: UInt64 = 1, _ cpu: Double, _ trained: Double, _ links: String...
        )
            throws
        {
            try story.tell(
                .stageUsed, stage, at: Double(round), round: round, epoch: epoch,
                [
                    .cpuSeconds: .real(cpu), .trainedSeconds: .real(trained),
                    .linkBytes: .list(links.map { .text($0) }),
                ])
        }
        try use("north/local-train", 2, 30, 20)
        try use("north/local-train", 3, 40, 25)
        // It was started again, and counts from nothing.
        try use("north/local-train", 4, epoch: 2, 50, 35)
        try use("north/local-train", 5, epoch: 2, 500, 350)
        try use("north/encrypt", 4, 10, 0, "coordinator/aggregate 1500000000 7", "nonsense")
        // What aggregate had of it is more than it had sent to it by name.
        try use("coordinator/aggregate", 4, 1, 0, "north/encrypt 4000 2000000000")
        try use("west/local-train", 5, 50, 50)
        var used = UsedFigures()
        for event in story.events { used.take(event) }
        let cost = try #require(used.cost(by: 4, try plan()))
        let north = try #require(cost.clouds.first { $0.name.description == "north" })
        #expect(north.cpuSeconds == 40 + 50 + 10 && north.gpuSeconds == 25 + 35 && north.egressBytes == 2e9)
        #expect(abs(try #require(north.amount) - (0.01 + 0.06 + 1)) < 1e-12)
        #expect(cost.clouds.first { $0.name.description == "coordinator" }?.egressBytes == 4000)
        #expect(cost.clouds.first { $0.name.description == "west" }?.cpuSeconds == 0)
        #expect(used.cost(by: 1, try plan()) == nil)
    }

    @Test("without prices there are amounts of use and none of money; without figures nothing")
    func withoutPrices() throws {
        let cost = try #require(try metrics().cost(try Story().plan))
        #expect(cost.total == nil && cost.clouds.contains { $0.cpuSeconds == 100 })
        #expect(CostMetrics().cost(try plan()) == nil)
        var broken = CostMetrics()
        broken.take(
            "process_cpu_seconds_total{cloud=\"x\"} NaN\nprocess_cpu_seconds_total{", of: try StageName("north/encrypt")
        )
        #expect(broken.cost(try plan()) == nil)
    }
}
