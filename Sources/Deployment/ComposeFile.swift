package import Federation
internal import Topology

/// A cloud's stages as a compose file (compose-spec.io). Paths inside are those of this host, so that topology and configs mean the
/// same; state and keys are a state root of this host, which `TRIBUTARY_STATE` names when the file is used.
package struct ComposeFile {
    private let name: DeploymentName
    private let cloud: CloudName
    private let services: [StageService]
    private let monitor: MonitorService?
    private let image: String

    /// - Parameter services: of one cloud.
    package init(
        _ services: [StageService], of cloud: CloudName, name: DeploymentName, image: String,
        monitor: MonitorService? = nil
    ) {
        self.name = name
        self.cloud = cloud
        self.services = services
        self.monitor = monitor
        self.image = image
    }

    /// The state root inside.
    private static let state = "/var/lib/tributary"
    private static let sockets = "/run/tributary"
    private static let outerState =
        "${TRIBUTARY_STATE:?the state root of this host}"

    package func files() throws(DeploymentError) -> [DeploymentFile] {
        for service in services { try Containers.check(service) }
        var all = services.map { ($0.stage.role.description, service($0)) }
        if let monitor { all.append(("monitor", service(monitor))) }
        let document: YAMLText = [
            "services": .mapping(all),
            "networks": ["federation": ["name": .text("\(name)-federation")]],
            "secrets": .mapping(
                services.flatMap { service in
                    service.secrets.map { file in
                        (
                            ComposeFile.secret(service, file),
                            ["file": .text("\(ComposeFile.outerState)/keys/secret/\(cloud)/\(file)")]
                        )
                    }
                }),
        ]
        let head = """
            # Written by `tributary export compose`. TRIBUTARY_STATE: the state root of this host; TRIBUTARY_USER: the ids of whom it
            # belongs to, as `id -u`:`id -g` prints them.

            """
        return [DeploymentFile(path: "\(name.cloud(cloud)).compose.yaml", text: head + document.rendered)]
    }

    private static func secret(_ service: StageService, _ file: String) -> String {
        "\(service.stage.role)-\(file.replacing(".", with: "-"))"
    }

    private func service(_ service: StageService) -> YAMLText {
        var pairs = closed(
            [service.program] + service.arguments(state: ComposeFile.state, secrets: "/run/secrets"),
            memory: service.memory, tasks: StageService.tasks)
        pairs += [
            ("environment", ["XDG_RUNTIME_DIR": .text(ComposeFile.sockets)]),
            ("ulimits", ["memlock": .number(StageService.lockedMemory), "core": 0, "nofile": 4096]),
            ("stop_grace_period", "90s"),
            ("volumes", .list(volumes(service))),
            (
                "secrets",
                .list(
                    service.secrets.map {
                        ["source": .text(ComposeFile.secret(service, $0)), "target": .text($0)]
                    })
            ),
            ("healthcheck", healthcheck(service)),
        ]
        if let listener = service.listener {
            pairs.append(("networks", ["federation": ["aliases": .texts(Containers.alias(listener))]]))
            pairs.append(("ports", .texts(listener.ports.map { "\($0):\($0)" })))
        } else {
            pairs.append(("networks", ["federation"]))
        }
        return .mapping(pairs)
    }

    /// What every container here has: as little as can be.
    private func closed(_ words: [String], memory: Int, tasks: Int) -> [(String, YAMLText)] {
        [
            ("image", .text(image)),
            ("entrypoint", .texts(Array(words.prefix(1)))),
            ("command", .texts(escaped(Array(words.dropFirst())))),
            ("user", "${TRIBUTARY_USER:?whose the state root is, such as 1000:1000}"),
            ("restart", "on-failure"),
            ("read_only", true),
            ("cap_drop", ["ALL"]),
            ("security_opt", ["no-new-privileges:true"]),
            ("mem_limit", .number(memory)),
            // Memory and swap together: no swap.
            ("memswap_limit", .number(memory)),
            ("pids_limit", .number(tasks)),
            ("tmpfs", [.text("/tmp:size=\(StageService.temporaryFiles)")]),
            ("init", false),
        ]
    }

    /// Reads what the cloud's stages leave; it has none of their keys.
    private func service(_ monitor: MonitorService) -> YAMLText {
        let files = ([monitor.topology] + monitor.configs + monitor.sharedKeys + monitor.sockets.map(\.path)).uniqued()
        let volumes =
            files.map { ComposeFile.bind(Containers.dollars($0), Containers.dollars($0)) }
            + monitor.folders.map(\.path).uniqued().map {
                ComposeFile.bind(Containers.dollars($0), Containers.dollars($0), writable: true)
            } + [
                ComposeFile.bind("\(ComposeFile.outerState)/\(cloud)", "\(ComposeFile.state)/\(cloud)"),
                ComposeFile.bind(
                    "\(ComposeFile.outerState)/\(MonitorService.folder)",
                    "\(ComposeFile.state)/\(MonitorService.folder)",
                    writable: true),
            ]
        var pairs = closed(
            [monitor.program] + monitor.arguments(state: ComposeFile.state), memory: MonitorService.memory,
            tasks: MonitorService.tasks)
        pairs += [
            // As little of the processor as can be asked for, where stages want it.
            ("cpu_shares", 2), ("stop_grace_period", "30s"), ("volumes", .list(volumes)), ("networks", ["federation"]),
        ]
        return .mapping(pairs)
    }

    private static func bind(_ source: String, _ target: String, writable: Bool = false) -> YAMLText {
        [
            "type": "bind", "source": .text(source), "target": .text(target), "read_only": .flag(!writable),
        ]
    }

    private func healthcheck(_ service: StageService) -> YAMLText {
        let test =
            ["CMD", service.program]
            + escaped(service.arguments(state: ComposeFile.state, secrets: "/run/secrets", probe: "ready"))
        return [
            "test": .texts(test), "interval": "10s", "timeout": "5s", "retries": 3, "start_period": "15m",
        ]
    }

    private func volumes(_ service: StageService) -> [YAMLText] {
        let bind = { ComposeFile.bind($0, $1, writable: $2) }
        let own = "\(cloud)/\(service.stage.role)"
        let named = ([service.topology, service.config] + service.reads.map(\.path)).uniqued()
        var volumes = named.map { bind(Containers.dollars($0), Containers.dollars($0), false) }
        volumes += service.writes.map { bind(Containers.dollars($0), Containers.dollars($0), true) }
        volumes.append(bind("\(ComposeFile.outerState)/\(own)", "\(ComposeFile.state)/\(own)", true))
        volumes.append(
            bind("\(ComposeFile.outerState)/keys/public", "\(ComposeFile.state)/keys/public", false))
        // For its neighbours, and for whoever follows its events.
        volumes.append(bind("\(ComposeFile.outerState)/run", ComposeFile.sockets, true))
        return volumes
    }

    private func escaped(_ arguments: [String]) -> [String] { arguments.map(Containers.dollars) }
}

/// What all containers ask of a topology.
enum Containers {
    static func check(_ service: StageService) throws(DeploymentError) {
        guard let listener = service.listener, !["0.0.0.0", "::"].contains(listener.bind) else { return }
        throw DeploymentError(
            "\(service.topology): \(service.stage) binds \(listener.bind), and a container has an address of its own: write `bind: 0.0.0.0`, and as `advertise` the name that the others dial"
        )
    }

    /// A name under which the others of the same network find it; an address leads there by itself.
    static func alias(_ listener: StageService.Listener) -> [String] {
        listener.advertise.contains(where: \.isLetter) && !listener.advertise.contains(":") ? [listener.advertise] : []
    }

    /// Compose puts variables in: a dollar sign of a path is doubled.
    static func dollars(_ text: String) -> String { text.replacing("$", with: "$$") }
}
