import Encryption
import Federation
import Foundation
import Glibc
import Keys
import Monitoring
import Testing
import Topology

extension PipelineSuite {
    /// A changed topology file under a launcher that runs.
    @Suite("Applying a topology")
    struct ApplyTests {
        /// A run of quick rounds, held in the one that is open when it has been launched.
        static func held(_ plan: FederationRun.Plan, keys: FederationRun? = nil) async throws -> FederationRun {
            let run = try FederationRun(plan, keys: keys)
            try await run.launch()
            try run.hold("west/local-train")
            return run
        }

        static var quick: FederationRun.Plan {
            var plan = FederationRun.Plan(updates: 60, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = .publisher
            return plan
        }

        /// The same without a disturbance.
        static let quietRun = Task {
            let run = try FederationRun(quick)
            try await run.run()
            return run
        }

        @Test("Ports, program and place of stages change in the middle of a round, and the adapter is the same")
        func changes() async throws {
            let quiet = try await Self.quietRun.value
            let run = try await Self.held(Self.quick, keys: quiet)
            let began = try run.launched()
            let same = "\(run.root)/topology.yaml"
            #expect(try await run.plan(same, "--detailed-exitcode").status == 0)
            // Ports: aggregate binds others, encrypt stages dial them, and nobody else is touched.
            let ports = try FederationRun.freePorts(2)
            let text = try run.topologyText()
            let aggregate = try #require(text.split(separator: "\n").first { $0.contains(" aggregate: ") })
            let elsewhere =
                "      aggregate: {config: aggregate.yaml, bind: 127.0.0.1, work: \(ports[0]), news: \(ports[1])}"
            let moved = try run.writeTopology(text.replacing(aggregate, with: elsewhere), "ports.yaml")
            let plan = try await run.plan(moved, "--detailed-exitcode")
            #expect(plan.status == 2, "\(plan.output)\(plan.complaint)")
            #expect(plan.output.contains("~ office/aggregate") && plan.output.contains("~ north/encrypt"))
            #expect(!plan.output.contains("publish") && !plan.output.contains("ingest"))
            let first = try await run.apply(moved)
            #expect(first.status == 0, "\(first.output)\(first.complaint)")
            let second = try run.launched()
            #expect(
                second.changed(since: began) == [
                    "east/encrypt", "north/encrypt", "office/aggregate", "west/encrypt",
                ])
            #expect(second.topology == moved)
            // Twice changes nothing.
            let again = try await run.apply(moved)
            #expect(again.status == 0 && again.output.contains("nothing to do"), "\(again.output)")
            #expect(try run.launched().changed(since: second) == [])
            // Another program for one stage, which does what the first one does.
            let program = "\(run.root)/own-encrypt"
            try run.write(Array("#!/bin/sh\nexec \(FederationRun.binaries)/tributary-encrypt \"$@\"\n".utf8), program)
            chmod(program, 0o755)
            let lines = try String(contentsOfFile: moved, encoding: .utf8)
            let other = try run.writeTopology(
                lines.replacing(
                    "encrypt: {config: encrypt.yaml}", with: "encrypt: {config: encrypt.yaml, binary: own-encrypt}",
                    maxReplacements: 1),
                "binary.yaml")
            let third = try await run.apply(other)
            #expect(third.status == 0, "\(third.output)\(third.complaint)")
            #expect(try run.launched().changed(since: second) == ["north/encrypt"])
            // A config file that is changed in its place is noticed too.
            let before = try run.launched()
            try run.write(Array("threads: 2\n".utf8), "\(run.root)/aggregate.yaml")
            #expect(try await run.apply(other).status == 0)
            #expect(try run.launched().changed(since: before) == ["office/aggregate"])
            // Aggregate in another cloud: one process more, then one less.
            let away = try run.topology(withAggregateIn: "north", file: "away.yaml")
            let fourth = try await run.apply(away)
            #expect(fourth.status == 0, "\(fourth.output)\(fourth.complaint)")
            let last = try run.launched()
            #expect(last.pids["north/aggregate"] != nil && last.pids["office/aggregate"] == nil)
            try run.letGo("west/local-train")
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            #expect(try run.adapter() == quiet.adapter())
            let publish = try run.log(of: run.topology.publish)
            #expect(publish.contains { $0.name == "round_moved" })
            #expect(!publish.contains { $0.name == "round_abandoned" })
        }

        private func expectSoundEnd(of run: FederationRun, as quiet: FederationRun) async throws {
            #expect(try await run.event("exited", of: try run.launcher).fields["status"] == "0")
            #expect(try run.adapter() == quiet.adapter())
            #expect(try !run.log(of: run.topology.publish).contains { $0.name == "round_abandoned" })
        }

        @Test(
            "Publish's ports change in the middle of a round: whoever dials it is replaced, and the adapter is the same"
        )
        func portsOfPublish() async throws {
            let quiet = try await Self.quietRun.value
            let run = try await Self.held(Self.quick, keys: quiet)
            try await Self.waitForWestAlone(run, others: ["north", "east"])
            let began = try run.launched()
            let ports = try FederationRun.freePorts(2)
            let text = try run.topologyText()
            let publish = try #require(text.split(separator: "\n").first { $0.contains(" publish: ") })
            let moved = try run.writeTopology(
                text.replacing(
                    publish,
                    with: "      publish: {config: publish.yaml, bind: 127.0.0.1, work: \(ports[0]), news: \(ports[1])}"
                ),
                "ports.yaml")
            let plan = try await run.plan(moved, "--detailed-exitcode")
            #expect(plan.status == 2, "\(plan.output)\(plan.complaint)")
            #expect(plan.output.contains("listens at tcp://127.0.0.1:\(ports[0])"), "\(plan.output)")
            // Every stage asks publish for what it has missed.
            for stage in run.stages { #expect(plan.output.contains("~ \(stage)"), "\(stage): \(plan.output)") }
            async let applied = run.apply(moved)
            func isReplaced(_ stage: StageName) async throws {
                _ = try await run.logged("stage_started", by: stage) { $0.fields["epoch"] == "2" }
            }
            // No round ends before whoever takes part in it has found publish again; then another is held until all are done.
            try await isReplaced(run.topology.publish)
            try run.letGo("west/local-train")
            try await isReplaced(run.stage(.localTrain, "west"))
            try run.hold("east/local-train")
            let answer = try await applied
            #expect(answer.status == 0, "\(answer.output)\(answer.complaint)")
            #expect(try run.launched().changed(since: began) == began.pids.keys.sorted())
            try run.letGo("east/local-train")
            try await expectSoundEnd(of: run, as: quiet)
        }

        @Test("A stage whose keys were renewed is replaced, and nobody else; the adapter is the same")
        func renewedKeys() async throws {
            let quiet = try await Self.quietRun.value
            let run = try await Self.held(Self.quick, keys: quiet)
            try await Self.waitForWestAlone(run, others: ["north", "east"])
            let same = "\(run.root)/topology.yaml"
            let began = try run.launched()
            let none = try await run.plan(same, "--detailed-exitcode")
            #expect(none.status == 0, "\(none.output)\(none.complaint)")
            let renewed = run.stage(.encrypt, "north")
            #expect(try run.keys.renew(renewed) == 2)
            let plan = try await run.plan(same, "--detailed-exitcode")
            #expect(plan.status == 2, "\(plan.output)\(plan.complaint)")
            #expect(plan.output.contains("its own keys have been changed since it was started"), "\(plan.output)")
            let answer = try await run.apply(same)
            #expect(answer.status == 0, "\(answer.output)\(answer.complaint)")
            #expect(try run.launched().changed(since: began) == ["north/encrypt"])
            // It speaks with the new keys.
            let card = try run.keys.card(of: renewed, number: 2)
            let start = try run.log(of: renewed).last { $0.name == "stage_started" }
            #expect(start?.fields["card"] == AuditEntry.name(of: card.verifying), "\(start?.line ?? "none")")
            let again = try await run.plan(same, "--detailed-exitcode")
            #expect(again.status == 0, "\(again.output)\(again.complaint)")
            try run.letGo("west/local-train")
            try await expectSoundEnd(of: run, as: quiet)
        }

        @Test("A file that is refused, or that a stage would refuse, leaves everything as it was, and says why")
        func refused() async throws {
            let run = try await Self.held(Self.quick)
            let began = try run.launched()
            let text = try run.topologyText()
            try run.write(Array("threads: 1\nlimit: {}\n".utf8), "\(run.root)/bad.yaml")
            for (changed, reason) in [
                (
                    text.replacing("federation: test", with: "federation: other\nrun: test"),
                    "a federation keeps its name"
                ),
                (
                    text.replacing("encrypt: {config: encrypt.yaml}", with: "encrypt: {config: bad.yaml}"),
                    "unknown key `limit`"
                ),
                (
                    text.replacing("encrypt: {config: encrypt.yaml}", with: "encrypt: {config: none.yaml}"),
                    "there is no"
                ),
                (text.replacing("version: 1", with: "version: 2"), "version"),
                (text.replacing("  office:\n", with: "  elsewhere:\n"), "publish cannot be moved"),
            ] {
                #expect(changed != text)
                let file = try run.writeTopology(changed, "refused.yaml")
                let answer = try await run.apply(file)
                #expect(answer.status == 78, "\(answer.output)\(answer.complaint)")
                #expect((answer.output + answer.complaint).contains(reason), "\(answer.output)\(answer.complaint)")
                #expect(try run.launched().changed(since: began) == [])
                #expect(try run.launched().topology == began.topology)
            }
            // Keys that are not there are asked for by name, with the command that makes them.
            let away = try run.topology(withAggregateIn: "north", file: "away.yaml")
            try FileManager.default.removeItem(atPath: "\(run.topology.keysPath)/secret/north/aggregate.curve")
            let answer = try await run.apply(away)
            #expect(answer.status == 78)
            #expect(answer.output.contains("tributary keys \(away) --cloud north"), "\(answer.output)")
            #expect(try run.launched().changed(since: began) == [])
            try run.letGo("west/local-train")
            run.signal(SIGTERM, to: try run.launcher)
            #expect(try await run.event("exited", of: try run.launcher).fields["status"] == "0")
        }

        @Test(
            "A step that fails leaves its stage as it was, says what was done and what not, and can be taken up again")
        func unfinished() async throws {
            let run = try await Self.held(Self.quick)
            let began = try run.launched()
            // It passes the check, and fails when it is to stand by.
            let program = "\(run.root)/failing"
            try run.write(
                Array("#!/bin/sh\ncase \"$*\" in *--check*) exit 0;; esac\necho out of order >&2\nexit 9\n".utf8),
                program)
            chmod(program, 0o755)
            let ports = try FederationRun.freePorts(2)
            let text = try run.topologyText()
            let aggregate = try #require(text.split(separator: "\n").first { $0.contains(" aggregate: ") })
            let elsewhere =
                "      aggregate: {config: aggregate.yaml, bind: 127.0.0.1, work: \(ports[0]), news: \(ports[1])}"
            let moved = text.replacing(aggregate, with: elsewhere)
            let encrypt = "encrypt: {config: encrypt.yaml}"
            let file = try run.writeTopology(
                moved.replacing(encrypt, with: "encrypt: {config: encrypt.yaml, binary: failing}", maxReplacements: 1),
                "failing.yaml")
            let answer = try await run.apply(file)
            #expect(answer.status == 1, "\(answer.output)\(answer.complaint)")
            #expect(
                answer.complaint.contains(
                    "done before: office/aggregate, east/encrypt; not done: north/encrypt, west/encrypt"),
                "\(answer.complaint)")
            #expect(answer.complaint.contains("out of order"))
            let between = try run.launched()
            #expect(between.changed(since: began) == ["east/encrypt", "office/aggregate"])
            #expect(between.topology == began.topology)
            let mended = try run.writeTopology(moved, "mended.yaml")
            #expect(try await run.apply(mended).status == 0)
            #expect(try run.launched().changed(since: between) == ["north/encrypt", "west/encrypt"])
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher).fields["status"] == "0")
        }

        /// Returns when the round that is open has the others' contributions and wants west's, which stands still: a round waits until
        /// its deadline for a cloud that goes before it has contributed.
        static func waitForWestAlone(_ run: FederationRun, others: [String]) async throws {
            let publish = run.topology.publish
            func newest() throws -> Int? { try run.log(of: publish).last { $0.name == "round_opened" }?.round }
            var isSettled = false
            while !isSettled {
                let open = try newest()
                for other in others {
                    _ = try await run.logged("contribution_counted", by: run.topology.aggregate) {
                        $0.round == open && $0.fields["from"] == other
                    }
                }
                // What west had in hand when it was stopped still comes, and ends that round.
                let west = try run.log(of: run.stage(.encrypt, "west"))
                if west.contains(where: { $0.name == "contribution_sealed" && $0.round == open }) {
                    _ = try await run.logged("round_released", by: publish) { $0.round == open }
                } else {
                    isSettled = try newest() == open
                }
            }
        }

        @Test(
            "A cloud with data comes and goes in the middle of a run",
            arguments: [Topology.Suite.clear, .paillier])
        func clouds(_ suite: Topology.Suite) async throws {
            var plan = FederationRun.Plan(
                suite: suite, updates: suite == .clear ? 100 : 15, stays: 12, evaluates: false)
            plan.trainer = "none"
            let run = try await Self.held(plan, keys: suite == .paillier ? try await OpeningStand.keys.value : nil)
            let publish = run.topology.publish
            let three = "\(run.root)/topology.yaml"
            var four = try run.topology(withCloud: "south", file: "four.yaml")
            if suite == .paillier {
                // More than half of four are three, as many as publish's smallest cohort: then no cloud would answer.
                let steep = try await run.command(["deal", "--next", four, "--state", run.topology.statePath])
                #expect(steep.status == 0, "\(steep.complaint)")
                let began = try run.launched()
                let refused = try await run.apply(four)
                #expect(refused.status == 1 && refused.complaint.contains("office/publish"), "\(refused.complaint)")
                #expect(refused.complaint.contains("raise the one or lower the other"), "\(refused.complaint)")
                #expect(try run.launched().changed(since: began) == ["office/aggregate"])
                let text = try String(contentsOfFile: four, encoding: .utf8)
                four = try run.writeTopology(text.replacing("clouds:\n", with: "threshold: 2\nclouds:\n"), "four.yaml")
                // A key for four parties is wanted first, and the answer says how it is made.
                let early = try await run.apply(four)
                #expect(early.status == 78 && early.output.contains("tributary deal --next \(four)"), "\(early.output)")
                let dealt = try await run.command(["deal", "--next", four, "--state", run.topology.statePath])
                #expect(dealt.status == 0, "\(dealt.complaint)")
            }
            let grown = try await run.apply(four)
            #expect(grown.status == 0, "\(grown.output)\(grown.complaint)")
            #expect(
                grown.output.contains("+ south/encrypt") && grown.output.contains("cohort east, north, south, west"))
            try run.letGo("west/local-train")
            _ = try await run.logged("round_released", by: publish) { $0.fields["cohort"]?.contains("south") == true }
            try run.hold("west/local-train")
            try await Self.waitForWestAlone(run, others: ["south"])
            // The first key of sums was dealt to these three: it serves again.
            let shrunk = try await run.apply(three)
            #expect(shrunk.status == 0, "\(shrunk.output)\(shrunk.complaint)")
            #expect(try run.launched().pids.keys.contains("south/encrypt") == false)
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            let log = try run.log(of: publish)
            #expect(
                !log.contains { $0.name == "round_abandoned" },
                "\(log.filter { $0.name == "round_abandoned" }.map(\.line))")
            let cohorts = log.filter { $0.name == "round_released" }.map {
                $0.fields["cohort"]?.contains("south") == true
            }
            #expect(cohorts.first == false && cohorts.contains(true) && cohorts.last == false)
            for encrypt in run.encrypts {
                #expect(try !run.log(of: encrypt).contains { $0.name == "release_inconsistent" })
            }
        }
    }
}
