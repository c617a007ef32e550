import Federation
import Launching
import Monitoring
import Sodium
import View
import Web

/// A page served on a free port while a test looks at it.
struct Served {
    let live: LiveState
    let url: String
    let port: UInt16
    let token: String

    static let plan: FederationPlan = {
        do {
            let data = [.ingest, .localTrain, .encrypt].map { StageRole($0) }
            let clouds = [
                FederationPlan.Cloud(try CloudName("north"), owner: "North Hospital", stages: data),
                FederationPlan.Cloud(try CloudName("west"), owner: "West Practices", stages: data),
                FederationPlan.Cloud(
                    try CloudName("coordinator"), owner: "Trial Office", stages: [StageRole(.aggregate)]),
                FederationPlan.Cloud(
                    try CloudName("release"), owner: "Release <b>Board</b>", stages: [StageRole(.publish)]),
            ]
            return FederationPlan(
                federation: "one-machine", run: try RunName("demo"), suite: "paillier", keys: "threshold",
                clouds: clouds, links: [])
        } catch { preconditionFailure("\(error)") }
    }()

    /// Serves for as long as `body` runs.
    static func page<Result>(
        _ view: FederationView = FederationView(plan), routes: [WebServer.Route] = [],
        _ body: (Served) async throws -> Result
    ) async throws -> Result {
        let token = try WebServer.makeToken()
        let live = LiveState(view)
        let server = try WebServer(live, port: 0, token: token, routes: routes)
        let task = Task { try await server.run() }
        defer {
            live.finish()
            task.cancel()
        }
        let url = try await server.url()
        let port = UInt16(url.split(separator: ":")[2].split(separator: "/")[0]) ?? 0
        return try await body(Served(live: live, url: url, port: port, token: token))
    }

    var host: String { "127.0.0.1:\(port)" }

    func get(_ path: String, hosts: [String]? = nil, method: String = "GET") throws -> PlainRequest.Answer {
        try PlainRequest(method: method, path: path, hosts: hosts ?? [host]).send(to: port)
    }

    /// What a launcher says of a stage whose disk is full.
    static let hindered = ProcessReport(
        phase: .backingOff, process: nil, restarts: 1, status: nil, statusSince: nil, lastEnd: "exit status 75",
        troubles: [
            StageTrouble(
                kind: .disk, about: "/state/<b>west</b>", text: "its disk is full", remedy: "make room there",
                since: 1_769_846_401.5)
        ], isLaunched: true)

    static func event(
        _ kind: EventKind, _ stage: String, at seconds: Double, round: UInt32 = 0, sequence: UInt64 = 1,
        _ fields: EventFields = [:]
    ) throws -> Event {
        let stage = try StageName(stage)
        return Event(
            time: 1_769_846_400_000_000_000 + UInt64(seconds * 1e9), level: kind.level, name: kind.name, run: plan.run,
            stage: stage, epoch: 1, sequence: sequence, round: RoundNumber(round),
            trace: TraceContext(opening: Digest(of: Array("\(round)".utf8)), stage: stage), fields: fields)
    }

    static let method =
        "3 to 12 adamw steps, balanced, nesterov, rate 0.7, momentum 0.9, weights qffl, adapter core, 6 bits, synchronous, encryption full"

    static func opened(_ round: UInt32, at seconds: Double) throws -> Event {
        try event(
            .roundOpened, "release/publish", at: seconds, round: round, sequence: UInt64(round) * 2,
            [
                .purpose: .text("update"), .cohort: .list([.text("north"), .text("west")]),
                .stepsDone: .number(Int(round) - 1), .planSteps: .number(4), .method: .text(method),
            ])
    }

    /// What publish says of what has been spent, and of what it expects of the open round.
    static func spent(at seconds: Double, round: UInt32) throws -> [Event] {
        [
            try event(
                .privacySpent, "release/publish", at: seconds, round: round, sequence: UInt64(round) * 2,
                [
                    .unit: .text("patient"), .epsilon: .real(3.2), .cloudEpsilon: .real(12.5), .delta: .real(1e-5),
                    .budget: .real(8),
                ]),
            try event(
                .roundPlanned, "release/publish", at: seconds, round: round, sequence: UInt64(round) * 2,
                [.predictedSeconds: .real(12.5), .unplannedSeconds: .real(20)]),
        ]
    }

    static func released(_ round: UInt32, at seconds: Double) throws -> Event {
        try event(
            .roundReleased, "release/publish", at: seconds, round: round, sequence: UInt64(round) * 2 + 1,
            [.purpose: .text("update"), .openSeconds: .real(0.5)])
    }
}
