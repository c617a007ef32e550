internal import Configuration
internal import Federation
internal import Keys
internal import Launching
internal import Topology

/// The way from one topology to another, step by step.
struct Application {
    let topology: Topology
    let programs: [StageName: Launcher.Program]
    let limits: ReplacementLimits
    let caller: ControlSocket.Caller
    /// The first is under way.
    var steps: [TopologyDifference.Step]
    var done: [StageName] = []
}

// What `tributary plan` and `tributary apply` ask for.
extension Launcher {
    private struct Way {
        let topology: Topology
        let programs: [StageName: Program]
        let steps: [TopologyDifference.Step]
        let report: PlanReport
    }

    private func isHere(_ stage: StageName) -> Bool {
        plan.clouds.isEmpty || plan.clouds.contains(stage.cloud.description)
    }

    /// What is to be done here, by what the processes were started with; and by whom elsewhere.
    private func way(to file: String) throws -> Way {
        let new = try plan.load(file, state: topology.statePath)
        let programs = Dictionary(try plan.programs(new).map { ($0.stage, $0) }) { first, _ in first }
        var steps: [TopologyDifference.Step] = []
        for stage in Set(programs.keys).union(self.programs.keys) {
            switch (self.programs[stage], programs[stage]) {
            case (nil, _): steps.append(.init(stage, .added))
            case (_, nil): steps.append(.init(stage, .removed))
            case (let old?, let new?):
                let reasons = changes(from: old, to: new)
                if !reasons.isEmpty { steps.append(.init(stage, .changed(reasons))) }
            }
        }
        steps = TopologyDifference.ordered(steps)
        let readiness = KeyReadiness(
            store: KeyStore(root: new.keysPath), old: topology, new: new, stages: new.stages(in: plan.clouds))
        let report = PlanReport(
            from: topology, to: new,
            own: steps.map { step in
                (step, step.change == .removed ? nil : programs[step.stage].map { [$0.path] + $0.arguments })
            }, isHere: isHere, missing: readiness.lacks)
        return Way(topology: new, programs: programs, steps: steps, report: report)
    }

    private func changes(from old: Program, to new: Program) -> [String] {
        let stage = old.stage
        var changes: [String] = []
        if let was = old.topology.outlook(of: stage), let will = new.topology.outlook(of: stage) {
            changes = will.changes(since: was)
        }
        if changes.isEmpty, old.path != new.path { changes.append("program \(new.path), runs \(old.path) by a swap") }
        if changes.isEmpty, let option = old.arguments.firstIndex(of: "--config") {
            changes.append("the topology's config, runs with \(old.arguments[option + 1]) by a swap")
        }
        if changes.isEmpty, let print = prints[stage] {
            changes = StagePrint(new).changes(since: print)
        }
        return changes
    }

    func tellPlan(_ request: ControlRequest, of caller: ControlSocket.Caller) {
        do {
            var reply = ControlReply(event: .plan)
            reply.plan = try way(to: request.topology ?? topology.file).report
            caller.tell(reply)
        } catch { caller.tell(ControlReply(event: .refused, reason: "\(error)")) }
    }

    func apply(_ request: ControlRequest, of caller: ControlSocket.Caller) throws {
        guard application == nil, callers.isEmpty, candidates.isEmpty else {
            return caller.tell(
                ControlReply(event: .refused, reason: "a stage is being replaced, or a topology applied: try again"))
        }
        let way: Way
        do { way = try self.way(to: request.topology ?? topology.file) } catch {
            return caller.tell(ControlReply(event: .refused, reason: "\(error)"))
        }
        let obstacles = way.report.refusals + way.report.missing.map { "\($0.what) is missing: \($0.remedy)" }
        guard obstacles.isEmpty else {
            return caller.tell(ControlReply(event: .refused, reason: obstacles.joined(separator: "\n")))
        }
        // Whoever starts the stages again after a loss of power learns that this was begun.
        do { effect.pending = try EffectRecord.File(way.topology.file) } catch {
            return caller.tell(ControlReply(event: .refused, reason: "\(error)"))
        }
        keepEffect()
        application = Application(
            topology: way.topology, programs: way.programs, limits: ReplacementLimits(request), caller: caller,
            steps: way.steps)
        try takeStep()
    }

    private func takeStep() throws {
        guard let application else { return }
        guard let step = application.steps.first else {
            topology = application.topology
            if let file = effect.pending {
                effect = EffectRecord(run: topology.run.description, topology: file, applied: true)
                keepEffect()
            }
            // Whoever was not touched is started from the new file, should it ever be started again.
            programs = application.programs
            self.application = nil
            // Whoever is told may look at once.
            try writeRecord()
            takeMonitor()
            view.applied(topology.file, steps: application.done.count)
            return application.caller.tell(ControlReply(event: .applied))
        }
        let stage = step.stage
        var reply = ControlReply(event: .began)
        reply.stage = stage.description
        application.caller.tell(reply)
        switch (step.change, application.programs[stage]) {
        case (.added, let program?):
            logs[stage] = try RotatingLog(path: application.topology.logPath(of: stage))
            programs[stage] = program
            try take(.add(stage))
        case (.changed, let program?):
            lastLines[stage] = nil
            candidates[stage] = Program(program, arguments: program.arguments + ["--standby"])
            try take(.replace(stage, application.limits))
        default: try take(.remove(stage))
        }
    }

    /// A step has ended, if it was one.
    func goOn(with stage: StageName, _ reply: ControlReply) throws {
        guard let application, application.steps.first?.stage == stage else { return }
        guard reply.event == .done else {
            return giveUp(application, stage, reply)
        }
        var told = ControlReply(event: .ended, seconds: reply.seconds, pid: reply.pid, wasDown: reply.wasDown)
        told.stage = stage.description
        application.caller.tell(told)
        self.application?.steps.removeFirst()
        self.application?.done.append(stage)
        try takeStep()
    }

    private func giveUp(_ application: Application, _ stage: StageName, _ reply: ControlReply) {
        func list(_ stages: [StageName]) -> String {
            stages.isEmpty ? "nothing" : stages.map(\.description).joined(separator: ", ")
        }
        var told = ControlReply(
            event: .unfinished,
            reason:
                "\(reply.reason ?? "it did not come to an end"); done before: \(list(application.done)); not done: \(list(application.steps.map(\.stage)))"
        )
        told.stage = stage.description
        told.log = reply.log
        told.wasDown = reply.wasDown
        self.application = nil
        application.caller.tell(told)
    }

    func conclude(_ stage: StageName, _ result: AdditionResult) throws {
        var reply: ControlReply
        switch result {
        case .done(let pid, let time): reply = ControlReply(event: .done, seconds: time.inSeconds, pid: pid)
        case .refused(let reason): reply = ControlReply(event: .refused, reason: reason)
        case .failed(let reason):
            programs[stage] = nil
            reply = ControlReply(event: .failed, reason: reason)
            reply.log = lastLines[stage].map { [$0] }
        }
        view.show(result, of: stage, lastLine: lastLines[stage])
        try goOn(with: stage, reply)
    }

    func concludeRemoval(of stage: StageName) throws {
        programs[stage] = nil
        prints[stage] = nil
        view.removed(stage)
        try goOn(with: stage, ControlReply(event: .done))
    }
}
