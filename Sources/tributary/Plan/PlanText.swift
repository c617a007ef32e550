internal import Launching

/// A plan as a person reads it.
struct PlanText {
    let terminal: Terminal

    func show(_ report: PlanReport) {
        for refusal in report.refusals { terminal.line("\(terminal.paint("✗", .red)) \(Terminal.printable(refusal))") }
        guard report.refusals.isEmpty else {
            return terminal.line("\(report.file) cannot be brought into effect; nothing was done")
        }
        let width = report.steps.map(\.stage.count).max() ?? 0
        for step in report.steps {
            let (mark, colour): (String, Terminal.Colour) =
                switch step.change {
                case "added": ("+", .green)
                case "removed": ("-", .red)
                default: ("~", .yellow)
                }
            let place = step.here ? "" : "  (elsewhere)"
            let first = step.reasons.first.map { "  \($0)" } ?? ""
            terminal.line(
                "\(terminal.paint(mark, colour)) \(Terminal.padded(step.stage, width))\(Terminal.printable(first))\(place)"
            )
            for reason in step.reasons.dropFirst() {
                terminal.line("  \(Terminal.padded("", width))  \(Terminal.printable(reason))")
            }
        }
        for note in report.notes { terminal.line("  \(Terminal.printable(note))") }
        for lack in report.missing {
            terminal.line("\(terminal.paint("!", .yellow)) missing: \(lack.what): \(lack.remedy)")
        }
        if report.isEmpty { terminal.line("nothing to do: \(report.running) and \(report.file) ask for the same") }
    }
}
