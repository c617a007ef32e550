internal import ArgumentParser
internal import Federation
internal import Monitoring
internal import Topology

struct AuditRound: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "round", abstract: "Tells who could have seen what of a round, out of the stages' audit trails.",
        discussion: """
            It says what each stage held of the round, by digests that can be compared with evidence and releases, who together \
            could have opened a single contribution, and where the trails contradict each other. What a host's administrator \
            takes out of a stage's memory is in no trail. Status 0: the trails that are here are sound and agree; 1: they do not.
            """)

    @Argument(help: "The round's number.")
    var round: UInt32
    @OptionGroup var options: TopologyOptions
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        struct Sight: Encodable {
            let stage: String
            let owner: String
            let held: String
            let digests: [String]
        }
        let run: String
        let round: UInt32
        let purpose: String
        let suite: String
        let opening: String?
        let end: String?
        let sights: [Sight]
        let together: String
        let remarks: [String]
        let disagreements: [String]
        let spoiledTrails: [String]
        let absentTrails: [String]
    }

    func run() throws {
        let topology = try options.load(warns: false)
        let folder = try TrailFolder(topology)
        let entries = folder.trails.flatMap { $0.reading.entries.map(\.event) }
        guard let account = RoundAccount(RoundNumber(round), entries: entries) else {
            throw LauncherError.runFailed(
                "no audit trail below \(topology.statePath) tells of round \(round): `tributary audit trail` shows which are here"
            )
        }
        let isSound = folder.isSound && account.disagreements.isEmpty
        if format == .json {
            try Envelope(answer(account, folder, topology), exitCode: isSound ? 0 : 1).printed()
        } else {
            show(account, folder, topology)
        }
        guard isSound else { throw ExitCode(1) }
    }

    private func owner(of stage: StageName, _ topology: Topology) -> String {
        topology.stage(stage)?.owner ?? "unknown"
    }

    private func answer(_ account: RoundAccount, _ folder: TrailFolder, _ topology: Topology) -> Answer {
        Answer(
            run: topology.run.description, round: round, purpose: account.purpose, suite: account.suite,
            opening: account.opening, end: account.end,
            sights: account.sights.map {
                .init(
                    stage: $0.party.description, owner: owner(of: $0.party, topology), held: $0.held,
                    digests: $0.digests)
            }, together: topology.trust, remarks: account.remarks,
            disagreements: account.disagreements,
            spoiledTrails: folder.trails.filter { !$0.reading.isSound }.map(\.stage.description),
            absentTrails: folder.missing.map(\.description))
    }

    private func show(_ account: RoundAccount, _ folder: TrailFolder, _ topology: Topology) {
        let terminal = Terminal()
        print(
            "run \(topology.run), round \(round): \(account.purpose), suite \(account.suite), \(account.end ?? "its end is in no trail here")"
        )
        if let opening = account.opening { print("opening \(opening)") }
        let names = account.sights.map { "\($0.party) (\(owner(of: $0.party, topology)))" }
        let width = names.map(\.count).max() ?? 0
        for (name, sight) in zip(names, account.sights) {
            print("  \(Terminal.padded(name, width))  \(Terminal.printable(sight.held))")
            for digest in sight.digests {
                print(String(repeating: " ", count: width + 4) + terminal.paint(digest, .grey))
            }
        }
        print("  everybody in the federation: the opening, and what was released")
        print("\nWho together could open one contribution: \(topology.trust).")
        for text in account.remarks { print("\(terminal.paint("!", .yellow)) \(Terminal.printable(text))") }
        for text in account.disagreements { print("\(terminal.paint("✗", .red)) \(Terminal.printable(text))") }
        for trail in folder.trails where !trail.reading.isSound {
            print("\(terminal.paint("✗", .red)) the trail of \(trail.stage) is not sound: `tributary audit trail`")
        }
        if !folder.missing.isEmpty {
            print(
                "Not here, so not told of: the trails of \(folder.missing.map(\.description).joined(separator: ", ")).")
        }
    }
}
