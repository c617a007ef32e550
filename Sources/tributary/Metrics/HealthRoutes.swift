internal import Federation
internal import Monitoring
internal import Topology
internal import Web

/// What collectors and probes ask for: `/metrics`, `/livez`, `/readyz`, of the host as a whole and, with `/CLOUD/STAGE` behind, of one
/// stage. A stage has no server of its own: it is confined, and leaves what it counts beside its journal.
enum HealthRoutes {
    static func all(_ topology: Topology, clouds: [String] = []) -> [WebServer.Route] {
        var routes = [
            WebServer.Route("/metrics") { metrics(HostMetrics(topology, clouds: clouds).text) },
            WebServer.Route("/livez") { probe(HostMetrics(topology, clouds: clouds).stages, \.isUp) },
            WebServer.Route("/readyz") { probe(HostMetrics(topology, clouds: clouds).stages, \.isReady) },
        ]
        for stage in topology.stages(in: clouds) {
            let of = { @Sendable in HostMetrics(topology, clouds: clouds).stages.filter { $0.name == stage } }
            routes += [
                WebServer.Route("/metrics/\(stage)") { metrics(of().first?.text ?? "") },
                WebServer.Route("/livez/\(stage)") { probe(of(), \.isUp) },
                WebServer.Route("/readyz/\(stage)") { probe(of(), \.isReady) },
            ]
        }
        return routes
    }

    private static func metrics(_ text: String) -> WebServer.Answer {
        WebServer.Answer(contentType: Exposition.contentType, body: Array(text.utf8))
    }

    /// 200 where all of them are, else 503; which is which, a line each.
    private static func probe(
        _ stages: [HostMetrics.Stage], _ isSo: any KeyPath<HostMetrics.Stage, Bool> & Sendable
    ) -> WebServer.Answer {
        let lines = stages.map { "\($0[keyPath: isSo] ? "ok " : "NO ") \($0.name)\n" }
        let isWell = !stages.isEmpty && stages.allSatisfy { $0[keyPath: isSo] }
        return WebServer.Answer(
            status: isWell ? 200 : 503, contentType: "text/plain; charset=utf-8", body: Array(lines.joined().utf8))
    }
}
