internal import Federation
internal import Topology

/// What a unit may do: which files it sees and writes, whom it reaches, what it may ask of the kernel (systemd.exec(5)).
extension SystemdUnits {
    static func checkPaths(_ paths: [String]) throws(DeploymentError) {
        for path in paths where path.contains(where: { $0.isNewline || $0 == "\0" }) || !path.hasPrefix("/") {
            throw DeploymentError("\(path): a unit needs a whole path on one line")
        }
    }

    /// - Parameters:
    ///   - needed: all that it reads, runs and writes beside its state.
    ///   - own: its own folder of the state root.
    static func filePolicy(needed: [String], writes: [String], own: String) -> [String] {
        func lies(_ path: String, below folders: [String]) -> Bool { folders.contains { path.hasPrefix("\($0)/") } }
        let homes = ["/home", "/root", "/run/user"]
        let temporary = ["/tmp", "/var/tmp"]
        // What lies in a home or a folder for temporary files is shown alone, in an otherwise empty one.
        let hidden = needed.filter { lies($0, below: homes + temporary) }.uniqued()
        let inHome = hidden.contains { lies($0, below: homes) }
        let writable = writes.filter { !hidden.contains($0) } + [own]
        var lines = [
            "ProtectSystem=strict",
            "ProtectHome=\(inHome ? "tmpfs" : "yes")",
            "PrivateTmp=yes",
            "PrivateDevices=yes",
        ]
        lines += writable.map { "ReadWritePaths=\(SystemdUnits.quoted($0))" }
        lines += hidden.map { path in
            "\(writes.contains(path) ? "BindPaths" : "BindReadOnlyPaths")=\(SystemdUnits.quoted(path))"
        }
        return lines
    }

    static func talk(_ service: StageService) -> String {
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

    static func networkPolicy(_ service: StageService) -> [String] {
        // libzmq asks for the names of network interfaces (getifaddrs(3)) and ends the process where netlink is closed.
        var lines = ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "SocketBindDeny=any"]
        lines += (service.listener?.ports ?? []).map { "SocketBindAllow=tcp:\($0)" }
        // Whoever dials may come from anywhere, and a name from any server: addresses are closed where all are written out.
        if service.listener == nil { lines += addresses(service.dials.map(\.host)) }
        return lines
    }

    /// Closes all addresses but these, where no host is a name.
    static func addresses(_ hosts: [String]) -> [String] {
        guard hosts.allSatisfy(NetworkAddress.isLiteral) else { return [] }
        return ["IPAddressDeny=any"] + hosts.map { "IPAddressAllow=\($0)" }.uniqued()
    }

    static func kernelPolicy(makesCode: Bool) -> [String] {
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
            "ProcSubset=\(makesCode ? "all" : "pid")",
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
        if makesCode {
            lines.append("# The training engine makes machine code at run time: no MemoryDenyWriteExecute.")
        } else {
            lines.append("MemoryDenyWriteExecute=yes")
        }
        return lines
    }

    /// systemd.syntax(7): quotes keep blanks together, a percent sign is doubled, and in a command a dollar sign too.
    static func quoted(_ text: String, escapesDollar: Bool = false) -> String {
        var result = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
        if escapesDollar { result = result.replacing("$", with: "$$") }
        let isPlain = result == text && text.allSatisfy { !$0.isWhitespace && !"';#".contains($0) }
        return isPlain ? text : "\"\(result)\""
    }
}
