internal import Federation
internal import Launching
internal import Topology

// What `tributary swap` asks for.
extension Launcher {
    func take(_ request: ControlRequest, of caller: ControlSocket.Caller) throws {
        switch request.command {
        case .swap: try swap(request, of: caller)
        case .plan: tellPlan(request, of: caller)
        case .apply: try apply(request, of: caller)
        }
    }

    private func swap(_ request: ControlRequest, of caller: ControlSocket.Caller) throws {
        guard application == nil else {
            return caller.tell(ControlReply(event: .refused, reason: "a topology is being applied"))
        }
        guard let program = programs.values.first(where: { $0.stage.description == request.stage }) else {
            return caller.tell(
                ControlReply(event: .refused, reason: "\(request.stage ?? "no stage") does not run on this host"))
        }
        let stage = program.stage
        guard callers[stage] == nil else {
            return caller.tell(ControlReply(event: .refused, reason: "it is being replaced already"))
        }
        var arguments = program.arguments.filter { $0 != "--standby" }
        if let config = request.config {
            if let index = arguments.firstIndex(of: "--config") { arguments.removeSubrange(index...index + 1) }
            arguments += ["--config", config]
        }
        callers[stage] = caller
        wishes[stage] = swapped(stage, by: request)
        lastLines[stage] = nil
        candidates[stage] = Program(program, path: request.binary, arguments: arguments + ["--standby"])
        try take(.replace(stage, ReplacementLimits(request)))
    }

    func conclude(_ stage: StageName, _ result: ReplacementResult) throws {
        let candidate = candidates.removeValue(forKey: stage)
        let wish = wishes.removeValue(forKey: stage)
        var reply = ControlReply(result)
        let former = formerPrints.removeValue(forKey: stage)
        switch result {
        case .done, .revived:
            if let candidate {
                programs[stage] = Program(candidate, arguments: candidate.arguments.filter { $0 != "--standby" })
            }
            // Before anyone is told.
            if let wish { keep(wish) }
        case .failed, .stillDown:
            if let former { prints[stage] = former }
            reply.log = lastLines[stage].map { [$0] }
        case .rolledBack: reply.log = lastLines[stage].map { [$0] }
        case .refused: break
        }
        view.show(result, of: stage, lastLine: lastLines[stage])
        // Whoever is told may look at once.
        try writeRecord()
        callers.removeValue(forKey: stage)?.tell(reply)
        try goOn(with: stage, reply)
    }
}

extension ReplacementLimits {
    init(_ request: ControlRequest) {
        func limit(_ seconds: Double?, _ standard: Duration) -> Duration {
            seconds.map { .milliseconds(Int64(min(max($0, 0), 86_400) * 1000)) } ?? standard
        }
        let standard = ReplacementLimits()
        self.init(
            standby: limit(request.standbySeconds, standard.standby),
            drain: limit(request.drainSeconds, standard.drain),
            takeover: limit(request.takeoverSeconds, standard.takeover))
    }
}

extension ControlReply {
    init(_ step: ReplacementStep) {
        switch step {
        case .standingBy(let time): self.init(event: .standingBy, seconds: time.inSeconds)
        case .drainedByForce: self.init(event: .stopped)
        case .released(let time): self.init(event: .released, seconds: time.inSeconds)
        }
    }

    init(_ result: ReplacementResult) {
        switch result {
        case .done(let pid, let gap): self.init(event: .done, seconds: gap.inSeconds, pid: pid)
        case .revived(let pid, let time):
            self.init(event: .done, seconds: time.inSeconds, pid: pid, wasDown: true)
        case .stillDown(let reason): self.init(event: .failed, reason: reason, wasDown: true)
        case .refused(let reason): self.init(event: .refused, reason: reason)
        case .failed(let reason): self.init(event: .failed, reason: reason)
        case .rolledBack(let reason): self.init(event: .rolledBack, reason: reason)
        }
    }
}
