internal import Federation
internal import Glibc
internal import Launching
internal import Topology

// What is in effect outlives the launcher: a start goes on with what was applied and swapped, or says that it does not.
extension Launcher {
    /// What a start by this file would bring into effect, and what is to be said of it. Throws if it would take back what was applied.
    static func effect(of topology: Topology, isMeant: Bool) throws -> (record: EffectRecord, note: String?) {
        var last: EffectRecord?
        do { last = try EffectRecord.read(topology.statePath) } catch {
            // Whoever says what is meant need not be told that nobody knows what was.
            guard isMeant else { throw error }
        }
        let file = try EffectRecord.File(topology.file)
        switch EffectRecord.start(by: file, of: topology.run.description, after: last, isMeant: isMeant) {
        case .goesOn(let record): return (record, nil)
        case .changes(let record, let note): return (record, note)
        case .refused(let reason): throw LauncherError.configuration(reason)
        }
    }

    /// The programs of stages that swaps have given others. Throws if one of those cannot be run any more.
    static func programs(_ programs: [Program], under effect: EffectRecord) throws -> [Program] {
        try programs.map { program in
            guard let swapped = effect.swaps.first(where: { $0.stage == program.stage.description }) else {
                return program
            }
            for (path, mode) in [(swapped.binary, X_OK), (swapped.config, R_OK)] {
                guard let path, access(path, mode) != 0 else { continue }
                throw LauncherError.configuration(
                    "\(program.stage) runs with \(path) since a swap: \(String(cString: strerror(errno))); put it back, or let `tributary up --changed \(program.topology.file)` start every stage by the topology alone"
                )
            }
            return Program(
                program, path: swapped.binary,
                arguments: program.arguments + (swapped.config.map { ["--config", $0] } ?? []))
        }
    }

    /// A line for each stage of this host that does not run as the topology says.
    func tellOfSwaps() {
        for swapped in effect.swaps {
            guard let stage = programs.keys.first(where: { $0.description == swapped.stage }) else { continue }
            let others = [swapped.binary, swapped.config].compactMap { $0 }.joined(separator: " and ")
            view.swapped(stage, by: others, topology: topology.file)
        }
    }

    /// What a swap that has been asked for would leave in effect.
    func swapped(_ stage: StageName, by request: ControlRequest) -> EffectRecord.Swapped {
        let before = effect.swaps.first { $0.stage == stage.description }
        return .init(
            stage: stage.description, binary: request.binary ?? before?.binary, config: request.config ?? before?.config
        )
    }

    func keep(_ swapped: EffectRecord.Swapped) {
        var swaps = effect.swaps.filter { $0.stage != swapped.stage }
        if swapped.binary != nil || swapped.config != nil { swaps.append(swapped) }
        guard swaps != effect.swaps else { return }
        effect.swaps = swaps
        keepEffect()
    }

    /// What cannot be kept is told: everything goes on, and the next start goes back.
    func keepEffect() {
        do { try effect.write(topology.statePath) } catch {
            Terminal.warn(
                "what is in effect cannot be kept for the next start, which would go by what was before: \(error)")
        }
    }

    /// At the launcher's end. A run that is over has nothing to go on with.
    func closeEffect(runIsOver: Bool) {
        guard runIsOver else {
            effect.stopped = true
            return keepEffect()
        }
        do { try EffectRecord.remove(topology.statePath) } catch { Terminal.warn("\(error)") }
    }
}
