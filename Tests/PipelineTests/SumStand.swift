import Encryption
import Federation
import Foundation
import Keys
import MessagePack
import Sodium
import StageKit
import Topology

/// A real publish in clear, and aggregates that the test plays: it has everybody's keys, and makes honest sums.
final class SumStand: Sendable {
    let run: FederationRun
    /// What the run's topology has, and what `moved` has.
    let before: ScriptedStage
    let after: ScriptedStage
    let moved: String

    init() async throws {
        var plan = FederationRun.Plan(suite: .clear)
        plan.configs[.publish] =
            "values: 16\nrounds: 2\nminimum-cohort: 3\nvalidate-every: 0\ntest: false\ndeadline: 5m\nthreads: 1\n"
        run = try FederationRun(plan)
        moved = try run.topology(withAggregateIn: "north", file: "moved.yaml")
        before = try Self.scripted(run.topology, in: run)
        after = try Self.scripted(try Topology.load(moved, state: run.topology.statePath), in: run)
        try run.start(run.topology.publish)
    }

    deinit { for stage in [before, after] { stage.post.stop() } }

    private static func scripted(_ topology: Topology, in run: FederationRun) throws -> ScriptedStage {
        let stage = topology.aggregate
        let whole = try PostPlan(topology: topology, keys: run.keys, stage: stage)
        return try ScriptedStage(
            stage, in: run,
            plan: PostPlan(
                stage: stage, hub: nil, dials: whole.dials, curvePublic: whole.curvePublic,
                curveSecret: whole.curveSecret))
    }

    /// The opening of a round as publish signed it.
    func opening(_ round: UInt32, to stage: ScriptedStage) async throws -> Signed<Opening> {
        let publish = run.topology.publish
        let message = try await stage.message("opening of round \(round)") { message in
            guard message.kind == .opening, let value = try? decodeDocument(message.document) else { return false }
            return (try? Opening(value))?.round.value == round
        }
        return try Signed<Opening>(
            bytes: message.document, signature: message.signature, key: run.keys.card(of: publish).verifying,
            signer: "\(publish)")
    }

    /// What an honest aggregate makes of honest contributions of all.
    struct Closing: Sendable {
        let record: RoundRecord
        let sum: [UInt8]
        let about: SumAbout
    }

    func closing(_ opening: Signed<Opening>) throws -> Closing {
        let scheme = try RoundScheme(opening.content, key: nil)
        let accumulator = scheme.makeAccumulator()
        var parts: [(SumAbout.Part, RoundRecord.Part)] = []
        for member in opening.content.cohort.sorted(by: { $0.cloud < $1.cloud }) {
            let encrypt = StageName(cloud: member.cloud, kind: .encrypt)
            let payload = try scheme.scheme.seal([UInt32](repeating: 2050, count: 16), threads: 1)
            try accumulator.add(payload, sealing: scheme.scheme.sealing, threads: 1)
            let offer = Signed(
                Offer(
                    name: TransferName(
                        run: run.topology.run, kind: .contribution, round: opening.content.round, cloud: member.cloud),
                    maker: encrypt, byteCount: payload.count, digest: Digest(ofContent: payload),
                    about: ContributionAbout(answering: opening, weight: member.weight).value),
                by: try run.keys.signingKey(of: encrypt))
            parts.append(
                (
                    SumAbout.Part(cloud: member.cloud, weight: member.weight, digest: offer.content.digest),
                    RoundRecord.Part(offer: offer.bytes, signature: offer.signature.bytes)
                ))
        }
        let sum = try accumulator.sum()
        let record = RoundRecord(opening: opening.digest, sum: Digest(ofContent: sum), parts: parts.map(\.1))
        return Closing(
            record: record, sum: sum,
            about: SumAbout(opening: opening.digest, root: record.root, parts: parts.map(\.0)))
    }

    /// Sends record and sum under a term, again and again until publish has answered both, or has released the round.
    func send(
        _ closing: Closing, of opening: Signed<Opening>, from stage: ScriptedStage, term: UInt32
    ) async throws -> [Receipt] {
        let round = opening.content.round
        func signed(_ kind: TransferKind, _ payload: [UInt8], _ about: any OfferAbout) -> (Signed<Offer>, [UInt8]) {
            let name = TransferName(
                run: run.topology.run, kind: kind, round: round, cloud: stage.stage.cloud, part: term)
            let offer = Offer(
                name: name, maker: stage.stage, byteCount: payload.count, digest: Digest(ofContent: payload),
                about: about.value)
            return (Signed(offer, by: stage.signing), payload)
        }
        let offers = [
            signed(.record, closing.record.bytes, OpeningAbout(opening: opening.digest)),
            signed(.sum, closing.sum, closing.about),
        ]
        let giveUp = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < giveUp {
            for (offer, payload) in offers {
                stage.post.push(
                    WireMessage(
                        .offer, from: stage.stage, epoch: 1, document: offer.bytes, signature: offer.signature.bytes,
                        bulk: payload), to: run.topology.publish)
            }
            try await Task.sleep(for: .milliseconds(100))
            let answers = offers.compactMap { offer, _ in answer(to: offer.content.name, stage) }
            if answers.count == offers.count { return answers }
        }
        throw FederationRun.Failure(description: "publish has not answered \(stage.stage) in round \(round)")
    }

    private func answer(to name: TransferName, _ stage: ScriptedStage) -> Receipt? {
        for message in stage.all where message.kind == .receipt {
            if let value = try? decodeDocument(message.document), let receipt = try? Receipt(value),
                receipt.name == name
            {
                return receipt
            }
        }
        return nil
    }
}
