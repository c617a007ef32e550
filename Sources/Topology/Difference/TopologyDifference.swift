package import Federation

/// What has to be done to bring a running federation from one topology to another; or why that cannot be.
package struct TopologyDifference: Sendable {
    package enum Change: Hashable, Sendable {
        case added
        /// A sentence for each thing that is another.
        case changed([String])
        case removed
    }

    package struct Step: Hashable, Sendable {
        package let stage: StageName
        package let change: Change

        package init(_ stage: StageName, _ change: Change) {
            self.stage = stage
            self.change = change
        }
    }

    /// What no run can change, each with the reason and the way to do it all the same. Where there is one, nothing is done.
    package let refusals: [String]
    /// In the order in which they are to be taken, over all hosts.
    package let steps: [Step]
    package let dataCloudsAdded: [CloudName]
    package let dataCloudsRemoved: [CloudName]
    /// Where the sums are made from now on, if that is elsewhere.
    package let aggregate: Move?

    package struct Move: Hashable, Sendable {
        package let from: StageName
        package let to: StageName

        package init(from: StageName, to: StageName) {
            self.from = from
            self.to = to
        }
    }

    package init(from old: Topology, to new: Topology) {
        refusals = Self.refusals(from: old, to: new)
        let (before, after) = (Set(old.stages.map(\.name)), Set(new.stages.map(\.name)))
        var steps =
            after.subtracting(before).map { Step($0, .added) } + before.subtracting(after).map { Step($0, .removed) }
        for stage in after.intersection(before) {
            guard let was = old.outlook(of: stage), let will = new.outlook(of: stage), was != will else { continue }
            steps.append(Step(stage, .changed(will.changes(since: was))))
        }
        self.steps = Self.ordered(steps)
        let (held, holds) = (Set(old.dataClouds), Set(new.dataClouds))
        dataCloudsAdded = holds.subtracting(held).sorted()
        dataCloudsRemoved = held.subtracting(holds).sorted()
        aggregate = old.aggregate == new.aggregate ? nil : Move(from: old.aggregate, to: new.aggregate)
    }

    package var isEmpty: Bool { steps.isEmpty && refusals.isEmpty }

    /// Clouds with data have come or gone: sums are of another cohort, and a shared key must be for it.
    package var changesCohort: Bool { !dataCloudsAdded.isEmpty || !dataCloudsRemoved.isEmpty }

    /// Where sums are made first, then publish, which says so, then who sends there; what goes is stopped last, producers first.
    package static func ordered(_ steps: [Step]) -> [Step] {
        func rank(_ kind: StageKind) -> Int {
            switch kind {
            case .aggregate: 0
            case .publish: 1
            case .encrypt: 2
            case .localTrain: 3
            case .ingest: 4
            }
        }
        func key(_ step: Step) -> (Int, Int, StageName) {
            step.change == .removed ? (1, -rank(step.stage.kind), step.stage) : (0, rank(step.stage.kind), step.stage)
        }
        return steps.sorted { key($0) < key($1) }
    }

    private static func refusals(from old: Topology, to new: Topology) -> [String] {
        var refusals: [String] = []
        func refuse(
            _ what: String, _ before: some CustomStringConvertible, _ after: some CustomStringConvertible, _ why: String
        ) {
            guard before.description != after.description else { return }
            refusals.append("`\(what)` is \(before) in what runs and \(after) in the file: \(why)")
        }
        refuse(
            "federation", old.federation, new.federation,
            "a federation keeps its name; run another one with `tributary up` in a state of its own (--state)")
        refuse(
            "run", old.run, new.run,
            "journals and signatures belong to one run; stop this one, and start the other with `tributary up` in a state of its own (--state), keys copied over"
        )
        refuse(
            "suite", old.suite, new.suite,
            "clouds answer a run's openings under one suite, so that nobody can talk them into a weaker one; start a new run with it"
        )
        if new.suite == .paillier, old.suite == .paillier {
            refuse(
                "keys", old.keys, new.keys,
                "who can open sums is what clouds agreed to when they joined; start a new run with it")
        }
        refuse(
            "publish", old.publish, new.publish,
            "publish cannot be moved: the run's plan, its adapter and the signature on everything are its own; start a new run with publish there, or bring its host back"
        )
        return refusals
    }
}
