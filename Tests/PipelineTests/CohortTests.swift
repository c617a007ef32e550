import Federation
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// A cloud's real encrypt stage and a scripted publish that asks for more than its plan does.
    @Suite("A publish that asks for too much")
    struct CohortTests {
        @Test("Encrypt answers no opening over other clouds than the federation's, before and after a restart")
        func cohorts() async throws {
            let run = try FederationRun(.init(suite: .clear))
            let publish = try ScriptedStage(run.topology.publish, in: run)
            defer { publish.post.stop() }
            let encrypt = run.stage(.encrypt, "north")
            try run.start(encrypt)
            try await publish.joined(encrypt)
            let all = run.topology.dataClouds.sorted().map { Member(cloud: $0, weight: 1) }
            var sequence: UInt64 = 0

            func say<Content: Declaration>(_ content: Content) -> Signed<Content> {
                let document = Signed(content, by: publish.signing)
                sequence += 1
                publish.post.publish(
                    WireMessage(
                        MessageKind(rawValue: Content.kind) ?? .beat, from: publish.stage, epoch: 1,
                        sequence: sequence, document: document.bytes, signature: document.signature.bytes),
                    topic: Topic.all)
                return document
            }

            func open(_ round: UInt32, _ cohort: [Member], quorum: Int? = nil) throws -> Signed<Opening> {
                say(
                    Opening(
                        run: run.topology.run, round: RoundNumber(round), purpose: .evaluation,
                        layout: try VectorLayout([.init(name: "values", shape: [4], range: 1)]), bits: 12,
                        suite: .clear, keyID: [], profile: "", clipNorm: 0, cohort: cohort,
                        quorum: quorum ?? cohort.count, minimumCohort: quorum ?? cohort.count,
                        deadline: Timestamp.milliseconds() + 300_000, startsFrom: RoundNumber(0),
                        adapterDigest: Digest(of: [0]),
                        adapter: AdapterPlan(
                            rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                            tokenizerDigest: ""), training: nil, split: .test))
            }

            func release(_ opening: Signed<Opening>, over cohort: [Member]) {
                _ = say(
                    Release(
                        run: run.topology.run, round: opening.content.round, purpose: .evaluation,
                        opening: opening.digest, cohort: cohort, sums: [], metrics: [:], adapterDigest: nil,
                        isFinal: false))
            }

            func refused(_ round: Int, _ reason: String) async throws {
                let event = try await run.event("opening_refused", of: encrypt, round: round)
                #expect(event.fields["reason"]?.contains(reason) == true, "\(event.line)")
            }

            let first = try open(1, all)
            _ = try await run.event("round_joined", of: encrypt, round: 1)
            release(first, over: all)
            let north = all.filter { $0.cloud == encrypt.cloud }
            let stranger = Member(cloud: try CloudName("stranger"), weight: 1)
            _ = try open(2, north + [stranger, Member(cloud: try CloudName("other"), weight: 1)])
            try await refused(2, "its cohort is north, other, stranger, the federation is east, north, west")
            let third = try open(3, all)
            _ = try await run.event("round_joined", of: encrypt, round: 3)
            // Announced over all, released over some: the difference is one cloud's scores.
            release(third, over: Array(all.dropFirst()))
            _ = try await run.event("release_inconsistent", of: encrypt, round: 3)
            _ = try open(4, all)
            try await refused(4, "was released over north, west")
            try await run.killAndRestart(encrypt)
            // Said until it listens again.
            var heard: StageEvent?
            let fifth = try open(5, all)
            for _ in 0..<60 where heard == nil {
                publish.post.publish(
                    WireMessage(
                        .opening, from: publish.stage, epoch: 1, sequence: sequence, document: fifth.bytes,
                        signature: fifth.signature.bytes), topic: Topic.all)
                heard = await run.book.first(within: 1) { $0.name == "opening_refused" && $0.round == 5 }
            }
            #expect(heard?.fields["reason"]?.contains("was released over north, west") == true)
        }
    }
}
