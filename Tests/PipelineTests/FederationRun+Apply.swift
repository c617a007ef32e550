import Federation
import Foundation
import Glibc
import Keys
import Topology

/// What launcher.json says of the processes.
struct LaunchedStages: Equatable {
    let topology: String
    let pids: [String: Int]

    /// Stages that both know, whose process is another.
    func changed(since old: LaunchedStages) -> [String] {
        pids.filter { old.pids[$0.key] != nil && old.pids[$0.key] != $0.value }.keys.sorted()
    }
}

// A launched run whose topology is changed under it.
extension FederationRun {
    func writeTopology(_ text: String, _ file: String) throws -> String {
        try write(Array(text.utf8), "\(root)/\(file)")
        return "\(root)/\(file)"
    }

    /// A topology with one more cloud that has data, its config and its keys.
    func topology(withCloud cloud: String, file: String) throws -> String {
        let tables = "\(root)/tables/\(cloud)"
        if !FileManager.default.fileExists(atPath: tables) {
            try FileManager.default.copyItem(atPath: "\(root)/tables/east", toPath: tables)
        }
        let east = String(decoding: try read("\(root)/ingest-east.yaml"), as: UTF8.self)
        try write(Array(east.replacing("tables/east", with: "tables/\(cloud)").utf8), "\(root)/ingest-\(cloud).yaml")
        let block = """
              \(cloud):
                owner: Owner of \(cloud)
                stages:
                  ingest: {config: ingest-\(cloud).yaml}
                  local-train: {config: local-train.yaml}
                  encrypt: {config: encrypt.yaml}

            """
        for kind in [StageKind.ingest, .localTrain, .encrypt] {
            try keys.complete(StageName(cloud: try CloudName(cloud), kind: kind))
        }
        try keys.completeRoundingSecret(of: try CloudName(cloud))
        return try writeTopology(try topologyText().replacing("clouds:\n", with: "clouds:\n" + block), file)
    }

    func plan(_ file: String, _ more: String...) async throws -> (status: Int32, output: String, complaint: String) {
        try await command(["plan", file, "--state", topology.statePath] + more)
    }

    func apply(_ file: String) async throws -> (status: Int32, output: String, complaint: String) {
        try await command(["apply", file, "--state", topology.statePath])
    }

    func launched() throws -> LaunchedStages {
        let bytes = try read("\(topology.statePath)/launcher.json")
        guard let record = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let stages = record["stages"] as? [[String: Any]], let file = record["topology"] as? String
        else { throw Failure(description: "launcher.json cannot be read") }
        let pairs = stages.compactMap { stage in
            (stage["stage"] as? String).flatMap { name in (stage["pid"] as? Int).map { (name, $0) } }
        }
        return LaunchedStages(topology: file, pids: Dictionary(uniqueKeysWithValues: pairs))
    }

    private func signal(_ number: Int32, launched stage: String) throws {
        guard let pid = try launched().pids[stage] else { throw Failure(description: "\(stage) does not run") }
        kill(pid_t(pid), number)
    }

    /// Stops a launched stage where it is.
    func hold(_ stage: String) throws { try signal(SIGSTOP, launched: stage) }
    func letGo(_ stage: String) throws { try signal(SIGCONT, launched: stage) }

    /// What a launched stage has logged.
    func log(of stage: StageName) throws -> [StageEvent] {
        let path = topology.logPath(of: stage)
        return try [3, 2, 1].map { "\(path).\($0)" }.filter(FileManager.default.fileExists).appending(path).flatMap {
            file in
            String(decoding: try read(file), as: UTF8.self).split(separator: "\n").map {
                StageEvent(stage, line: String($0))
            }
        }
    }

    /// The first such event in the log of a launched stage, past or to come.
    func logged(
        _ name: String, by stage: StageName, where matches: (StageEvent) -> Bool = { _ in true }
    ) async throws -> StageEvent {
        let giveUp = ContinuousClock.now + .seconds(180)
        while ContinuousClock.now < giveUp {
            if let found = try log(of: stage).first(where: { $0.name == name && matches($0) }) { return found }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failure(
            description:
                "\(stage) has not logged \(name): \(try log(of: stage).suffix(20).map(\.line).joined(separator: "\n"))")
    }
}

extension Array {
    fileprivate func appending(_ element: Element) -> [Element] { self + [element] }
}
