internal import Encryption
internal import Federation
internal import Planning
internal import Publication
internal import StageKit
internal import Topology
internal import View

/// What the planner would choose, what it expects of it, and what a round would be without it.
struct ScheduleReport: Encodable {
    struct Cloud: Encodable {
        let cloud: String
        let steps: Int
        let computeSeconds: Double
        let sealSeconds: Double
        let uploadSeconds: Double
        let arrivalSeconds: Double
        /// Of the round, in the federation's currency: its machines for as long as the round takes, and what leaves it. Nil without prices.
        let cost: Double?
        let unplannedArrivalSeconds: Double
        let unplannedCost: Double?
    }

    let clouds: [Cloud]
    let bits: Int
    let quorum: Int
    let deadlineSeconds: Double
    let seconds: Double
    let gatheringSeconds: Double
    let aggregateSeconds: Double
    let openSeconds: Double
    let releaseSeconds: Double
    let unplannedSeconds: Double
    /// Were a contribution sent in chunks while the next is sealed; stages seal first and send then.
    let overlappedSeconds: Double
    let reasons: [String]
    let currency: String
    /// Of all clouds; nil where no cloud has prices.
    let cost: Double?
    let unplannedCost: Double?

    init(_ topology: Topology, _ publish: PublishConfiguration, _ table: LinkTable) throws {
        let planner = publish.planner.mode == .off ? publish.planner.standard(publish) : publish.planner
        let count = table.clouds.count
        let limits = planner.limits(of: publish, quorum: min(publish.quorum ?? count, count), suite: topology.suite)
        func width(_ bits: Int) throws -> Double { Double(try SlotLayout(bits: bits, cohort: count).width) }
        let widest = try width(publish.bits)
        let bytes = try Dictionary(
            uniqueKeysWithValues: limits.bits.map { ($0, table.contribution * (try width($0)) / widest) })
        let figures = RoundFigures(
            clouds: table.clouds.map(\.figures), contributionBytes: bytes, releaseBytes: table.release,
            aggregateSeconds: table.aggregate, openSeconds: table.open,
            window: Double(Receiving.mostWindow * Offer.chunkBytes))
        guard let choice = RoundPlanner(limits).choose(figures) else {
            throw LauncherError.configuration("there is nothing to choose among")
        }
        let (chosen, unplanned) = (choice.prediction, choice.unplanned)
        func costs(_ prediction: RoundPrediction, _ bits: Int) -> [Double?] {
            table.clouds.map { cloud in
                topology.cloud(cloud.figures.cloud)?.prices.map {
                    $0.cost(
                        cpuSeconds: prediction.seconds * cloud.cores, gpuSeconds: prediction.seconds * cloud.gpus,
                        egressBytes: bytes[bits] ?? 0)
                }
            }
        }
        let (cost, before) = (costs(chosen, choice.bits), costs(unplanned, limits.bits.upperBound))
        clouds = chosen.arrivals.indices.map { place in
            let arrival = chosen.arrivals[place]
            return Cloud(
                cloud: "\(arrival.cloud)", steps: arrival.steps, computeSeconds: arrival.compute,
                sealSeconds: arrival.encrypt, uploadSeconds: arrival.upload, arrivalSeconds: arrival.seconds,
                cost: cost[place], unplannedArrivalSeconds: unplanned.arrivals[place].seconds,
                unplannedCost: before[place])
        }
        bits = choice.bits
        quorum = choice.quorum
        deadlineSeconds = choice.deadline
        seconds = chosen.seconds
        gatheringSeconds = chosen.gathering
        aggregateSeconds = chosen.aggregate
        openSeconds = chosen.open
        releaseSeconds = chosen.release
        unplannedSeconds = unplanned.seconds
        let chunks = Int(((bytes[choice.bits] ?? 0) / Double(Offer.chunkBytes)).rounded(.up))
        overlappedSeconds =
            RoundPrediction(
                figures, steps: choice.steps, bits: choice.bits, quorum: choice.quorum, fragments: max(1, chunks)
            ).seconds
        reasons = choice.reasons
        currency = topology.currency
        func sum(_ costs: [Double?]) -> Double? {
            costs.contains { $0 != nil } ? costs.compactMap { $0 }.reduce(0, +) : nil
        }
        self.cost = sum(cost)
        unplannedCost = sum(before)
    }
}

/// For people.
struct ScheduleText {
    func show(_ report: ScheduleReport) {
        let width = max(5, report.clouds.map(\.cloud.count).max() ?? 0)
        func right(_ text: String, _ width: Int = 10) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func money(_ value: Double?) -> String { value.map { Self.fixed($0, 4) } ?? "-" }
        print(
            Terminal.padded("CLOUD", width) + right("STEPS", 8) + right("COMPUTE") + right("SEAL") + right("UPLOAD")
                + right("ARRIVES") + right("WITHOUT") + right("COST", 12))
        for cloud in report.clouds {
            print(
                Terminal.padded(cloud.cloud, width) + right("\(cloud.steps)", 8)
                    + [cloud.computeSeconds, cloud.sealSeconds, cloud.uploadSeconds, cloud.arrivalSeconds]
                    .map { right(Self.fixed($0, 1) + " s") }.joined()
                    + right(Self.fixed(cloud.unplannedArrivalSeconds, 1) + " s") + right(money(cloud.cost), 12))
        }
        print("")
        print(
            "A round: \(Self.fixed(report.seconds, 1)) s, of it \(Self.fixed(report.gatheringSeconds, 1)) s until the contributions are there, \(Self.fixed(report.aggregateSeconds + report.openSeconds, 1)) s for the sum and \(Self.fixed(report.releaseSeconds, 1)) s until the clouds have the release."
        )
        print(
            "Without the planner: \(Self.fixed(report.unplannedSeconds, 1)) s. Were sealing and sending side by side: \(Self.fixed(report.overlappedSeconds, 1)) s."
        )
        print(
            "\(report.bits) bits, \(report.quorum) of \(report.clouds.count) clouds, deadline after \(Self.fixed(report.deadlineSeconds, 0)) s."
        )
        for reason in report.reasons { print("- \(reason)") }
        if let cost = report.cost {
            print(
                "Cost of a round: \(Self.fixed(cost, 4)) \(report.currency), without the planner \(money(report.unplannedCost)) \(report.currency)."
            )
        }
    }

    static func fixed(_ value: Double, _ decimals: Int) -> String { Figures.fixed(value, decimals) }
}
