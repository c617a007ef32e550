internal import ArgumentParser
internal import Configuration
internal import Federation
internal import Glibc
internal import Topology

/// Which topology, and which part of it is this host's.
struct TopologyOptions: ParsableArguments {
    @Argument(help: "The topology file; without it the one that TRIBUTARY_TOPOLOGY names.")
    var topology: String?

    @Option(
        help: "Where state is kept; without it where TRIBUTARY_STATE says, else $XDG_STATE_HOME/tributary/FEDERATION.")
    var state: String?

    static var currentFolder: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }

    var path: String {
        get throws {
            if let topology { return topology }
            guard let named = getenv("TRIBUTARY_TOPOLOGY"), named.pointee != 0 else {
                throw LauncherError.arguments("which topology? Name its file, or set TRIBUTARY_TOPOLOGY")
            }
            return String(cString: named)
        }
    }

    /// Nil for where the topology's name puts it.
    var stateRoot: String? {
        state ?? getenv("TRIBUTARY_STATE").flatMap { $0.pointee == 0 ? nil : String(cString: $0) }
    }

    /// The checked topology, its warnings told. Config files must exist for `clouds`, or for all where it is empty.
    func load(clouds: [String] = [], warns: Bool = true) throws -> Topology {
        var names: Set<CloudName> = []
        for text in clouds {
            do { names.insert(try CloudName(text)) } catch { throw LauncherError.arguments("--cloud: \(error)") }
        }
        let topology = try Topology.load(try path, state: stateRoot, present: clouds.isEmpty ? nil : names)
        if warns { for warning in topology.warnings { Terminal.complain("\(warning)") } }
        return topology
    }
}

extension Topology {
    /// The stages of the clouds that are named, or all.
    func stages(in clouds: [String]) -> [StageName] {
        stages.map(\.name).filter { clouds.isEmpty || clouds.contains($0.cloud.description) }
    }
}
