package import Federation
internal import Monitoring
internal import Topology

/// What a run has used so far on the hosts that can be seen, and what that costs where the topology has prices.
package struct RunCost: Sendable, Equatable {
    package struct Cloud: Sendable, Equatable {
        package let name: CloudName
        /// Of its stages' present processes.
        package let cpuSeconds: Double
        /// In which its local-train trained, where an accelerator has a price.
        package let gpuSeconds: Double
        /// To other clouds, before CURVE.
        package let egressBytes: Double
        /// Nil without prices.
        package let amount: Double?

        package init(
            name: CloudName, cpuSeconds: Double, gpuSeconds: Double, egressBytes: Double, amount: Double?
        ) {
            self.name = name
            self.cpuSeconds = cpuSeconds
            self.gpuSeconds = gpuSeconds
            self.egressBytes = egressBytes
            self.amount = amount
        }
    }

    package let currency: String
    package let clouds: [Cloud]

    package init(currency: String, clouds: [Cloud]) {
        self.currency = currency
        self.clouds = clouds
    }

    /// Nil where no cloud has prices.
    package var total: Double? {
        let amounts = clouds.compactMap(\.amount)
        return amounts.isEmpty ? nil : amounts.reduce(0, +)
    }
}

/// Reads it out of the metrics that stages leave.
package struct CostMetrics: Sendable {
    private var processor: [CloudName: Double] = [:]
    private var training: [CloudName: Double] = [:]
    private var links = LinkMetrics()

    package init() {}

    package mutating func take(_ text: String, of stage: StageName) {
        links.take(text, of: stage)
        for line in text.utf8.prefix(LinkMetrics.maximumBytes).split(separator: UInt8(ascii: "\n")) {
            let isProcessor = line.starts(with: "\(Meter.processCPU.name){".utf8)
            let isTraining =
                stage.kind == .localTrain && line.starts(with: "\(Meter.phaseSeconds.name)_sum{".utf8)
                && Substring(line).contains("phase=\"train\"")
            guard isProcessor || isTraining,
                let value = Substring(line).split(separator: " ").last.flatMap({ Double($0) }),
                value.isFinite, value >= 0
            else { continue }
            if isProcessor { processor[stage.cloud, default: 0] += value }
            if isTraining { training[stage.cloud, default: 0] += value }
        }
    }

    /// Nil while no stage has left anything.
    package func cost(_ plan: FederationPlan) -> RunCost? {
        guard !processor.isEmpty else { return nil }
        return RunCost(
            plan, processor: processor, training: training,
            sent: links.readings.map { ($0.key, $0.value.bytes) })
    }
}

extension RunCost {
    /// - Parameter sent: from one stage to another; what stays within a cloud costs nothing.
    init(
        _ plan: FederationPlan, processor: [CloudName: Double], training: [CloudName: Double],
        sent: [(pair: FederationView.Pair, bytes: Double)]
    ) {
        let sent = sent.filter { $0.pair.from.cloud != $0.pair.to.cloud }
        self.init(
            currency: plan.currency,
            clouds: plan.clouds.map { cloud in
                let prices = plan.prices[cloud.name]
                let cpu = processor[cloud.name] ?? 0
                let gpu = (prices?.gpuHour ?? 0) > 0 ? training[cloud.name] ?? 0 : 0
                let egress = sent.reduce(0) { $1.pair.from.cloud == cloud.name ? $0 + $1.bytes : $0 }
                return RunCost.Cloud(
                    name: cloud.name, cpuSeconds: cpu, gpuSeconds: gpu, egressBytes: egress,
                    amount: prices?.cost(cpuSeconds: cpu, gpuSeconds: gpu, egressBytes: egress))
            })
    }
}
