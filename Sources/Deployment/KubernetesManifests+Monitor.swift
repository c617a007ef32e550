internal import Federation

/// A pod's events on their way to the sinks of its cloud: a container beside the stages, as their state is on a volume of their own.
extension KubernetesManifests {
    /// A pod has no files or sockets of a host.
    static func check(_ monitor: MonitorService) throws(DeploymentError) {
        guard let local = (monitor.folders + monitor.sockets).first else { return }
        throw DeploymentError(
            "\(monitor.topology): sink \(local.sink) of \(monitor.cloud) is at \(local.path), and a pod has no files or sockets of its host: use stdout, syslog over tcp or udp, forward or otlp"
        )
    }

    func collectorKeys(of cloud: CloudName) -> String { DeploymentName.fitted("\(name)-\(cloud)-collectors", to: 63) }

    func container(_ monitor: MonitorService, in pod: [StageService]) -> YAMLText {
        [
            "name": "monitor", "image": .text(image),
            "command": .texts([monitor.program] + escaped(monitor.arguments(state: KubernetesManifests.state))),
            "securityContext": KubernetesManifests.closed,
            "resources": KubernetesManifests.memory(MonitorService.memory),
            "volumeMounts": .list(mounts(monitor, in: pod)),
        ]
    }

    /// One for each collector of each pod.
    func monitorPolicies(_ pod: [StageService]) -> [YAMLText] {
        guard let monitor = monitor(of: pod), let stage = pod.first?.stage else { return [] }
        return monitor.collectors.map { collector in
            policy(
                "\(stage.cloud)-\(stage.role)-tells-\(collector.sink)", of: stage, "Egress",
                egress(
                    host: collector.host,
                    [["port": .number(collector.port), "protocol": .text(collector.isDatagram ? "UDP" : "TCP")]]))
        }
    }
}
