internal import Federation
internal import Topology

// What `tributary swap` asks for.
extension Launcher {
    func take(_ request: ControlRequest, of caller: ControlSocket.Caller) throws {
        guard let program = programs.values.first(where: { $0.stage.description == request.stage }) else {
            return caller.tell(ControlReply(event: .refused, reason: "\(request.stage) does not run on this host"))
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
        lastLines[stage] = nil
        candidates[stage] = Program(
            stage: stage, path: request.binary ?? program.path, arguments: arguments + ["--standby"])
        func limit(_ seconds: Double?, _ standard: Duration) -> Duration {
            seconds.map { .milliseconds(Int64(min(max($0, 0), 86_400) * 1000)) } ?? standard
        }
        let standard = ReplacementLimits()
        try take(
            .replace(
                stage,
                ReplacementLimits(
                    standby: limit(request.standbySeconds, standard.standby),
                    drain: limit(request.drainSeconds, standard.drain), takeover: standard.takeover)))
    }

    func conclude(_ stage: StageName, _ result: ReplacementResult) {
        let candidate = candidates.removeValue(forKey: stage)
        var reply = ControlReply(result)
        switch result {
        case .done:
            if let candidate {
                programs[stage] = Program(
                    stage: stage, path: candidate.path, arguments: candidate.arguments.filter { $0 != "--standby" })
            }
        case .failed, .rolledBack: reply.log = lastLines[stage].map { [$0] }
        case .refused: break
        }
        view.show(result, of: stage, lastLine: lastLines[stage])
        callers.removeValue(forKey: stage)?.tell(reply)
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
        case .refused(let reason): self.init(event: .refused, reason: reason)
        case .failed(let reason): self.init(event: .failed, reason: reason)
        case .rolledBack(let reason): self.init(event: .rolledBack, reason: reason)
        }
    }
}
