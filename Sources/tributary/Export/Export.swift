internal import ArgumentParser
internal import Configuration
internal import Deployment
internal import Federation
internal import FoundationEssentials
internal import Glibc
internal import StageKit
internal import Topology

struct Export: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case systemd, compose, kubernetes
    }

    static let configuration = CommandConfiguration(
        abstract: "Writes a topology's stages as systemd units, compose files or Kubernetes manifests.",
        discussion: """
            Run it where the topology, the configs and what they name lie: what is written refers to them by the paths that they \
            have here. No secret is written or read: secret keys are referred to (docs/deploying.md).
            """)

    @Argument(help: "systemd, compose or kubernetes.")
    var format: Format
    @Option(name: .shortAndLong, help: "The topology file; without it the one that TRIBUTARY_TOPOLOGY names.")
    var topology: String?
    @Option(help: "The stages of this cloud alone (repeatable).")
    var cloud: [String] = []
    @Option(
        help: ArgumentHelp("The folder to write into; files of the same names are replaced.", valueName: "directory"))
    var out: String
    @Option(help: "What units, users, folders and objects begin with: another one for each federation of a host.")
    var name = "tributary"
    @Option(help: "Where the stage programs are when they run; default: beside this program, in an image /usr/bin.")
    var stages: String?
    @Option(help: "The image of compose and kubernetes, with the programs in it.")
    var image = "tributary"

    func run() throws {
        var options = TopologyOptions()
        (options.topology, options.state) = (topology, nil)
        // Whole paths, whatever the folder that this was asked in.
        options.topology = FilePath.resolve(try options.path, in: TopologyOptions.currentFolder)
        let topology = try options.load(clouds: cloud)
        do {
            try write(topology, name: try DeploymentName(name))
        } catch let error as DeploymentError { throw LauncherError.configuration(error.description) }
    }

    private func write(_ topology: Topology, name: DeploymentName) throws {
        let clouds = topology.clouds.map(\.name).filter { cloud.isEmpty || cloud.contains($0.description) }
        let services = try clouds.map { cloud in
            try topology.stages(of: cloud).map { try service($0, topology, name) }
        }
        let program = "\(try programFolder)/tributary"
        let monitors = clouds.map { name in
            topology.cloud(name).flatMap { MonitorService($0, of: topology, program: program) }
        }
        let all = zip(clouds, zip(services, monitors)).map { ($0, $1.0, $1.1) }
        switch format {
        case .systemd:
            try write(
                try all.flatMap { try SystemdUnits($1, of: $0, name: name, monitor: $2).files() })
            for (cloud, _, monitor) in all {
                let state = SystemdUnits.state(name, cloud, topology.run)
                print("\(cloud): copy the files to /etc, keys to \(state)/keys; docs/deploying.md has the commands")
                for sink in monitor?.folders ?? [] {
                    print(
                        "\(cloud): sink \(sink.sink) writes to \(sink.path): it must be there, open to the units' user")
                }
            }
        case .compose:
            try write(
                try all.flatMap {
                    try ComposeFile($1, of: $0, name: name, image: image, monitor: $2).files()
                })
        case .kubernetes:
            let stages = services.flatMap(\.self)
            var contents: [String: String] = [:]
            for path in stages.flatMap({ [$0.topology, $0.config] + $0.reads.filter { !$0.isFolder }.map(\.path) }) {
                contents[path] = try ConfigText.read(path)
            }
            let manifests = KubernetesManifests(
                stages, name: name, image: image, contents: contents, monitors: monitors.compactMap { $0 })
            try write(try manifests.files())
            print("what the namespace \(name) must have beside them:")
            for line in manifests.wanted { print("  \(line)") }
        }
    }

    private func service(
        _ stage: Topology.Stage, _ topology: Topology, _ name: DeploymentName
    ) throws -> StageService {
        let files = try StagePrograms.files(of: stage.name.kind, config: stage.config)
        let folder = try programFolder
        let reads = files.reads.map {
            // What is not there yet is made before the stage starts, and tables and models are folders.
            StageService.NamedPath(path: $0, isFolder: FilePath.obstacle(at: $0, as: .file) != nil)
        }
        let state = SystemdUnits.state(name, stage.name.cloud, topology.run)
        return StageService(
            stage, of: topology,
            program: stage.binary ?? "\(folder)/tributary-\(stage.name.kind)", reads: reads, writes: files.writes,
            keyFiles: format == .systemd ? keyFiles("\(state)/keys/secret/\(stage.name.cloud)") : [],
            makesCode: !files.libraries.isEmpty || stage.name.kind == .localTrain)
    }

    private var programFolder: String {
        get throws { try stages ?? (format == .systemd ? StageFolder.path(given: nil) : "/usr/bin") }
    }

    /// What lies among a cloud's secrets; their names alone are wanted, and none where the folder is not for this user.
    private func keyFiles(_ folder: String) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch { return [] }
    }

    private func write(_ files: [DeploymentFile]) throws {
        for file in files {
            let path = "\(out)/\(file.path)"
            try Export.makeFolder(FilePath.folder(of: path))
            let target = try Descriptor.opening(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try target.writeAll(file.text.utf8)
            print(path)
        }
    }

    /// Open to others: these files go where others read them.
    private static func makeFolder(_ path: String) throws {
        var current = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            current += "/\(part)"
            guard mkdir(current, 0o755) == 0 || errno == EEXIST else { throw LauncherError.system("mkdir \(current)") }
        }
    }
}
