internal import ArgumentParser
internal import Configuration

/// How stages are replaced, and how that is told: what swap and apply have in common.
struct HandOverOptions: ParsableArguments {
    @Option(help: "How long a stage may take to finish what it has in hand before it is stopped.")
    var drain = "60s"
    @Option(help: "How long a new process may take to get ready.")
    var standby = "2m"
    @Option(help: "How long it may take from the old one's end until it is ready; else the old one is started anew.")
    var takeover = "20s"
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func drainSeconds() throws -> Double { try seconds(drain, "--drain") }
    func standbySeconds() throws -> Double { try seconds(standby, "--standby") }

    func takeoverSeconds() throws -> Double { try seconds(takeover, "--takeover") }

    private func seconds(_ text: String, _ option: String) throws -> Double {
        guard let duration = Quantity.duration(text) else {
            throw LauncherError.arguments("\(option): expected a duration such as 30s, found \"\(text)\"")
        }
        return duration.inSeconds
    }
}
