package import Federation
internal import Topology

/// A cloud's stages as systemd units, with the user that they run as (sysusers.d(5)) and the folders that they write to
/// (tmpfiles.d(5)). Every file's path is relative to /etc.
package struct SystemdUnits {
    private let name: DeploymentName
    private let cloud: CloudName
    private let services: [StageService]

    /// - Parameter services: of one cloud.
    package init(_ services: [StageService], of cloud: CloudName, name: DeploymentName) {
        self.name = name
        self.cloud = cloud
        self.services = services
    }

    /// The state root: a run has one of its own.
    package static func state(_ name: DeploymentName, _ cloud: CloudName, _ run: RunName) -> String {
        "/var/lib/\(name)/\(cloud)/\(run)"
    }

    /// utmp(5) has room for 31 characters.
    private var user: String { DeploymentName.fitted(name.cloud(cloud), to: 31) }

    package func files() throws(DeploymentError) -> [DeploymentFile] {
        var files: [DeploymentFile] = []
        for service in services {
            files.append(
                DeploymentFile(path: "systemd/system/\(name.stage(service.stage)).service", text: try unit(service)))
        }
        files.append(DeploymentFile(path: "systemd/system/\(name.cloud(cloud)).target", text: target))
        files.append(DeploymentFile(path: "sysusers.d/\(name.cloud(cloud)).conf", text: sysusers))
        files.append(DeploymentFile(path: "tmpfiles.d/\(name.cloud(cloud)).conf", text: tmpfiles))
        return files
    }

    private var target: String {
        """
        # Written by `tributary export systemd`.
        [Unit]
        Description=Tributary stages of \(cloud)
        Wants=\(services.map { "\(name.stage($0.stage)).service" }.joined(separator: " "))

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
        return lines.joined(separator: "\n") + "\n"
    }

    private func unit(_ service: StageService) throws(DeploymentError) -> String {
        let state = SystemdUnits.state(name, cloud, service.run)
        let keys = "\(state)/keys/secret/\(cloud)"
        for path in [service.program, service.topology, service.config] + service.reads.map(\.path) + service.writes
        where path.contains(where: { $0.isNewline || $0 == "\0" }) || !path.hasPrefix("/") {
            throw DeploymentError("\(path): a unit needs a whole path on one line")
        }
        var lines: [String] = [
            "# Written by `tributary export systemd`. Exit codes and what they mean: docs/operating.md.",
            "[Unit]",
            "Description=Tributary \(service.stage.kind) of \(cloud), run \(service.run)",
            "PartOf=\(name.cloud(cloud)).target",
            "Wants=network-online.target",
            "After=network-online.target",
            "StartLimitIntervalSec=10min",
            "StartLimitBurst=12",
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
            "RestartSec=1s",
            // What another start does not help (docs/operating.md, \"Exit codes\").
            "RestartPreventExitStatus=1 2 4 78",
            "KillMode=mixed",
            "User=\(user)",
            "Group=\(user)",
            "UMask=0077",
            "Environment=XDG_RUNTIME_DIR=/run/\(name)/\(cloud)",
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
        lines += ["", "# Files: everything is read-only but its own state."] + filePolicy(service, state)
        lines += ["", "# Network: \(SystemdUnits.talk(service))."] + SystemdUnits.networkPolicy(service)
        lines += ["", "# The rest of the system."] + SystemdUnits.kernelPolicy(service)
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

    // MARK: What it may do

    private func filePolicy(_ service: StageService, _ state: String) -> [String] {
        let needed = [service.program, service.topology, service.config] + service.reads.map(\.path) + service.writes
        func lies(_ path: String, below folders: [String]) -> Bool { folders.contains { path.hasPrefix("\($0)/") } }
        let homes = ["/home", "/root", "/run/user"]
        let temporary = ["/tmp", "/var/tmp"]
        // What lies in a home or a folder for temporary files is shown alone, in an otherwise empty one.
        let hidden = needed.filter { lies($0, below: homes + temporary) }.uniqued()
        let inHome = hidden.contains { lies($0, below: homes) }
        let writable = service.writes.filter { !hidden.contains($0) } + [service.stateFolder(in: state)]
        var lines = [
            "ProtectSystem=strict",
            "ProtectHome=\(inHome ? "tmpfs" : "yes")",
            "PrivateTmp=yes",
            "PrivateDevices=yes",
        ]
        lines += writable.map { "ReadWritePaths=\(SystemdUnits.quoted($0))" }
        lines += hidden.map { path in
            "\(service.writes.contains(path) ? "BindPaths" : "BindReadOnlyPaths")=\(SystemdUnits.quoted(path))"
        }
        return lines
    }

    private static func talk(_ service: StageService) -> String {
        var parts: [String] = []
        if let listener = service.listener {
            parts.append(
                "listens on \(listener.ports.map(String.init).joined(separator: " and ")) for \(listener.callers.map(\.description).joined(separator: ", "))"
            )
        }
        for dial in service.dials {
            parts.append(
                "dials \(dial.hub) at \(dial.host), \(dial.ports.map(String.init).joined(separator: " and "))")
        }
        if !service.neighbours.isEmpty {
            parts.append("shares sockets with \(service.neighbours.map(\.description).joined(separator: ", "))")
        }
        return parts.joined(separator: "; ")
    }

    private static func networkPolicy(_ service: StageService) -> [String] {
        // libzmq asks for the names of network interfaces (getifaddrs(3)) and ends the process where netlink is closed.
        var lines = ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "SocketBindDeny=any"]
        lines += (service.listener?.ports ?? []).map { "SocketBindAllow=tcp:\($0)" }
        // Whoever dials may come from anywhere, and a name from any server: addresses are closed where all are written out.
        if service.listener == nil, service.dials.allSatisfy({ isAddress($0.host) }) {
            lines.append("IPAddressDeny=any")
            lines += service.dials.map { "IPAddressAllow=\($0.host)" }.uniqued()
        }
        return lines
    }

    private static func isAddress(_ host: String) -> Bool {
        host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
    }

    private static func kernelPolicy(_ service: StageService) -> [String] {
        var lines = [
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=",
            "AmbientCapabilities=",
            "PrivateUsers=yes",
            "PrivateIPC=yes",
            "ProtectClock=yes",
            "ProtectControlGroups=yes",
            "ProtectHostname=yes",
            "ProtectKernelLogs=yes",
            "ProtectKernelModules=yes",
            "ProtectKernelTunables=yes",
            "ProtectProc=invisible",
            // The engine asks /proc/cpuinfo what the processor can do.
            "ProcSubset=\(service.makesCode ? "all" : "pid")",
            "DevicePolicy=closed",
            "KeyringMode=private",
            "LockPersonality=yes",
            "RemoveIPC=yes",
            "RestrictNamespaces=yes",
            "RestrictRealtime=yes",
            "RestrictSUIDSGID=yes",
            "SystemCallArchitectures=native",
            "SystemCallFilter=@system-service",
            "SystemCallFilter=~@privileged @resources",
            // With these the stage closes itself in further (docs/operating.md, \"Confinement\").
            "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp",
            // libzmq sets each thread's scheduling, be it to what it is, and ends the process if it may not; libdispatch sets priorities.
            "SystemCallFilter=sched_setscheduler setpriority",
            "SystemCallErrorNumber=EPERM",
        ]
        if service.makesCode {
            lines.append("# The training engine makes machine code at run time: no MemoryDenyWriteExecute.")
        } else {
            lines.append("MemoryDenyWriteExecute=yes")
        }
        return lines
    }

    /// systemd.syntax(7): quotes keep blanks together, a percent sign is doubled, and in a command a dollar sign too.
    private static func quoted(_ text: String, escapesDollar: Bool = false) -> String {
        var result = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
        if escapesDollar { result = result.replacing("$", with: "$$") }
        let isPlain = result == text && text.allSatisfy { !$0.isWhitespace && !"';#".contains($0) }
        return isPlain ? text : "\"\(result)\""
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, in order.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
