internal import ArgumentParser
internal import Configuration
internal import Corpus
internal import Federation
internal import FoundationEssentials
internal import Glibc
internal import Publication
internal import Safetensors
internal import Topology

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a whole federation on this machine, over generated or real tables, and shows what came of it.",
        discussion: """
            Three clouds' tables are generated (docs/generator.md), keys are made, every stage is started as a process of its \
            own, and the adapter that comes out is compared with what each cloud could do alone. With --real, the tables are \
            open ones that you have fetched (docs/data.md).
            """)

    @Option(
        help:
            "The folder to write into; an earlier demo there is replaced. Default: out/demo, out/real-three, out/real-regions."
    )
    var out: String?
    @Option(help: "The topology; default: that of the generated, the real or the regions' clouds.")
    var topology: String?
    @Option(help: "Draws another population, and seeds the run.")
    var seed: UInt64 = 1
    @Option(help: "Stays of each generated cloud.")
    var stays = 1500
    @Option(help: "Update rounds, instead of as many as the config says.")
    var rounds: Int?
    @Option(help: "paillier, secagg (masks), or clear to see how fast it is without encryption.")
    var suite: String?
    @Option(help: "threshold, publisher or clouds: who can open a sum, instead of what the topology says.")
    var keys: String?
    @Option(help: "The folder of real tables, with mimic3_demo and eicu_demo in it.")
    var real: String?
    @Flag(help: "With --real: the five regions of eICU as clouds.")
    var regions = false
    @Option(help: "Cross-validation: hold out fold I of N, as I/N.")
    var fold: String?
    @Option(help: "With --fold: draws other folds.")
    var salt: String?
    @Flag(inversion: .prefixedNo, help: "Train the yardsticks: each cloud alone, all data pooled.")
    var compare = true
    @Option(help: "The run is given up after this long.")
    var timeout = "30m"
    @Option(help: "text, or json: the report.")
    var format: OutputFormat = .text

    func run() throws {
        let start = ContinuousClock.now
        let changes = try changes()
        guard let limit = Quantity.duration(timeout) else {
            throw LauncherError.arguments("--timeout: expected a duration such as 10m, found \"\(timeout)\"")
        }
        let view = DemoView(isQuiet: format == .json)
        let folder = folder
        try DemoFolder.prepare(folder)
        let state = "\(folder)/state"
        view.say(
            real.map { "Real tables of \($0), one machine, links over loopback." }
                ?? "Generated patients, three clouds on one machine, links over loopback.")
        if real == nil {
            view.busy("generating three clouds' tables")
            let truths = try Generator(seed: seed, staysPerCloud: stays).write(to: folder)
            let clouds = Generator.clouds.map { cloud in
                "\(cloud.name) \(truths.count { $0.cloud == cloud.name }) stays (\(cloud.schema))"
            }
            view.done("tables: \(clouds.joined(separator: ", "))")
        }
        let topology = try DemoTopology.write(
            source, changes: changes, into: "\(folder)/topology", state: state)
        view.busy("making keys")
        try Subprocess.run(try StageFolder.ownPath(), ["keys", topology.file, "--state", state]) { _ in }
        view.done("keys made; \(topology.keysName): \(topology.trust)")
        let progress = try FederationRun(topology: topology, view: view, timeout: limit).run()
        guard let release = progress.rounds.last(where: { $0.folder != nil })?.folder else {
            throw LauncherError.runFailed("the run released no adapter; \(state)/logs tells why")
        }
        view.done("\(progress.rounds(of: "update").count) update rounds, adapter released and signed")
        let yardsticks = try compare ? self.yardsticks(topology, release: release, view) : nil
        if yardsticks != nil { view.done("yardsticks trained and scored, outside the federation") }
        let manifest = try ReleaseManifest(
            DurableFile.read("\(release)/\(ReleaseManifest.name)", limit: ReleaseManifest.maximumByteCount))
        let result = DemoResult(
            topology: topology, progress: progress, yardsticks: yardsticks, manifest: manifest,
            rounds: try ReleaseManifest.Round.listed(
                in: String(release.prefix(upTo: release.lastIndex(of: "/") ?? release.endIndex))),
            release: release,
            seconds: (ContinuousClock.now - start).inSeconds, isReal: real != nil)
        try show(result, view)
    }

    private var folder: String {
        FilePath.resolve(out ?? (real == nil ? "out/demo" : regions ? "out/real-regions" : "out/real-three"), in: here)
    }

    private var here: String { FileManager.default.currentDirectoryPath }

    private var source: String {
        let usual = real == nil ? "one-machine" : regions ? "real-regions" : "real-three"
        return FilePath.resolve(topology ?? "topology/\(usual).yaml", in: here)
    }

    private func changes() throws -> DemoTopology.Changes {
        guard (10...100_000).contains(stays) else {
            throw LauncherError.arguments("--stays: expected 10 to 100000, found \(stays)")
        }
        guard !regions || real != nil else { throw LauncherError.arguments("--regions goes with --real DIR") }
        var chosen: Topology.Suite?
        if let suite {
            guard let known = Topology.Suite(rawValue: suite) else {
                let suites = Topology.Suite.allCases.map(\.rawValue).joined(separator: ", ")
                throw LauncherError.arguments("--suite: expected one of \(suites), found \"\(suite)\"")
            }
            chosen = known
        }
        var mode: Topology.KeyMode?
        if let keys {
            guard let known = Topology.KeyMode(rawValue: keys) else {
                let modes = Topology.KeyMode.allCases.map(\.rawValue).joined(separator: ", ")
                throw LauncherError.arguments("--keys: expected one of \(modes), found \"\(keys)\"")
            }
            mode = known
        }
        var part: (index: Int, count: Int)?
        if let fold {
            let numbers = fold.split(separator: "/").compactMap { Int($0) }
            guard numbers.count == 2, (2...20).contains(numbers[1]), (0..<numbers[1]).contains(numbers[0]) else {
                throw LauncherError.arguments("--fold: expected I/N such as 0/5, found \"\(fold)\"")
            }
            part = (numbers[0], numbers[1])
        }
        return DemoTopology.Changes(
            data: real.map { FilePath.resolve($0, in: here) } ?? folder, seed: seed, rounds: rounds, suite: chosen,
            keys: mode, fold: part, salt: salt)
    }

    private func yardsticks(_ topology: Topology, release: String, _ view: DemoView) throws -> Yardsticks {
        let truth = real == nil ? "\(folder)/truth.csv" : nil
        return try Yardsticks.compute(
            topology: topology.file, adapter: release, truth: truth, out: "\(folder)/scores.json", view: view)
    }

    private func show(_ result: DemoResult, _ view: DemoView) throws {
        var created = timespec()
        clock_gettime(CLOCK_REALTIME, &created)
        let report = result.report(created: created.tv_sec, baseModel: result.manifest.baseModel.name)
        let bytes = try report.encoded()
        let files = (json: "\(folder)/report.json", page: "\(folder)/report.html")
        try DurableFile.replace(files.json, with: bytes)
        try DurableFile.replace(files.page, with: Array(ReportPage(report).html.utf8))
        if format == .json {
            print(String(decoding: bytes, as: UTF8.self), terminator: "")
        } else {
            view.say("")
            print(result.text(files: [files.page, files.json]), terminator: "")
        }
    }
}
