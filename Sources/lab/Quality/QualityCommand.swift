import ArgumentParser
import Corpus
import FoundationEssentials
import Glibc

/// Runs `tributary demo` several times, each a whole federation of real processes, and puts their scores together.
struct QualityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quality",
        abstract:
            "How good the federation's model is beside its yardsticks, over several seeds or over folds of real data.",
        discussion: """
            Generated data: one population and one run for each seed; figures are means over seeds, intervals from paired \
            resamples of patients inside each. Real data (--real): the five eICU regions, patient-grouped folds; every stay \
            is scored once, by the run that held it out. Nothing is chosen by held-out patients.
            """)

    @Option(help: "Populations: seeds 1 to this.") var seeds = 3
    @Option(help: "Stays of each generated cloud; default: the demo's.") var stays: Int?
    @Option(help: "The folder of real tables, with eicu_demo in it: the five regions instead of generated clouds.")
    var real: String?
    @Option(help: "With --real: how many folds.") var folds = 5
    @Option(help: "With --real: draws other folds.") var salt: String?
    @Option(help: "clear sums the same integers as paillier, bit for bit, and is faster.") var suite = "clear"
    @Option(help: "The folder to write into: a run's folder each, and quality.json.") var out: String?
    @Flag(help: "Go on where it was stopped: a run that has left its scores there is not made again.") var resume =
        false

    func validate() throws {
        guard (1...100).contains(seeds) else { throw ValidationError("--seeds: expected 1 to 100, found \(seeds)") }
        guard (2...20).contains(folds) else { throw ValidationError("--folds: expected 2 to 20, found \(folds)") }
    }

    func run() throws {
        let folder = out ?? (real == nil ? "out/quality" : "out/quality-regions")
        var boards: [(name: String, board: Scoreboard)] = []
        let names = real == nil ? (1...seeds).map { "seed-\($0)" } : (0..<folds).map { "fold-\($0)" }
        for (index, name) in names.enumerated() {
            let scores = "\(folder)/\(name)/scores.json"
            if resume, access(scores, R_OK) == 0 {
                boards.append((name, try Scoreboard(reading: scores)))
                continue
            }
            ProgressLine.write("\(name): \(index + 1) of \(names.count)")
            var arguments = ["demo", "--suite", suite, "--out", "\(folder)/\(name)", "--format", "json"]
            if let real {
                arguments += ["--real", real, "--regions", "--fold", "\(index)/\(folds)"]
                if let salt { arguments += ["--salt", salt] }
            } else {
                arguments += ["--seed", "\(index + 1)"]
                if let stays { arguments += ["--stays", "\(stays)"] }
            }
            try FederationProcess.run(arguments, log: "\(folder)/\(name).log", folder: folder)
            boards.append((name, try Scoreboard(reading: scores)))
        }
        let summary = try real == nil ? QualitySummary(seeds: boards) : QualitySummary(folds: boards)
        let file = "\(folder)/quality.json"
        try summary.encoded().write(to: URL(filePath: file))
        print(summary.text, terminator: "")
        print("written to \(file)")
    }
}

/// The `tributary` beside this program.
enum FederationProcess {
    static func run(_ arguments: [String], log: String, folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else {
            throw LabError("readlink /proc/self/exe: \(String(cString: strerror(errno)))")
        }
        let own = buffer.withUnsafeBufferPointer {
            String(decoding: $0.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        }
        let path = "\(own.split(separator: "/").dropLast().map { "/\($0)" }.joined())/tributary"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The report goes into its folder as well: standard output and error are for whoever looks for a fault.
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, nil, &pointers, environ)
        guard code == 0 else { throw LabError("\(path): cannot be started: \(String(cString: strerror(code)))") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw LabError("tributary \(arguments.joined(separator: " ")) failed; \(log) tells why")
        }
    }
}
