import Federation
import Foundation
import Testing
import Topology

extension PipelineSuite {
    /// What `tributary schedule` prints for a topology and a link table.
    @Suite("Schedule")
    struct ScheduleTests {
        /// What `--format json` prints.
        struct Answer: Decodable {
            struct Cloud: Decodable {
                let cloud: String
                let steps: Int
                let computeSeconds: Double
                let sealSeconds: Double
                let uploadSeconds: Double
                let arrivalSeconds: Double
                let cost: Double?
                let unplannedArrivalSeconds: Double
                let unplannedCost: Double?
            }
            struct Contents: Decodable {
                let clouds: [Cloud]
                let bits: Int
                let quorum: Int
                let deadlineSeconds: Double
                let seconds: Double
                let gatheringSeconds: Double
                let releaseSeconds: Double
                let unplannedSeconds: Double
                let overlappedSeconds: Double
                let reasons: [String]
                let currency: String
                let cost: Double?
                let unplannedCost: Double?
            }
            let data: Contents
        }

        /// A cloud of the link table, in its own units.
        private struct Row {
            let cloud: String
            let step: Double
            let other: Double
            let seal: Double
            /// Mbit/s.
            let up: Double
            let down: Double
            /// One way, in seconds.
            let latency: Double
            var cores = 1.0

            var line: String {
                "  \(cloud): {step: \(Int(step * 1000))ms, other: \(Int(other * 1000))ms, seal: \(Int(seal * 1000))ms, up: \(up), down: \(down), latency: \(Int(latency * 1000))ms, cores: \(cores)}\n"
            }
        }

        private static let even = [
            Row(cloud: "north", step: 0.25, other: 2, seal: 1.5, up: 40, down: 100, latency: 0.025),
            Row(cloud: "west", step: 1, other: 2, seal: 1.5, up: 40, down: 100, latency: 0.025, cores: 4),
            Row(cloud: "east", step: 0.25, other: 0, seal: 0, up: 10, down: 50, latency: 0.025),
        ]

        private func fixture(_ suite: Suite, _ planner: String, quorum: Int? = nil) throws -> FederationRun {
            var plan = FederationRun.Plan(suite: suite, updates: 4, evaluates: false)
            plan.trainer = "none"
            plan.keys = suite == .paillier ? .publisher : nil
            plan.configs[.publish] = """
                values: 1000
                rounds: 4
                local-steps: 12
                bits: 8
                minimum-cohort: 2
                deadline: 5m
                validate-every: 0
                test: false
                \(quorum.map { "quorum: \($0)\n" } ?? "")\(planner)

                """
            let run = try FederationRun(plan)
            let prices = """
                    prices: {cpu-hour: 0.36, gpu-hour: 0, egress-gb: 0.5}
                    owner: Owner of west
                """
            let text = try run.topologyText().replacing("    owner: Owner of west", with: prices)
                .replacing("version: 1\n", with: "version: 1\ncurrency: CHF\n")
            try run.write(Array(text.utf8), "\(run.root)/topology.yaml")
            return run
        }

        private func table(_ rows: [Row], _ run: FederationRun) throws -> String {
            let text =
                "version: 1\ncontribution: 12MB\nrelease: 24MB\naggregate: 300ms\nopen: 1s\nclouds:\n"
                + rows.map(\.line).joined()
            return try run.writeTopology(text, "links.yaml")
        }

        private func schedule(_ run: FederationRun, _ rows: [Row]) async throws -> Answer.Contents {
            let (status, output, complaint) = try await run.command([
                "schedule", "\(run.root)/topology.yaml", "--link-table", try table(rows, run), "--format", "json",
            ])
            #expect(status == 0, "\(complaint)")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Answer.self, from: Data(output.utf8)).data
        }

        /// Equation 7 as docs/links.md has it, by hand.
        private func arrival(_ row: Row, steps: Int) -> Double {
            row.other + row.step * Double(steps) + row.seal + row.latency + 12e6 / (row.up * 1e6 / 8)
        }

        @Test("What it expects, and what that costs, is the sum by hand; the round is worth what it was")
        func byHand() async throws {
            let run = try fixture(.clear, "planner: {}")
            let found = try await schedule(run, Self.even)
            try #require(found.clouds.map(\.cloud) == ["north", "west", "east"])
            for (row, cloud) in zip(Self.even, found.clouds) {
                #expect(abs(cloud.arrivalSeconds - arrival(row, steps: cloud.steps)) < 1e-9, "\(cloud)")
                #expect(abs(cloud.unplannedArrivalSeconds - arrival(row, steps: 12)) < 1e-9)
                #expect(cloud.computeSeconds == row.other + row.step * Double(cloud.steps))
                #expect(abs(cloud.uploadSeconds - (row.latency + 12e6 / (row.up * 1e6 / 8))) < 1e-9)
                #expect((3...48).contains(cloud.steps))
            }
            let (arrivals, before) = (found.clouds.map(\.arrivalSeconds), Self.even.map { arrival($0, steps: 12) })
            let release = 0.025 + 24e6 / (50e6 / 8)
            #expect(abs(found.gatheringSeconds - (arrivals.max() ?? 0)) < 1e-9)
            #expect(abs(found.releaseSeconds - release) < 1e-9)
            #expect(abs(found.seconds - (found.gatheringSeconds + 0.3 + 1 + release)) < 1e-9)
            #expect(abs(found.unplannedSeconds - ((before.max() ?? 0) + 0.3 + 1 + release)) < 1e-9)
            #expect(found.seconds < found.unplannedSeconds && found.bits == 8 && found.quorum == 3)
            #expect(found.deadlineSeconds == 300)
            // With a step's noise 1 and equal weights: no more than that of twelve steps each.
            let noise = found.clouds.reduce(0.0) { $0 + 1 / Double($1.steps) } / 9
            #expect(noise <= 3.0 / 12 / 9 + 1e-12, "\(found.clouds.map(\.steps))")
            // West's four cores for as long as the round takes, and 12 MB that leave it.
            let west = try #require(found.clouds.first { $0.cloud == "west" })
            #expect(abs(try #require(west.cost) - (0.36 * 4 * found.seconds / 3600 + 0.5 * 0.012)) < 1e-9)
            #expect(abs(try #require(west.unplannedCost) - (0.36 * 4 * found.unplannedSeconds / 3600 + 0.006)) < 1e-9)
            #expect(found.clouds.first { $0.cloud == "north" }?.cost == nil)
            #expect(found.cost == west.cost && found.unplannedCost == west.unplannedCost && found.currency == "CHF")
            #expect(found.reasons.count == 3 && found.reasons[0].contains("west would be the last after"))
        }

        @Test("People read the same figures")
        func text() async throws {
            let run = try fixture(.clear, "planner: {}")
            let found = try await schedule(run, Self.even)
            let (status, output, _) = try await run.command([
                "schedule", "\(run.root)/topology.yaml", "--link-table", "\(run.root)/links.yaml",
            ])
            #expect(status == 0)
            let lines = output.split(separator: "\n").map(String.init)
            for cloud in found.clouds {
                let row = try #require(lines.first { $0.hasPrefix(cloud.cloud) })
                let words = row.split(separator: " ").map(String.init)
                #expect(words[1] == "\(cloud.steps)", "\(row)")
                #expect(words.contains(String(format: "%.1f", cloud.arrivalSeconds)), "\(row)")
            }
            #expect(lines.contains("8 bits, 3 of 3 clouds, deadline after 300 s."), "\(output)")
            #expect(output.contains("Cost of a round: ") && output.contains("CHF"))
        }

        @Test(
            "The quorum that it shows is one that publish takes: fewer clouds where that is quicker, and under masks never fewer",
            arguments: [(Suite.clear, 2), (.secagg, 3)])
        func quorum(suite: Suite, expected: Int) async throws {
            var rows = Self.even
            // Half an hour for 12 MB.
            rows[2] = Row(cloud: "east", step: 0.25, other: 0, seal: 0, up: 0.05, down: 50, latency: 0.025)
            let run = try fixture(suite, "planner: {least-quorum: 2}", quorum: 3)
            let found = try await schedule(run, rows)
            #expect(found.quorum == expected, "\(found.reasons)")
            #expect((found.deadlineSeconds < 300) == (expected < 3))
            #expect(found.gatheringSeconds > 1000 || expected < 3)
        }

        @Test("A table of other clouds, or with some missing, is refused with the reason")
        func refused() async throws {
            let run = try fixture(.clear, "")
            func complaint(_ rows: [Row]) async throws -> String {
                let (status, _, complaint) = try await run.command([
                    "schedule", "\(run.root)/topology.yaml", "--link-table", try table(rows, run),
                ])
                #expect(status != 0)
                return complaint
            }
            #expect(try await complaint(Array(Self.even.prefix(2))).contains("east is missing"))
            let stranger = Row(cloud: "south", step: 1, other: 0, seal: 0, up: 1, down: 1, latency: 0)
            #expect(try await complaint(Self.even + [stranger]).contains("has no cloud south with data"))
        }
    }
}
