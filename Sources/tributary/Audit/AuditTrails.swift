internal import ArgumentParser
internal import Federation
internal import Monitoring
internal import Topology

struct AuditTrails: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trail",
        abstract:
            "Checks the stages' audit trails: signatures, and that no entry is missing, changed, doubled or moved.",
        discussion: "Status 0: all that are here are sound; 1: one is not.")

    @OptionGroup var options: TopologyOptions
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        struct Finding: Encodable {
            let line: Int
            let problem: String
        }
        struct Trail: Encodable {
            let stage: String
            let file: String
            let entries: Int
            let sound: Bool
            let findings: [Finding]
        }
        let trails: [Trail]
        let absent: [String]
    }

    func run() throws {
        let folder = try TrailFolder(try options.load(warns: false))
        if format == .json { try json(folder) } else { text(folder) }
        guard folder.isSound else { throw ExitCode(1) }
    }

    private func json(_ folder: TrailFolder) throws {
        let trails = folder.trails.map { trail in
            Answer.Trail(
                stage: trail.stage.description, file: trail.path, entries: trail.reading.entries.count,
                sound: trail.reading.isSound,
                findings: trail.reading.findings.map { .init(line: $0.line, problem: $0.fault.description) })
        }
        try Envelope(
            Answer(trails: trails, absent: folder.missing.map(\.description)), exitCode: folder.isSound ? 0 : 1
        ).printed()
    }

    private func text(_ folder: TrailFolder) {
        let terminal = Terminal()
        let width = folder.trails.map(\.stage.description.count).max() ?? 0
        for trail in folder.trails {
            let (entries, isSound) = (trail.reading.entries, trail.reading.isSound)
            let mark = isSound ? terminal.paint("✓", .green) : terminal.paint("✗", .red)
            let days = [entries.first, entries.last].compactMap { $0 }.map {
                String(String(decoding: Timestamp.text($0.event.time), as: UTF8.self).prefix(19)) + "Z"
            }
            print(
                "\(mark) \(Terminal.padded(trail.stage.description, width))  \(entries.count) entries"
                    + (days.isEmpty ? "" : ", \(days.joined(separator: " to "))"))
            for finding in trail.reading.findings {
                print("    line \(finding.line): \(Terminal.printable(finding.fault.description))")
            }
        }
        for stage in folder.missing { print("  \(stage): its trail is not here; its host has it") }
    }
}
