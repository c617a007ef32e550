import Federation
import Sodium
import StageKit
import Synchronization
import Testing
import Topology

extension PipelineSuite {
    /// A cloud's real encrypt stage and a scripted publish that asks for more than its plan does.
    @Suite("A publish that asks for too much")
    struct CohortTests {
        @Test("Encrypt answers no opening over other clouds than the federation's, before and after a restart")
        func cohorts() async throws {
            let stand = try await EncryptStand()
            let (run, encrypt, all) = (stand.run, stand.encrypt, stand.all)
            func open(_ round: UInt32, _ cohort: [Member]) throws -> Signed<Opening> {
                try stand.open(round, over: cohort)
            }

            func refused(_ round: Int, _ reason: String) async throws {
                let event = try await run.event("opening_refused", of: encrypt, round: round)
                #expect(event.fields["reason"]?.contains(reason) == true, "\(event.line)")
            }

            let first = try open(1, all)
            _ = try await run.event("round_joined", of: encrypt, round: 1)
            stand.release(first, over: all)
            let north = all.filter { $0.cloud == encrypt.cloud }
            let stranger = Member(cloud: try CloudName("stranger"), weight: 1)
            _ = try open(2, north + [stranger, Member(cloud: try CloudName("other"), weight: 1)])
            try await refused(2, "its cohort is north, other, stranger, the federation is east, north, west")
            let third = try open(3, all)
            _ = try await run.event("round_joined", of: encrypt, round: 3)
            // Announced over all, released over some: the difference is one cloud's scores.
            stand.release(third, over: Array(all.dropFirst()))
            _ = try await run.event("release_inconsistent", of: encrypt, round: 3)
            _ = try open(4, all)
            try await refused(4, "was released over north, west")
            try await run.killAndRestart(encrypt)
            // Said until it listens again.
            var heard: StageEvent?
            let fifth = try open(5, all)
            for _ in 0..<60 where heard == nil {
                stand.say(fifth)
                heard = await run.book.first(within: 1) { $0.name == "opening_refused" && $0.round == 5 }
            }
            #expect(heard?.fields["reason"]?.contains("was released over north, west") == true)
        }

        @Test("A vector that cannot be sealed is refused to local-train; encrypt lives on and seals the next")
        func notFinite() async throws {
            let stand = try await EncryptStand()
            let (run, encrypt) = (stand.run, stand.encrypt)
            let trainer = run.stage(.localTrain, "north")
            let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: trainer)
            let train = try ScriptedStage(
                trainer, in: run,
                plan: PostPlan(
                    stage: trainer, hub: nil, dials: whole.dials.filter { $0.hub == encrypt },
                    curvePublic: whole.curvePublic, curveSecret: whole.curveSecret))
            defer { train.post.stop() }

            func receipt(of values: [Double], round: UInt32) async throws -> Receipt {
                let opening = try stand.open(round, over: stand.all)
                _ = try await run.event("round_joined", of: encrypt, round: Int(round))
                let bytes = ClearVector.bytes(values)
                let name = TransferName(
                    run: run.topology.run, kind: .vector, round: RoundNumber(round), cloud: encrypt.cloud, part: 1)
                let offer = Signed(
                    Offer(
                        name: name, maker: trainer, byteCount: bytes.count, digest: Digest(ofContent: bytes),
                        about: VectorAbout(opening: opening.digest, records: 1).value), by: train.signing)
                train.post.push(
                    WireMessage(
                        .offer, from: trainer, epoch: 1, document: offer.bytes, signature: offer.signature.bytes,
                        bulk: bytes), to: encrypt)
                let message = try await train.message("a receipt of round \(round)") { message in
                    guard message.kind == .receipt, let value = try? decodeDocument(message.document) else {
                        return false
                    }
                    return (try? Receipt(value))?.name == name
                }
                return try Receipt(decodeDocument(message.document))
            }

            let good = try await receipt(of: [1, 2, 3, 4], round: 1)
            #expect(good.outcome == .durable)
            stand.release(try stand.open(1, over: stand.all), over: stand.all)
            let bad = try await receipt(of: [1, .nan, 3, 4], round: 2)
            #expect(bad.outcome == .refused)
            #expect(bad.reason.contains("NaN"), "\(bad.reason)")
            stand.release(try stand.open(2, over: stand.all), over: stand.all)
            let next = try await receipt(of: [4, 3, 2, 1], round: 3)
            #expect(next.outcome == .durable)
            #expect(run.book.all.filter { $0.name == "stage_started" }.count == 1)
        }
    }
}

/// A cloud's real encrypt stage, and a scripted publish that it listens to.
private final class EncryptStand: Sendable {
    let run: FederationRun
    let encrypt: StageName
    let all: [Member]
    private let publish: ScriptedStage
    private let sequence = Atomic<UInt64>(0)

    init() async throws {
        run = try FederationRun(.init(suite: .clear))
        encrypt = run.stage(.encrypt, "north")
        all = run.topology.dataClouds.sorted().map { Member(cloud: $0, weight: 1) }
        publish = try ScriptedStage(run.topology.publish, in: run)
        try run.start(encrypt)
        try await publish.joined(encrypt)
    }

    deinit { publish.post.stop() }

    func say<Content>(_ document: Signed<Content>) {
        guard let kind = MessageKind(rawValue: Content.kind) else { return }
        publish.post.publish(
            WireMessage(
                kind, from: publish.stage, epoch: 1, sequence: sequence.add(1, ordering: .relaxed).newValue,
                document: document.bytes, signature: document.signature.bytes), topic: Topic.all)
    }

    func open(_ round: UInt32, over cohort: [Member]) throws -> Signed<Opening> {
        let opening = Signed(
            Opening(
                run: run.topology.run, round: RoundNumber(round), purpose: .evaluation,
                seat: Seat(run.topology.aggregate),
                layout: try VectorLayout([.init(name: "values", shape: [4], range: 2047)]), bits: 12, suite: .clear,
                keyID: [], profile: "", clipNorm: 0, cohort: cohort, quorum: cohort.count,
                minimumCohort: cohort.count, deadline: 4_000_000_000_000, startsFrom: RoundNumber(0),
                adapterDigest: Digest(of: [0]),
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                    tokenizerDigest: ""), training: nil, split: .test), by: publish.signing)
        say(opening)
        return opening
    }

    func release(_ opening: Signed<Opening>, over cohort: [Member]) {
        say(
            Signed(
                Release(
                    run: run.topology.run, round: opening.content.round, purpose: .evaluation, opening: opening.digest,
                    cohort: cohort, sums: [], metrics: [:], adapterDigest: nil, isFinal: false), by: publish.signing))
    }
}
