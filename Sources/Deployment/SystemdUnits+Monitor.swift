/// The unit of a cloud's monitor. It runs as the cloud's stages do, for it reads what they leave under their state, and does nothing that
/// they could have to wait for.
extension SystemdUnits {
    var monitorUnit: String { "\(name.cloud(cloud))-monitor" }

    func unit(_ monitor: MonitorService) throws(DeploymentError) -> String {
        let state = SystemdUnits.state(name, cloud, monitor.run)
        let folders = monitor.folders.map(\.path).uniqued()
        let needed =
            [monitor.program, monitor.topology] + monitor.configs + monitor.sharedKeys + folders
            + monitor.sockets.map(\.path)
        try SystemdUnits.checkPaths(needed)
        let command = ([monitor.program] + monitor.arguments(state: state))
            .map { SystemdUnits.quoted($0, escapesDollar: true) }.joined(separator: " ")
        let hosts = monitor.collectors.map { "\($0.sink) at \($0.host), \($0.port)" }
        let sockets = monitor.sockets.map { "\($0.sink) at \($0.path)" }
        let talk = (hosts + sockets).joined(separator: "; ")
        var lines = [
            "# Written by `tributary export systemd`.",
            "[Unit]",
            "Description=Tributary events of \(cloud) to their collectors, run \(monitor.run)",
            "PartOf=\(name.cloud(cloud)).target",
            "Wants=network-online.target",
            "After=network-online.target",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=exec",
            "ExecStart=\(command)",
            // What collectors have not taken by then, they get after the next start.
            "TimeoutStopSec=30s",
            "Restart=on-failure",
            "RestartSec=5s",
            "RestartPreventExitStatus=4 78",
            "User=\(user)",
            "Group=\(user)",
            "UMask=0077",
            // Stages first: it takes what they leave of the processor.
            "CPUWeight=idle",
            "CPUSchedulingPolicy=idle",
            "Nice=19",
            "IOSchedulingClass=idle",
            "LimitCORE=0",
            "LimitNOFILE=4096",
            "MemoryMax=\(MonitorService.memory)",
            "MemorySwapMax=0",
            "TasksMax=\(MonitorService.tasks)",
            "",
            "# Files: it holds no key of a stage, and writes down no more than how far each collector has come.",
            "InaccessiblePaths=-\(SystemdUnits.quoted("\(state)/keys"))",
        ]
        lines += SystemdUnits.filePolicy(
            needed: needed, writes: folders, own: "\(state)/\(MonitorService.folder)")
        lines += ["", "# Network: \(talk.isEmpty ? "none" : talk)."]
        lines += ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "SocketBindDeny=any"]
        lines += SystemdUnits.addresses(monitor.collectors.map(\.host))
        lines += ["", "# The rest of the system."] + SystemdUnits.kernelPolicy(makesCode: false)
        lines += ["", "[Install]", "WantedBy=\(name.cloud(cloud)).target", ""]
        return lines.joined(separator: "\n")
    }
}
