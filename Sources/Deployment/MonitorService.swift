package import Federation
internal import Monitoring
package import Topology

/// What brings a cloud's events to the sinks that its topology names (`tributary monitor`), whatever supervises it. No stage: it holds no
/// key and reads what stages leave of their events.
package struct MonitorService: Sendable {
    /// A collector that is reached over a network.
    package struct Collector: Hashable, Sendable {
        package let sink: String
        package let host: String
        package let port: Int
        package let isDatagram: Bool
    }

    /// A sink that is a file or a socket of its own host.
    package struct Local: Hashable, Sendable {
        package let sink: String
        package let path: String
    }

    package let cloud: CloudName
    package let run: RunName
    package let program: String
    package let topology: String
    /// Its stages' configs, without which the topology is none.
    package let configs: [String]
    package let collectors: [Collector]
    /// Folders that file sinks write to, and sockets that sinks speak to.
    package let folders: [Local]
    package let sockets: [Local]
    /// Files with keys that it shares with collectors.
    package let sharedKeys: [String]

    /// Bytes that it may have: it had 46 MiB with four sinks at 10,000 events a second (`bench/events.py`).
    package static let memory = 256 << 20
    /// A thread for each of at most 64 sinks (32 of all clouds, 32 of its own), and some more.
    package static let tasks = 96
    /// Its folder in a state root.
    package static let folder = "monitor"

    /// Nil where the cloud has no sinks.
    /// - Parameter program: `tributary`, where the service runs.
    package init?(_ cloud: Topology.Cloud, of topology: Topology, program: String) {
        guard !cloud.sinks.isEmpty else { return nil }
        self.cloud = cloud.name
        run = topology.run
        self.program = program
        self.topology = topology.file
        configs = cloud.stages.map(\.config).uniqued()
        var (collectors, folders, sockets, sharedKeys) = ([Collector](), [Local](), [Local](), [String]())
        for sink in cloud.sinks {
            func reach(_ address: SinkAddress) {
                switch address {
                case .udp(let host, let port):
                    collectors.append(Collector(sink: sink.name, host: host, port: port, isDatagram: true))
                case .tcp(let host, let port):
                    collectors.append(Collector(sink: sink.name, host: host, port: port, isDatagram: false))
                case .unix(let path): sockets.append(Local(sink: sink.name, path: path))
                }
            }
            switch sink.target {
            case .stdout, .stderr: break
            case .file(let path, _, _):
                folders.append(Local(sink: sink.name, path: MonitorService.parent(of: path)))
            case .syslog(let address, _, _): reach(address)
            case .journald(let socket): sockets.append(Local(sink: sink.name, path: socket))
            case .forward(let target):
                reach(target.address)
                if let key = target.sharedKey { sharedKeys.append(key) }
            case .otlp(let target):
                collectors.append(
                    Collector(sink: sink.name, host: target.host, port: target.port, isDatagram: false))
            }
        }
        self.collectors = collectors
        self.folders = folders
        self.sockets = sockets
        self.sharedKeys = sharedKeys.uniqued()
    }

    private static func parent(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast()
        return "/" + parts.joined(separator: "/")
    }

    package func arguments(state: String) -> [String] {
        ["monitor", topology, "--cloud", cloud.description, "--state", state]
    }
}
