import Federation
import Glibc
import Topology

/// The run of `SharedRuns.clear` once more, under masks. Its clouds train the same updates, so what was seen there in clear is
/// looked for here.
struct WatchedMaskedRun: Sendable {
    let run: FederationRun
    /// With a contribution of the first update round, and again with its sum.
    let aggregate: ByteSearch.Result
    /// While aggregate has the sum, and what it leaves behind.
    let publish: ByteSearch.Result
    let secrets: ByteSearch.Result
    let statuses: [StageName: Int32]

    init(_ run: FederationRun, like clear: WatchedRun) async throws {
        let round = Int(clear.round.opening.content.round.value)
        let stages = (aggregate: run.topology.aggregate, publish: run.topology.publish)
        let search = ByteSearch(clear.needles)
        run.pause(stages.aggregate, at: "contribution_counted", round: round)
        try run.startAll()
        _ = try await run.event("contribution_counted", of: stages.aggregate, round: round)
        var aggregate = try search.holdings(of: stages.aggregate, in: run)
        run.pause(stages.aggregate, at: "round_closed", round: round)
        run.resume(stages.aggregate)
        _ = try await run.event("round_closed", of: stages.aggregate, round: round)
        aggregate = aggregate + (try search.holdings(of: stages.aggregate, in: run))
        var publish = try search.holdings(of: stages.publish, in: run)
        run.resume(stages.aggregate)
        run.resume(stages.publish)
        statuses = try await run.finish()
        publish = publish + (try search.files(below: run.topology.stateFolder(of: stages.publish)))
        aggregate = aggregate + (try search.files(below: run.topology.stateFolder(of: stages.aggregate)))
        let keys = ByteSearch(try Canaries.keyNeedles(run))
        var secrets = keys.texts(run.book.all.map(\.line), called: "log")
        for stage in run.stages { secrets = secrets + (try keys.files(below: run.topology.stateFolder(of: stage))) }
        self.run = run
        (self.aggregate, self.publish, self.secrets) = (aggregate, publish, secrets)
    }
}

extension SharedRuns {
    private static let secaggTask = Task {
        var masked = plan
        masked.suite = .secagg
        let inClear = try await clear()
        return try await WatchedMaskedRun(try FederationRun(masked, keys: inClear.run), like: inClear)
    }

    /// The same keys, seed and tables as `clear`, under masks.
    static func secagg() async throws -> WatchedMaskedRun { try await secaggTask.value }
}
