import Federation
import Foundation
import Glibc
import Keys
import Topology

/// A run whose first update round was watched, and what was found while it stood still.
struct WatchedRun: Sendable {
    let run: FederationRun
    let round: ObservedRound
    /// Aggregate, holding contributions that are received and not yet added to a sum, then with the sum.
    let aggregate: ByteSearch.Result
    /// Publish before it has the sum, and what it leaves behind.
    let publish: ByteSearch.Result
    /// Every needle laid out in a file and in this process's own memory: the search finds what is there.
    let control: ByteSearch.Result
    let needles: [Needle]
    let secretsInAggregate: ByteSearch.Result
    let secretsInPublish: ByteSearch.Result
    /// Of the first cloud.
    let secretsInEncrypt: ByteSearch.Result
    let secretsInLogs: ByteSearch.Result
    /// Every stage's events, metrics and audit trail.
    let told: ByteSearch.Result
    let statuses: [StageName: Int32]
    let coreLimits: [String]

    init(_ run: FederationRun) async throws {
        var needles: [Needle] = []
        var (aggregate, publish, control) = (ByteSearch.Result(), ByteSearch.Result(), ByteSearch.Result())
        var (inAggregate, inPublish, inLogs) = (ByteSearch.Result(), ByteSearch.Result(), ByteSearch.Result())
        var inEncrypt = ByteSearch.Result()
        var limits: [String] = []
        let stages = (aggregate: run.topology.aggregate, publish: run.topology.publish)
        let round = try await ObservedRound(
            run,
            whileHolding: { clear in
                needles = try Canaries.needles(clear, of: run)
                let search = ByteSearch(needles)
                aggregate = try search.holdings(of: stages.aggregate, in: run)
                run.resume(stages.aggregate)
                control = try search.control(below: "\(run.root)/decoy")
            },
            whenClosed: { _ in
                let search = ByteSearch(needles)
                aggregate = aggregate + (try search.holdings(of: stages.aggregate, in: run))
                publish = try search.holdings(of: stages.publish, in: run)
                let keys = ByteSearch(try Canaries.keyNeedles(run))
                inAggregate = try keys.memory(of: run.pid(of: stages.aggregate))
                inPublish = try keys.memory(of: run.pid(of: stages.publish))
                inEncrypt = try keys.memory(of: run.pid(of: run.stage(.encrypt, run.plan.clouds[0])))
                for stage in run.stages {
                    let pid = run.pid(of: stage)
                    let words = try run.read("/proc/\(pid)/cmdline") + run.read("/proc/\(pid)/environ")
                    inLogs =
                        inLogs
                        + keys.texts([String(decoding: words, as: UTF8.self)], called: "command line of \(stage)")
                    let table = String(decoding: try run.read("/proc/\(pid)/limits"), as: UTF8.self)
                    limits += table.split(separator: "\n").filter { $0.hasPrefix("Max core file size") }.map(
                        String.init)
                }
            })
        let search = ByteSearch(needles)
        publish = publish + (try search.files(below: run.topology.stateFolder(of: stages.publish)))
        publish = publish + search.texts(run.book.all.filter { $0.stage == stages.publish }.map(\.line), called: "log")
        aggregate =
            aggregate + search.texts(run.book.all.filter { $0.stage == stages.aggregate }.map(\.line), called: "log")
        let keys = ByteSearch(try Canaries.keyNeedles(run))
        inLogs = inLogs + keys.texts(run.book.all.map(\.line), called: "log")
        for stage in run.stages { inLogs = inLogs + (try keys.files(below: run.topology.stateFolder(of: stage))) }
        var told = search.texts(run.book.all.map(\.line), called: "log")
        for stage in run.stages {
            told = told + (try search.files(below: run.topology.eventSpool(of: stage)))
            for path in [run.topology.auditTrail(of: stage), run.topology.metricsPath(of: stage)] {
                told = told + search.texts([String(decoding: try run.read(path), as: UTF8.self)], called: path)
            }
        }
        self.told = told
        self.run = run
        self.round = round
        self.needles = needles
        (self.aggregate, self.publish, self.control) = (aggregate, publish, control)
        (secretsInAggregate, secretsInPublish, secretsInLogs) = (inAggregate, inPublish, inLogs)
        secretsInEncrypt = inEncrypt
        coreLimits = limits
        statuses = try await run.finish()
    }
}

extension ByteSearch {
    /// State folder and memory of a stage, which is left standing still.
    func holdings(of stage: StageName, in run: FederationRun) throws -> Result {
        run.pause(stage)
        return try files(below: run.topology.stateFolder(of: stage)) + memory(of: run.pid(of: stage))
    }

    func control(below folder: String) throws -> Result {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let laid: [UInt8] = needles.reduce(into: []) { $0 += [0, 7, 9] + $1.bytes }
        try Data(laid).write(to: URL(fileURLWithPath: "\(folder)/decoy"))
        return try files(below: folder) + memory(of: getpid())
    }
}

/// The runs that several tests look at, each made once.
enum SharedRuns {
    static let plan = FederationRun.Plan(plant: Canaries.plant)

    private static let paillierTask = Task { try await WatchedRun(try FederationRun(plan)) }
    private static let clearTask = Task {
        var inClear = plan
        inClear.suite = .clear
        let keys = try await paillier().run
        return try await WatchedRun(try FederationRun(inClear, keys: keys))
    }

    static func paillier() async throws -> WatchedRun { try await paillierTask.value }
    /// The same keys, seed and tables as `paillier`, in clear.
    static func clear() async throws -> WatchedRun { try await clearTask.value }
}
