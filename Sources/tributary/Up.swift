internal import ArgumentParser
internal import Configuration
internal import Federation
internal import Glibc
internal import Topology

struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts stages, shows when each is ready, starts one that dies again, stops them in reverse.",
        discussion: """
            Ctrl-C or SIGTERM stops the stages, producers first; a second one kills them. What `tributary apply` and `tributary \
            swap` have changed is in effect over starts: a file that would take back what was applied is refused, unless \
            --changed says that it is meant.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: "Start the stages of this cloud alone (repeatable).")
    var cloud: [String] = []
    @Flag(help: "Return when all stages are ready; they go on in the background.")
    var detach = false
    @Option(help: "Where the stage programs are; default: TRIBUTARY_STAGES, else beside this program.")
    var stages: String?
    @Option(help: "Events below this level are not logged: debug, info, warning, error.")
    var logLevel: String?
    @Option(help: "How long stages may take to stop before they are killed.")
    var grace = "20s"
    @Flag(
        help:
            "Stop everything when a stage fails for good, even once all have been ready: for runs that somebody waits for."
    )
    var failFast = false
    @Flag(help: "Start by this file alone, though another was applied or stages were swapped: takes that back.")
    var changed = false
    @Flag(help: "Start the stages with all rights of their user, unconfined.")
    var unconfined = false
    @Option(
        help: ArgumentHelp(
            "Serve a page that shows the federation on this port of 127.0.0.1 (0: any), and print its address.",
            valueName: "port"))
    var web: String?
    /// Set by `--detach` on the process that it leaves behind.
    @Flag(help: .hidden)
    var background = false

    func run() throws {
        let topology = try options.load(clouds: cloud, warns: !background)
        guard let grace = Quantity.duration(grace) else {
            throw LauncherError.arguments("--grace: expected a duration such as 20s, found \"\(grace)\"")
        }
        let page = try web.map { PageOptions(port: try PageOptions.port($0)) }
        let plan = LaunchPlan(
            folder: try StageFolder.path(given: stages), logLevel: logLevel, isUnconfined: unconfined, clouds: cloud,
            isBackground: background)
        let programs = try plan.programs(topology)
        let (effect, note) = try Launcher.effect(of: topology, isMeant: changed)
        try MonitorPlan.check(topology, among: cloud)
        if detach, !background { return try Background.start(topology) }
        let view = LiveView(terminal: Terminal(), width: programs.map(\.stage.description.count).max() ?? 0)
        let launcher = try Launcher(
            topology, plan: plan, effect: effect, grace: grace, failsFast: failFast, view: view
        ) {
            if background { Background.reportReady() }
        }
        if let note { view.terminal.line(note) }
        // After the launcher has blocked its signals, so that no thread of the page takes one.
        if let page { Terminal().line("page: \(try PageService.start(topology, page))") }
        let status = try launcher.run()
        guard status == 0 else { throw ExitCode(status) }
    }
}

/// Where the stage programs are.
enum StageFolder {
    static func path(given: String?) throws -> String {
        if let given { return given }
        if let named = getenv("TRIBUTARY_STAGES"), named.pointee != 0 { return String(cString: named) }
        return FilePath.folder(of: try ownPath())
    }

    /// This program's file (proc(5)).
    static func ownPath() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { room in
                room.baseAddress.map { readlink("/proc/self/exe", $0, room.count) } ?? -1
            }
        }
        guard count > 0 else { throw LauncherError.system("readlink /proc/self/exe") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
