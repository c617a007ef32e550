package import Federation
internal import Topology

/// A cloud's stages as systemd units, with the user that they run as (sysusers.d(5)) and the folders that they write to
/// (tmpfiles.d(5)). Every file's path is relative to /etc.
package struct SystemdUnits {
    let name: DeploymentName
    let cloud: CloudName
    private let services: [StageService]
    private let monitor: MonitorService?

    /// - Parameter services: of one cloud.
    package init(
        _ services: [StageService], of cloud: CloudName, name: DeploymentName, monitor: MonitorService? = nil
    ) {
        self.name = name
        self.cloud = cloud
        self.services = services
        self.monitor = monitor
    }

    /// The state root: a run has one of its own.
    package static func state(_ name: DeploymentName, _ cloud: CloudName, _ run: RunName) -> String {
        "/var/lib/\(name)/\(cloud)/\(run)"
    }

    /// utmp(5) has room for 31 characters.
    var user: String { DeploymentName.fitted(name.cloud(cloud), to: 31) }

    package func files() throws(DeploymentError) -> [DeploymentFile] {
        var files: [DeploymentFile] = []
        for service in services {
            files.append(
                DeploymentFile(path: "systemd/system/\(name.stage(service.stage)).service", text: try unit(service)))
        }
        if let monitor {
            files.append(DeploymentFile(path: "systemd/system/\(monitorUnit).service", text: try unit(monitor)))
        }
        files.append(DeploymentFile(path: "systemd/system/\(name.cloud(cloud)).target", text: target))
        files.append(DeploymentFile(path: "sysusers.d/\(name.cloud(cloud)).conf", text: sysusers))
        files.append(DeploymentFile(path: "tmpfiles.d/\(name.cloud(cloud)).conf", text: tmpfiles))
        return files
    }

    private var target: String {
        let units = services.map { name.stage($0.stage) } + (monitor == nil ? [] : [monitorUnit])
        return """
            # Written by `tributary export systemd`.
            [Unit]
            Description=Tributary stages of \(cloud)
            Wants=\(units.map { "\($0).service" }.joined(separator: " "))

            [Install]
            WantedBy=multi-user.target

            """
    }

    private var sysusers: String {
        """
        # Written by `tributary export systemd`.
        u \(user) - "Tributary stages of \(cloud)" /var/lib/\(name)/\(cloud)

        """
    }

    private var tmpfiles: String {
        var lines = ["# Written by `tributary export systemd`.", "d /var/lib/\(name) 0755 root root"]
        func folder(_ path: String) { lines.append("d \(path) 0700 \(user) \(user)") }
        folder("/var/lib/\(name)/\(cloud)")
        for run in Set(services.map { $0.run.description }).sorted() {
            folder("/var/lib/\(name)/\(cloud)/\(run)")
            folder("/var/lib/\(name)/\(cloud)/\(run)/\(cloud)")
        }
        for service in services {
            folder(service.stateFolder(in: SystemdUnits.state(name, cloud, service.run)))
            for path in service.writes { lines.append("d \(SystemdUnits.quoted(path)) 0750 \(user) \(user)") }
        }
        if let monitor {
            folder("\(SystemdUnits.state(name, cloud, monitor.run))/\(MonitorService.folder)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func unit(_ service: StageService) throws(DeploymentError) -> String {
        let state = SystemdUnits.state(name, cloud, service.run)
        let keys = "\(state)/keys/secret/\(cloud)"
        let needed = [service.program, service.topology, service.config] + service.reads.map(\.path) + service.writes
        try SystemdUnits.checkPaths(needed)
        var lines: [String] = [
            "# Written by `tributary export systemd`. Exit codes and what they mean: docs/operating.md.",
            "[Unit]",
            "Description=Tributary \(service.stage.role) of \(cloud), run \(service.run)",
            "PartOf=\(name.cloud(cloud)).target",
            "Wants=network-online.target",
            "After=network-online.target",
            // A full disk or a host that is away may last: a stage that is to be started again is, however often. What another start
            // does not help is told by the exit status below.
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=notify",
            "NotifyAccess=main",
            "ExecStart=" + command(service, state),
            // Ingest reads its tables and local-train loads its engine before they are ready.
            "TimeoutStartSec=15min",
            "TimeoutStopSec=90s",
            "WatchdogSec=\(SystemdUnits.watchdogSeconds)s",
            "Restart=on-failure",
            // The launcher waits longer each time; systemd before 254 (RestartSteps=) cannot.
            "RestartSec=5s",
            // What another start does not help (docs/operating.md, \"Exit codes\").
            "RestartPreventExitStatus=1 2 4 78",
            "KillMode=mixed",
            "User=\(user)",
            "Group=\(user)",
            "UMask=0077",
            "Environment=XDG_RUNTIME_DIR=/run/\(name)/\(cloud)",
            // As the launcher sets it for its stages (StageProcess.largePages).
            "Environment=GLIBC_TUNABLES=glibc.malloc.hugetlb=1",
            "RuntimeDirectory=\(name)/\(cloud)",
            "RuntimeDirectoryMode=0700",
            // The cloud's other stages have their sockets there too.
            "RuntimeDirectoryPreserve=yes",
            "LimitMEMLOCK=\(StageService.lockedMemory)",
            "LimitCORE=0",
            "LimitNOFILE=4096",
            // More than that is killed, and started again. What it holds never lies in swap.
            "MemoryMax=\(service.memory)",
            "MemorySwapMax=0",
            "TasksMax=\(StageService.tasks)",
            "",
            "# Its own secret keys, and none of its cloud's others.",
        ]
        lines += service.secrets.map { "LoadCredential=\($0):\(SystemdUnits.quoted("\(keys)/\($0)"))" }
        lines.append("InaccessiblePaths=-\(SystemdUnits.quoted("\(state)/keys/secret"))")
        lines += ["", "# Files: everything is read-only but its own state."]
        lines += SystemdUnits.filePolicy(
            needed: needed, writes: service.writes, own: service.stateFolder(in: state))
        lines += ["", "# Network: \(SystemdUnits.talk(service))."] + SystemdUnits.networkPolicy(service)
        lines += ["", "# The rest of the system."] + SystemdUnits.kernelPolicy(makesCode: service.makesCode)
        lines += ["", "[Install]", "WantedBy=\(name.cloud(cloud)).target", ""]
        return lines.joined(separator: "\n")
    }

    /// As long as a probe is patient.
    private static let watchdogSeconds = 60

    private func command(_ service: StageService, _ state: String) -> String {
        // %d is the folder of the unit's credentials, so it goes in unescaped.
        let marker = "\0"
        return ([service.program] + service.arguments(state: state, secrets: marker))
            .map { $0 == marker ? "%d" : SystemdUnits.quoted($0, escapesDollar: true) }.joined(separator: " ")
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, in order.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
