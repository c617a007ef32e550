internal import Federation
internal import Monitoring
internal import Shipping
internal import Topology

/// What a monitor of this host has to do.
enum MonitorPlan {
    /// The clouds here that have sinks.
    static func clouds(_ topology: Topology, among chosen: [String]) -> [Monitor.Cloud] {
        topology.clouds.filter { cloud in
            !cloud.sinks.isEmpty && (chosen.isEmpty || chosen.contains(cloud.name.description))
        }.map { cloud in
            Monitor.Cloud(
                name: cloud.name, sinks: cloud.sinks,
                stages: cloud.stages.map {
                    Monitor.Stage(
                        name: $0.name, spool: topology.eventSpool(of: $0.name),
                        metrics: topology.metricsPath(of: $0.name))
                })
        }
    }

    /// Throws what would keep a sink from ever working.
    static func check(_ topology: Topology, among chosen: [String]) throws {
        for cloud in clouds(topology, among: chosen) {
            for sink in cloud.sinks {
                do { try Monitor.check(sink) } catch {
                    throw LauncherError.configuration("sink \(sink.name) of \(cloud.name): \(error)")
                }
            }
        }
    }

    static func logPath(_ topology: Topology) -> String { "\(topology.statePath)/logs/monitor.log" }

    /// What the monitor has counted, for whoever collects text files of Prometheus' format.
    static func metricsPath(_ topology: Topology) -> String { "\(topology.monitorFolder)/metrics.prom" }
}
