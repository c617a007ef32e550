import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// What publish.yaml says of updates is changed in a running federation, and holds from the next opening on. Privacy, pace and planner are
    /// changed in their own suites.
    @Suite("Ways of making an update, changed by `apply`")
    struct ModeChangeTests {
        struct Change: CustomTestStringConvertible, Sendable {
            /// What is written into publish.yaml.
            let line: String
            /// What openings say from then on.
            let said: String
            /// Whether a release's manifest says so.
            let isIn: @Sendable (ReleaseManifest.Method) -> Bool

            var testDescription: String { line }
        }

        static let changes = [
            Change(line: "outer: {optimizer: adam, rate: 0.02}", said: "adam, rate 0.02") {
                $0.outer.name == .adam && $0.outer.rate == 0.02
            },
            Change(line: "weights: {mode: uniform}", said: "weights uniform") { $0.weights == .uniform },
            Change(line: "proximal: 0.01", said: "proximal 0.01") { $0.proximal == 0.01 },
            Change(line: "compression: {fraction: 0.1}", said: "error feedback") { $0.compression?.fraction == 0.1 },
        ]

        @Test("It changes once, and the round that is open ends as it was opened", arguments: changes)
        func change(_ change: Change) async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 30, stays: 12, evaluates: false)
            plan.trainer = "none"
            let run = try FederationRun(plan)
            try await run.launch()
            let publish = run.topology.publish
            _ = try await run.logged("round_released", by: publish) { $0.round == 3 }
            try run.hold("west/local-train")
            let file = "\(run.root)/publish.yaml"
            let config = try String(contentsOfFile: file, encoding: .utf8)
            try run.write(Array((config + "\n\(change.line)\n").utf8), file)
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            let log = try run.log(of: publish)
            let ways = log.filter { $0.name == "round_opened" && $0.fields["purpose"] == "update" }.map {
                $0.fields["method"]?.contains(change.said) == true
            }
            #expect(ways.count == 30 && ways.first == false && ways.last == true)
            #expect(ways == ways.sorted { !$0 && $1 })
            #expect(!log.contains { $0.name == "round_abandoned" })
            let manifest = try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
            #expect(manifest.method.map(change.isIn) == true)
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }
    }
}
