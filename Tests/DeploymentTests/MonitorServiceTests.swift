import Deployment
import Federation
import Foundation
import Testing
import Topology

@Suite("The monitor's service")
struct MonitorServiceTests {
    private func compose(_ text: String) throws -> String {
        let services = try Federations.services(text, of: ["north"])
        return try ComposeFile(
            services, of: services[0].stage.cloud, name: .standard, image: "tributary",
            monitor: try Federations.monitor(of: "north", text)
        ).files()[0].text
    }

    private func manifests(_ text: String, of clouds: [String]) throws -> KubernetesManifests {
        KubernetesManifests(
            try Federations.services(text, of: clouds), name: .standard, image: "tributary",
            contents: [Federations.config: "a: b\n"],
            monitors: try clouds.compactMap { try Federations.monitor(of: $0, text) })
    }

    @Test("a cloud with sinks has one in every format, and one without has none")
    func presence() throws {
        #expect(try Federations.monitor(of: "north", Federations.wide) == nil)
        let name = "systemd/system/tributary-north-monitor.service"
        let none = try Federations.units(of: "north")
        #expect(!none.contains { $0.path == name || $0.text.contains("monitor") })
        let some = try Federations.units(of: "north", Federations.collected)
        #expect(some.contains { $0.path == name })
        #expect(
            try Federations.text(some, "tributary-north.target")
                .contains("tributary-north-encrypt.service tributary-north-monitor.service\n"))
        #expect(try Federations.text(some, "tmpfiles.d/tributary-north.conf").contains("/north/first/monitor 0700 "))
        #expect(try !compose(Federations.wide).contains("monitor"))
        #expect(try compose(Federations.collected).contains("\n  monitor:\n"))
        #expect(try !manifests(Federations.wide, of: ["north"]).files().map(\.text).joined().contains("monitor"))
        let pods = try manifests(Federations.collected, of: ["north", "coordinator"]).files().map(\.text)
        // One beside the three stages that share a pod, one beside aggregate.
        #expect(pods.joined().components(separatedBy: "- name: monitor\n").count == 3)
    }

    @Test(
        "systemd accepts its unit, whose exposure is at most 2.0",
        .enabled(if: Tool.analyze.isThere, "needs systemd-analyze: apt-get install systemd"))
    func unit() throws {
        for text in [Federations.collected, Federations.local] {
            let units = try Federations.units(of: "north", text).filter { $0.path.hasPrefix("systemd/") }
            let written = try WrittenFiles(units)
            let verified = try Tool.analyze.run(["verify", "--man=no"] + written.paths)
            #expect(verified == Tool.Result(status: 0, output: ""))
            let own = try WrittenFiles(units.filter { $0.path.hasSuffix("monitor.service") })
            #expect(own.paths.count == 1)
            let exposure = ["security", "--offline=true", "--no-pager"]
            #expect(try Tool.analyze.run(exposure + ["--threshold=20"] + own.paths).status == 0)
            #expect(try Tool.analyze.run(exposure + ["--threshold=5"] + own.paths).status != 0)
        }
    }

    @Test("it holds no key of a stage, writes where its sinks do alone, and yields to the stages")
    func rights() throws {
        let unit = try Federations.text(
            try Federations.units(of: "north", Federations.local), "north-monitor.service"
        ).split(separator: "\n")
        #expect(!unit.contains { $0.hasPrefix("LoadCredential") })
        #expect(unit.contains("InaccessiblePaths=-/var/lib/tributary/north/first/keys"))
        #expect(
            unit.filter { $0.hasPrefix("ReadWritePaths=") } == [
                "ReadWritePaths=/srv/events", "ReadWritePaths=/var/lib/tributary/north/first/monitor",
            ])
        for line in ["CPUWeight=idle", "CPUSchedulingPolicy=idle", "MemoryMax=\(MonitorService.memory)"] {
            #expect(unit.contains(Substring(line)), "\(line)")
        }
        #expect(
            unit.contains(
                "ExecStart=/usr/bin/true monitor \(Federations.config) --cloud north --state /var/lib/tributary/north/first"
            ))
        let text = try compose(Federations.local)
        let own = try #require(text.range(of: "\n  monitor:\n"))
        let rest = text[own.upperBound...].prefix { _ in true }
        let service = rest[..<(rest.range(of: "\nnetworks:")?.lowerBound ?? rest.endIndex)]
        #expect(!service.contains("keys/"))
        #expect(service.contains("/north\"\n        target: \"/var/lib/tributary/north\"\n        read_only: true"))
        #expect(service.components(separatedBy: "read_only: false").count == 3)
    }

    @Test("its collectors can be reached, and where all are addresses nothing else")
    func reach() throws {
        let unit = try Federations.text(
            try Federations.units(of: "north", Federations.collected), "north-monitor.service")
        #expect(!unit.contains("IPAddress"), "a name of a collector is found by any server")
        let addresses = Federations.collected.replacing("otel.example", with: "192.0.2.52")
        let closed = try Federations.text(try Federations.units(of: "north", addresses), "north-monitor.service")
        #expect(
            closed.contains(
                "IPAddressDeny=any\nIPAddressAllow=192.0.2.50\nIPAddressAllow=192.0.2.52\nIPAddressAllow=192.0.2.51\n"))
        let text = try manifests(Federations.collected, of: ["north"]).files().map(\.text).joined(separator: "---\n")
        let policies = text.components(separatedBy: "---\n").filter { $0.contains("-tells-") }
        #expect(policies.count == 3)
        let syslog = try #require(policies.first { $0.contains("-tells-syslog") })
        #expect(syslog.contains("cidr: \"192.0.2.51/32\"") && syslog.contains("protocol: UDP"))
        let otlp = try #require(policies.first { $0.contains("-tells-otlp") })
        #expect(otlp.contains("port: 4318") && otlp.contains("port: 53"))
    }

    @Test("in a pod, keys shared with collectors are referred to, and files or sockets of a host are refused")
    func pods() throws {
        let sound = try manifests(Federations.collected, of: ["north"])
        #expect(sound.wanted.contains { $0.hasPrefix("secret tributary-north-collectors: ") })
        #expect(try sound.files().map(\.text).joined().contains("secretName: tributary-north-collectors"))
        let error = #expect(throws: DeploymentError.self) {
            try manifests(Federations.local, of: ["north"]).files()
        }
        #expect(error?.description.contains("sink file of north is at /srv/events") == true)
    }

    @Test(
        "the schema of compose files and kubernetes-validate accept them",
        .enabled(
            if: Tool.has("jsonschema, yaml") && !Tool.composeSchema.isEmpty && Tool.has("kubernetes_validate"),
            "set TRIBUTARY_PYTHON and TRIBUTARY_COMPOSE_SCHEMA (make reference)"))
    func schemas() throws {
        func judged(_ text: String) throws -> Tool.Result {
            let written = try WrittenFiles([DeploymentFile(path: "compose.yaml", text: text)])
            return try Tool.python.run([Tool.reference("compose.py"), Tool.composeSchema] + written.paths)
        }
        let sound = try compose(Federations.local)
        #expect(try judged(sound) == Tool.Result(status: 0, output: ""))
        let spoiled = sound.replacing("cpu_shares: 2", with: "cpu_share: 2")
        #expect(spoiled != sound)
        #expect(try judged(spoiled).status != 0)
        let files = try manifests(Federations.collected, of: ["north", "release"]).files()
        func validated(_ files: [DeploymentFile]) throws -> Tool.Result {
            let written = try WrittenFiles(files)
            return try Tool.python.run([Tool.reference("kubernetes.py")] + written.paths)
        }
        let result = try validated(files)
        #expect(result.status == 0, "\(result.output)")
        let wrong = files.map {
            DeploymentFile(path: $0.path, text: $0.text.replacing("- name: monitor\n", with: "- title: monitor\n"))
        }
        #expect(wrong != files)
        #expect(try validated(wrong).status != 0)
    }
}
