internal import Federation
internal import Launching
internal import Topology

extension PlanReport.Step {
    init(_ step: TopologyDifference.Step, here: Bool, command: [String]? = nil) {
        let (change, reasons): (String, [String]) =
            switch step.change {
            case .added: ("added", [])
            case .changed(let reasons): ("changed", reasons)
            case .removed: ("removed", [])
            }
        self.init(
            stage: step.stage.description, change: change, reasons: reasons, here: here, command: command)
    }
}

extension PlanReport {
    /// - Parameters:
    ///   - own: what this host's launcher has to do, which knows its processes better than the files do.
    ///   - clouds: those of this host.
    init(
        from old: Topology, to new: Topology, own: [(step: TopologyDifference.Step, command: [String]?)],
        isHere: (StageName) -> Bool, missing: [Lack]
    ) {
        let difference = TopologyDifference(from: old, to: new)
        let others = difference.steps.filter { !isHere($0.stage) }
        let ordered = TopologyDifference.ordered(own.map(\.step) + others)
        self.init(
            running: old.file, file: new.file,
            refusals: difference.refusals
                + WorkerPairs(new).faults.map { "no update can be made by publish's config: \($0)" },
            steps: ordered.map { step in
                Step(
                    step, here: isHere(step.stage),
                    command: own.first { $0.step.stage == step.stage }.flatMap(\.command))
            }, missing: missing, notes: Self.notes(difference, old, new, others: others))
    }

    private static func notes(
        _ difference: TopologyDifference, _ old: Topology, _ new: Topology, others: [TopologyDifference.Step]
    ) -> [String] {
        var notes: [String] = []
        if let move = difference.aggregate {
            notes.append(
                new.suite == .secagg
                    ? "aggregate goes from \(move.from) to \(move.to): a masked round that is open is given up and opened again there"
                    : "aggregate goes from \(move.from) to \(move.to): a round that is open goes with it, its clouds send again what they have sealed, and nobody trains again"
            )
        }
        for cloud in difference.dataCloudsAdded {
            notes.append(
                "\(cloud) is in the cohort from the next opening on that all have applied this: it is sent the statistics as they were released and the adapter as it stands, and has the smallest weight that a cloud declared"
            )
        }
        for cloud in difference.dataCloudsRemoved {
            notes.append(
                "\(cloud) is in no cohort from the next opening on; a round that is open waits for it until its deadline, unless it has contributed"
            )
        }
        let shipped = new.clouds.filter { cloud in old.cloud(cloud.name).map { $0.sinks != cloud.sinks } ?? false }
        if !shipped.isEmpty {
            let names = shipped.map(\.name.description).sorted().joined(separator: ", ")
            notes.append("the monitor sends the events of \(names) to the sinks of the new file")
        }
        let clouds = Set(others.map(\.stage.cloud)).sorted()
        for name in clouds {
            let owner = (new.cloud(name) ?? old.cloud(name))?.owner ?? ""
            notes.append("\(name) (\(owner)) is not run by this launcher: its operator applies the same file there")
        }
        return notes
    }
}
