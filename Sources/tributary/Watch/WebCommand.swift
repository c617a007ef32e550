internal import ArgumentParser
internal import Glibc
internal import Topology

struct WebCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web",
        abstract: "Serves a page that shows a federation as it runs, on this host alone.",
        discussion: """
            Reads the events that this host's stages keep under the state root, and the launcher's record; it changes nothing and \
            runs beside a launcher or without one. The printed address has a random token in it: without that the page is not \
            found, so that other users of this host do not see it. --token sets one that stays, --no-token does without. For another \
            host use `ssh -L`, or --listen with the address of a network that you trust: the page is plain HTTP.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: "The port; 0 for any that is free.")
    var port = "7180"
    @Option(help: "The address to listen on.")
    var listen = "127.0.0.1"
    @Option(
        help:
            "A host name or address by which the page may be asked for, beside the one that it listens on (repeatable)."
    )
    var name: [String] = []
    @Option(
        help:
            "Letters, digits and hyphens, 16 to 64 of them: the token that the page's address has, instead of a random one."
    )
    var token: String?
    @Flag(help: "Serve the page without a token: whoever can connect sees it.")
    var noToken = false

    func run() throws {
        let topology = try options.load(warns: false)
        if let token { try WebCommand.check(token) }
        if listen == "0.0.0.0" || listen == "::", name.isEmpty {
            throw LauncherError.arguments(
                "--listen \(listen) is every address of this host: say with --name by which address or name the page is asked for"
            )
        }
        if noToken, !listen.hasPrefix("127."), listen != "::1" {
            Terminal.warn("whoever reaches \(listen) sees the page: it is plain HTTP, and has no token")
        }
        let page = PageOptions(
            address: listen, port: try PageOptions.port(port), names: name, token: token, hasToken: !noToken)
        let signals = try SignalWatch([SIGTERM, SIGINT, SIGHUP])
        let url = try PageService.start(topology, page)
        Terminal().line(url)
        var item = pollfd(fd: signals.readable.number, events: Int16(POLLIN), revents: 0)
        while try signals.take().isEmpty { _ = poll(&item, 1, -1) }
    }

    private static func check(_ token: String) throws {
        let isPlain = token.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
        }
        guard isPlain, (16...64).contains(token.utf8.count) else {
            throw LauncherError.arguments("--token: expected 16 to 64 letters, digits and hyphens")
        }
    }
}
