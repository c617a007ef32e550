package import Federation
package import Monitoring

/// What stages had used by the releases that they have heard of, from their own words (`stage_used`): the figures of a metrics file are those
/// of now.
package struct UsedFigures: Sendable {
    private struct Use {
        let epoch: UInt64
        let round: UInt32
        let cpuSeconds: Double
        let trainedSeconds: Double
        /// By peer.
        let links: [(peer: StageName, sent: Double, received: Double)]
    }

    private var uses: [StageName: [Use]] = [:]

    package init() {}

    package mutating func take(_ event: Event) {
        guard event.name == EventKind.stageUsed.name, let cpu = event.fields.amount(.cpuSeconds), cpu >= 0,
            let trained = event.fields.amount(.trainedSeconds), trained >= 0
        else { return }
        let links = (event.fields.names(.linkBytes) ?? []).compactMap {
            line -> (peer: StageName, sent: Double, received: Double)? in
            let words = line.split(separator: " ")
            guard words.count == 3, let peer = try? StageName(String(words[0])), let sent = UInt64(words[1]),
                let received = UInt64(words[2])
            else { return nil }
            return (peer, Double(sent), Double(received))
        }
        uses[event.stage, default: []].append(
            Use(
                epoch: event.epoch, round: event.round.value, cpuSeconds: cpu, trainedSeconds: trained, links: links))
    }

    /// Of all processes of each stage until it had that release, in so far as it has told it; nil where no stage has told anything by then.
    package func cost(by round: UInt32, _ plan: FederationPlan) -> RunCost? {
        var (processor, training) = ([CloudName: Double](), [CloudName: Double]())
        var (sent, received) = ([FederationView.Pair: Double](), [FederationView.Pair: Double]())
        for (stage, uses) in uses {
            // A process counts from nothing: the last word of each counts.
            var newest: [UInt64: Use] = [:]
            for use in uses where use.round <= round && use.round >= newest[use.epoch]?.round ?? 0 {
                newest[use.epoch] = use
            }
            for use in newest.values {
                processor[stage.cloud, default: 0] += use.cpuSeconds
                if stage.kind == .localTrain { training[stage.cloud, default: 0] += use.trainedSeconds }
                for link in use.links {
                    sent[.init(from: stage, to: link.peer), default: 0] += link.sent
                    received[.init(from: link.peer, to: stage), default: 0] += link.received
                }
            }
        }
        guard !processor.isEmpty else { return nil }
        // News that go to everyone are counted where they arrive.
        let most = sent.merging(received) { max($0, $1) }
        return RunCost(plan, processor: processor, training: training, sent: most.map { ($0.key, $0.value) })
    }
}
