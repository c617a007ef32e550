internal import ArgumentParser
internal import Configuration
internal import Encryption
internal import Federation
internal import Planning
internal import Publication
internal import StageKit
internal import Topology

struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule",
        abstract: "Shows what publish's planner would choose for an update round, and why; nothing need run.",
        discussion: """
            The topology names publish's config, which has `local-steps`, `bits`, `quorum`, `deadline` and the planner's limits \
            (without a `planner` its defaults count); the link table says how fast clouds and links are (docs/links.md). \
            Prices in the topology make costs of it.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(name: .customLong("link-table"), help: "The file that says how fast clouds and links are.")
    var linkTable: String
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func run() throws {
        let topology = try options.load(warns: false)
        guard let path = topology.stage(topology.publish)?.config else { return }
        let publish: PublishConfiguration = try ConfigurationFile.read(at: path)
        let table = try ConfigurationFile.read(at: linkTable.absolutePath) { LinkTable.read($0, bits: publish.bits) }
        let known = Set(topology.dataClouds)
        let named = Set(table.clouds.map(\.figures.cloud))
        if let stranger = named.subtracting(known).sorted().first {
            throw LauncherError.configuration("\(linkTable): \(topology.file) has no cloud \(stranger) with data")
        }
        if let missing = known.subtracting(named).sorted().first {
            throw LauncherError.configuration("\(linkTable): \(missing) is missing, which \(topology.file) has")
        }
        let report = try ScheduleReport(topology, publish, table)
        switch format {
        case .json: try Envelope(report).printed()
        case .text: ScheduleText().show(report)
        }
    }
}
