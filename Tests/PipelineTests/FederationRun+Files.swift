import Federation
import Foundation
import Topology
import Glibc

/// The files of a run: configs of every stage, and a topology with ports of its own.
extension FederationRun {
    static func writeFiles(_ plan: Plan, in root: String) throws {
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(root)/\(name)"))
        }
        let mappings = ["north": "mimic-carevue", "west": "mimic-metavision", "east": "eicu", "south": "eicu"]
        let alone = plan.clouds.count == 1
        for cloud in plan.clouds {
            try write(
                plan.configs[.ingest] ?? """
                    tables: tables/\(cloud)
                    variables: \(repository)/configs/variables.yaml
                    mapping: \(repository)/configs/mappings/\(mappings[cloud] ?? cloud).yaml
                    split: {salt: test, validation: 0.2, test: 0.3}
                    """, "ingest-\(cloud).yaml")
        }
        try write(
            plan.configs[.localTrain] ?? "trainer: \(plan.trainer)\nbase: \(baseModel)\nthreads: 1\n",
            "local-train.yaml")
        try write(
            plan.configs[.encrypt]
                ?? "threads: 1\nlimits: {minimum-cohort: \(alone ? 1 : 3), maximum-share: \(alone ? 1 : 0.6)}\n",
            "encrypt.yaml")
        try write(plan.configs[.aggregate] ?? "threads: 1\n", "aggregate.yaml")
        try write(
            plan.configs[.publish] ?? """
                base: \(baseModel)
                base-name: tributary-base
                variables: \(repository)/configs/variables.yaml
                seed: \(plan.seed)
                rounds: \(plan.updates)
                local-steps: \(plan.steps)
                batch-size: 8
                adapter: {rank: \(plan.rank), alpha: 8, targets: \(plan.targets)}
                minimum-cohort: \(alone ? 1 : 3)
                deadline: 5m
                attempts: 3
                validate-every: 0
                test: \(plan.evaluates)
                threads: 1
                """, "publish.yaml")
        let ports = try freePorts(4)
        func hubs(_ extra: String = "") -> String {
            """
                  aggregate: {config: aggregate.yaml, bind: 127.0.0.1, work: \(ports[0]), news: \(ports[1])}
                  publish: {config: publish.yaml, bind: 127.0.0.1, work: \(ports[2]), news: \(ports[3])}

            """
        }
        var text = "version: 1\nfederation: test\nsuite: \(plan.suite)\n"
        if plan.suite == .clear { text += "allow-clear: true\n" }
        if let keys = plan.keys { text += "keys: \(keys)\n" }
        if let threshold = plan.threshold { text += "threshold: \(threshold)\n" }
        if plan.degree > 1 { text += "damgard-jurik: \(plan.degree)\n" }
        if plan.keys == .publisher { text += "allow-one-operator: true\n" }
        if !plan.sinks.isEmpty { text += "sinks:\n" + plan.sinks.map { "  - \($0)\n" }.joined() }
        text += "clouds:\n"
        for cloud in plan.clouds {
            var program = ""
            let speed = plan.workers[cloud]?.first.map { ", speed: \($0)" } ?? ""
            if let script = plan.trainers[cloud] {
                program = ", binary: local-train-\(cloud)"
                try write(script, "local-train-\(cloud)")
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o755], ofItemAtPath: "\(root)/local-train-\(cloud)")
            }
            text += """
                  \(cloud):
                    owner: Owner of \(cloud)
                    stages:
                      ingest: {config: ingest-\(cloud).yaml}
                      local-train: {config: local-train.yaml\(program)\(speed)}
                      encrypt: {config: encrypt.yaml}

                """
            if let speeds = plan.workers[cloud] {
                for (index, speed) in speeds.enumerated().dropFirst() {
                    text += "      local-train-\(index + 1): {config: local-train.yaml, speed: \(speed)}\n"
                }
            }
            if alone { text += hubs() }
            if plan.workers[cloud] != nil { text += "    partition: \(plan.partition)\n" }
        }
        if !alone { text += "  office:\n    owner: Office\n    stages:\n" + hubs() }
        try write(text, "topology.yaml")
    }

    /// Ports that nobody has just now.
    static func freePorts(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
                }
            }
            guard result == 0 else { throw Failure(description: "no free port: \(errno)") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
