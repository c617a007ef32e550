import Collectors
import Federation
import Foundation
import Glibc
import JSONText
import Testing
import Topology

extension PipelineSuite {
    /// A real Prometheus server beside a running federation, with the rules as they are shipped.
    @Suite(
        "Prometheus scrapes a federation",
        .enabled(if: Equipment.prometheus != nil, "`make collectors`, or Debian's prometheus, brings the server"))
    struct PrometheusTests {
        private static let rules = "\(FederationRun.repository)/monitoring/alerts.yaml"

        /// The shipped rules, for those who do not want to wait: what is to hold for minutes is to hold for a second.
        private func hasty(in folder: String) throws -> String {
            let text = try String(contentsOfFile: Self.rules, encoding: .utf8)
            let path = "\(folder)/hasty.yaml"
            try text.replacing("name: tributary", with: "name: hasty").replacing(/for: \d+m/, with: "for: 1s")
                .write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        /// Names of samples, as the text format has them.
        private func names(_ exposition: String) -> Set<String> {
            Set(
                exposition.split(separator: "\n").filter { !$0.hasPrefix("#") }
                    .map { String($0.prefix { $0 != "{" && $0 != " " }) })
        }

        @Test(
            "The target is up, every family is there to be queried, the rules load, and a stage that stands still is told of"
        )
        func scrapes() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 100_000, evaluates: false)
            plan.trainer = "none"
            let run = try FederationRun(plan)
            try await run.launch()
            let page = try await run.servePage()
            let port = try FederationRun.freePorts(1)[0]
            let server = try PrometheusServer(
                scraping: page, rules: [Self.rules, try hasty(in: run.root)], port: port,
                folder: "\(run.root)/prometheus")
            let process = server.process()
            try process.start()
            try await eventually("Prometheus is ready") { await server.isReady() }

            try await eventually("the target is up") {
                let targets = try await server.ask("targets").members["activeTargets"]?.elements ?? []
                return targets.count == 1 && targets[0].members["health"]?.text == "up"
            }
            // A stage counts most things when they happen first.
            var served: Set<String> = []
            try await eventually("rounds are counted") {
                served = names(String(decoding: try await server.fetch("\(page)metrics").body, as: UTF8.self))
                return served.contains("tributary_phase_seconds_bucket")
                    && served.contains("tributary_contributions_total")
            }
            #expect(served.count > 20, "\(served.sorted())")
            try await eventually("all families are there") {
                let known = try await server.query("count by (__name__) ({job=\"tributary\"})")
                return served.isSubset(of: Set(known.compactMap { $0.labels["__name__"] }))
            }
            let stages = try await server.query("tributary_stage_up == 1")
            #expect(
                Set(stages.map { "\($0.labels["cloud"] ?? "")/\($0.labels["stage"] ?? "")" })
                    == Set(run.stages.map(\.description)))
            try await eventually("rounds are seen to follow on one another") {
                try await server.query("changes(tributary_round{stage=\"publish\"}[30s]) > 1").count == 1
            }

            let shipped = try String(contentsOfFile: Self.rules, encoding: .utf8)
            let alerts = shipped.split(separator: "\n").compactMap { $0.wholeMatch(of: /\s*- alert: (\w+)/)?.1 }
            #expect(alerts.count > 8)
            try await eventually("every rule has been evaluated") {
                let groups = try await server.ask("rules").members["groups"]?.elements ?? []
                guard Set(groups.compactMap { $0.members["name"]?.text }) == ["tributary", "hasty"] else {
                    return false
                }
                return groups.allSatisfy { group in
                    let rules = group.members["rules"]?.elements ?? []
                    return rules.compactMap { $0.members["name"]?.text } == alerts.map(String.init)
                        && rules.allSatisfy { $0.members["health"]?.text == "ok" && $0.members["lastError"] == nil }
                }
            }

            func down() async throws -> [[String: JSON]] {
                let all = try await server.ask("alerts").members["alerts"]?.elements.map(\.members) ?? []
                return all.filter { $0["labels"]?.members["alertname"]?.text == "TributaryStageDown" }
            }
            #expect(try await down().isEmpty)
            let stage = run.stage(.encrypt, "north")
            try await run.signalLaunched(SIGSTOP, to: stage)
            try await eventually("the alert is pending by the shipped rule, and fires by the hasty one") {
                Set(try await down().compactMap { $0["state"]?.text }) == ["pending", "firing"]
            }
            for alert in try await down() {
                #expect(alert["labels"]?.members["cloud"]?.text == "north")
                #expect(alert["labels"]?.members["stage"]?.text == "encrypt")
                #expect(alert["annotations"]?.members["summary"]?.text == "north/encrypt does not run")
            }
            try await run.signalLaunched(SIGCONT, to: stage)
            try await eventually("the alert is over") { try await down().isEmpty }
            process.kill()
            _ = try await run.shell("tributary down topology.yaml")
        }
    }
}

extension FederationRun {
    /// Starts `tributary web` beside the launcher; its address.
    func servePage() async throws -> String {
        let watcher = try StageName("watcher/ingest")
        try start(
            watcher, program: "tributary",
            ["web", "\(root)/topology.yaml", "--state", topology.statePath, "--port", "0", "--no-token"])
        let line = try await event("text", of: watcher) { $0.line.contains("http://127.0.0.1:") }.line
        guard let url = line.split(separator: " ").first(where: { $0.hasPrefix("http://") }) else {
            throw Failure(description: line)
        }
        return url.hasSuffix("/") ? String(url) : "\(url)/"
    }
}
