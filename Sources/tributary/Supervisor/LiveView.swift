internal import Federation
internal import Topology

/// The lines that `up` prints as things happen.
struct LiveView {
    let terminal: Terminal
    let width: Int

    func show(_ notice: Supervision.Notice, lastLine: String?) {
        switch notice {
        case .ready(let stage, let time): mark("✓", .green, stage, "ready in \(Terminal.seconds(time))")
        case .allReady(let time): terminal.line("all stages ready in \(Terminal.seconds(time))")
        case .restarting(let stage, let end, let wait):
            mark("!", .yellow, stage, "ended with \(end); starts again in \(Terminal.seconds(wait))")
            quote(lastLine)
        case .wantsRoom(let stage, let end):
            mark("!", .yellow, stage, "ended with \(end), as its disk is full; starts again once there is room")
            quote(lastLine)
        case .recovered(let stage, let time): mark("✓", .green, stage, "ready again in \(Terminal.seconds(time))")
        case .completed(let stage): mark("■", .grey, stage, "done")
        case .runOver(let stage): mark("■", .grey, stage, "done, the run is over")
        case .allOver:
            terminal.line("the run is over; another one wants a `run` and a --state of its own")
        case .leftBehind(let stages):
            let names = stages.map(\.description).joined(separator: ", ")
            terminal.line("the run is over, and \(names) did not hear of it in time")
        case .failed(let stage, let end):
            mark("✗", .red, stage, "ended with \(end)\(end.meaning); another start would not mend it")
            quote(lastLine)
        case .gaveUp(let stage, let end, let count):
            mark("✗", .red, stage, "ended \(count) times in a row, last with \(end); given up")
            quote(lastLine)
        case .parked(let stage, let end):
            mark(
                "✗", .red, stage,
                "ended with \(end)\(end.meaning); another start would not mend it: it stays down, the others go on, and once it is mended `tributary swap \(stage.role)@\(stage.cloud)` starts it"
            )
            quote(lastLine)
        case .resting(let stage, let end, let count, let wait):
            mark(
                "✗", .red, stage,
                "ended \(count) times in a row, last with \(end); the others go on, and it is tried again in \(Terminal.seconds(wait))"
            )
            quote(lastLine)
        case .stopping: terminal.line("stopping")
        case .killed(let stage): mark("✗", .red, stage, "did not stop in time and was killed")
        case .replacement(let stage, .standingBy(let time)):
            mark("↻", .grey, stage, "a new process stands by after \(Terminal.seconds(time))")
        case .replacement(let stage, .drainedByForce):
            mark("!", .yellow, stage, "did not finish what it had in hand in time; stopped, it is done again")
        case .replacement(let stage, .released(let time)):
            mark("↻", .grey, stage, "the old process has let go after \(Terminal.seconds(time))")
        }
    }

    func show(_ result: ReplacementResult, of stage: StageName, lastLine: String?) {
        switch result {
        case .done(let pid, let gap):
            mark("✓", .green, stage, "replaced, process \(pid) goes on after \(Terminal.seconds(gap))")
        case .revived(let pid, let time):
            mark("✓", .green, stage, "did not run; process \(pid) does since, ready in \(Terminal.seconds(time))")
        case .stillDown(let reason):
            mark("✗", .red, stage, "did not run and does not yet: \(reason)")
            quote(lastLine)
        case .refused(let reason): mark("!", .yellow, stage, "not replaced: \(reason)")
        case .failed(let reason):
            mark("✗", .red, stage, "not replaced, the old process goes on: \(reason)")
            quote(lastLine)
        case .rolledBack(let reason):
            mark("✗", .red, stage, "the new process failed, the program before starts again: \(reason)")
            quote(lastLine)
        }
    }

    func show(_ result: AdditionResult, of stage: StageName, lastLine: String?) {
        switch result {
        case .done: break  // It has been shown as ready.
        case .refused(let reason): mark("!", .yellow, stage, "not added: \(reason)")
        case .failed(let reason):
            mark("✗", .red, stage, "not added: \(reason)")
            quote(lastLine)
        }
    }

    func swapped(_ stage: StageName, by paths: String, topology: String) {
        mark("!", .yellow, stage, "runs with \(paths) since a swap; `tributary apply \(topology)` takes that back")
    }

    func removed(_ stage: StageName) { mark("■", .grey, stage, "removed") }

    func applied(_ file: String, steps: Int) { terminal.line("\(file) is in effect, after \(steps) steps") }

    private func mark(_ sign: String, _ colour: Terminal.Colour, _ stage: StageName, _ text: String) {
        terminal.line("\(terminal.paint(sign, colour)) \(Terminal.padded(stage.description, width))  \(text)")
    }

    /// What the stage said last is most often why.
    private func quote(_ line: String?) {
        guard let line, !line.isEmpty else { return }
        terminal.line("    " + LogLine(line).pretty(terminal))
    }
}
