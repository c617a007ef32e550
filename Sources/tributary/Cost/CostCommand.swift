internal import ArgumentParser
internal import Federation
internal import Glibc
internal import Topology
internal import View

struct CostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cost",
        abstract: "Shows what the run has used on this host, and what that costs by the topology's prices.",
        discussion: """
            Processor time of the stages' present processes, the time that they trained where an accelerator has a price, and \
            what they sent to other clouds; after a run what it came to, beside the AUROC that it reached. With a target what had \
            been used, by all their processes, when the first release reached it.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: "An AUROC: what it took to the first release that reached it.")
    var target: Double?
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        struct Cloud: Encodable {
            let cloud: String
            let cpuSeconds: Double
            let gpuSeconds: Double
            let egressBytes: Double
            let amount: Double?
        }

        let currency: String
        let clouds: [Cloud]
        let total: Double?
        let auroc: Double?
        /// That was asked for, and the round that reached it; nil without a target.
        let target: Double?
        let round: Int?
    }

    func validate() throws {
        if let target, !(target > 0 && target <= 1) {
            throw ValidationError("--target is an AUROC above 0, of 1 at most")
        }
    }

    func run() throws {
        var watching = Watching(try options.load(warns: false))
        while try watching.read() {}
        let view = watching.view
        let reached = try target.map { try release(reaching: $0, in: view) }
        guard let cost = reached.map({ watching.used.cost(by: $0.round, view.plan) }) ?? view.cost else {
            throw LauncherError.runFailed("no stage of this host has left any figures yet: has anything run here?")
        }
        let auroc = reached?.auroc ?? view.scores.elements.compactMap(\.auroc).last
        if format == .json {
            return try Envelope(
                Answer(
                    currency: cost.currency,
                    clouds: cost.clouds.map {
                        .init(
                            cloud: "\($0.name)", cpuSeconds: $0.cpuSeconds, gpuSeconds: $0.gpuSeconds,
                            egressBytes: $0.egressBytes, amount: $0.amount)
                    }, total: cost.total, auroc: auroc, target: target, round: reached.map { Int($0.round) })
            ).printed()
        }
        let width = max(5, cost.clouds.map(\.name.description.count).max() ?? 0)
        func right(_ text: String) -> String { String(repeating: " ", count: max(0, 13 - text.count)) + text }
        func money(_ amount: Double?) -> String { amount.map { Figures.fixed($0, 4) } ?? "-" }
        print(
            Terminal.padded("CLOUD", width) + right("CPU") + right("ACCELERATOR") + right("EGRESS")
                + right(cost.currency))
        for cloud in cost.clouds {
            print(
                Terminal.padded("\(cloud.name)", width) + right("\(Figures.fixed(cloud.cpuSeconds, 1)) s")
                    + right("\(Figures.fixed(cloud.gpuSeconds, 1)) s") + right(Figures.bytes(cloud.egressBytes))
                    + right(money(cloud.amount)))
        }
        if let total = cost.total {
            print(
                "\(money(total)) \(cost.currency) in all" + (auroc.map { ", to AUROC \(Figures.fixed($0, 3))" } ?? ""))
        } else {
            print("no cloud has `prices` in the topology")
        }
        if let reached, let target {
            print("until round \(reached.round), the first release of AUROC \(Figures.fixed(target, 3)) or more")
        }
    }

    private func release(reaching target: Double, in view: FederationView) throws -> (round: UInt32, auroc: Double) {
        let scores = view.scores.elements.compactMap { score in score.auroc.map { (round: score.round, auroc: $0) } }
        if let first = scores.filter({ $0.auroc >= target }).min(by: { $0.round < $1.round }) { return first }
        guard let best = scores.max(by: { $0.auroc < $1.auroc }) else {
            throw LauncherError.runFailed(
                "no release that this host knows of has an AUROC: publish needs `validate-every` above 0, or `test`")
        }
        throw LauncherError.runFailed(
            "no release has reached AUROC \(Figures.fixed(target, 3)): the best so far is \(Figures.fixed(best.auroc, 3)), in round \(best.round); let the run go on, or ask for less"
        )
    }
}
