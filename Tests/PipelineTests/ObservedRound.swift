import Encryption
import Federation
import Foundation
import Keys
import Sodium
import StageKit
import Topology

/// The first update round of a run (the second of all, unless said otherwise), looked at while it stands still: stages are stopped in turn, so that what each holds can
/// be read before it is used and forgotten.
struct ObservedRound {
    let opening: Signed<Opening>
    /// What each cloud trained, before weighting and quantising.
    let deltas: [CloudName: [Float]]
    /// What aggregate added up, as it came.
    let sum: [UInt8]
    let parts: SumAbout

    /// Runs `run` to its end. `whileHolding` is called when aggregate holds all contributions but one and publish has none;
    /// `whenClosed` when it has made the sum.
    init(
        _ run: FederationRun, round: Int = 2, whileHolding: (ObservedRound.Clear) throws -> Void = { _ in },
        whenClosed: (ObservedRound.Clear) throws -> Void = { _ in }
    ) async throws {
        let clouds = run.topology.dataClouds.sorted()
        let encrypts = clouds.map { StageName(cloud: $0, kind: .encrypt) }
        let (aggregate, publish) = (run.topology.aggregate, run.topology.publish)
        // Until they go on, what their clouds train stays in local-train's journal.
        for encrypt in encrypts { run.pause(encrypt, at: "round_joined", round: round) }
        try run.startAll()
        for encrypt in encrypts { _ = try await run.event("round_joined", of: encrypt, round: round) }
        var deltas: [CloudName: [Float]] = [:]
        for cloud in clouds {
            let trainer = StageName(cloud: cloud, kind: .localTrain)
            _ = try await run.event("round_trained", of: trainer, round: round)
            let vector = try await Self.departure(of: trainer, .vector, round, in: run)
            deltas[cloud] = try ClearVector.floats(vector.payload.read())
        }
        self.deltas = deltas
        _ = try await run.event("round_joined", of: aggregate, round: round)
        run.pause(publish)
        let book = try run.journal(of: publish)
        let key = try run.keys.card(of: publish).verifying
        guard
            let opening = try book.read({
                try $0.document(Opening.self, round: RoundNumber(UInt32(round)), key: key, signer: publish)
            })
        else { throw FederationRun.Failure(description: "publish has no opening of round \(round)") }
        try book.close()
        self.opening = opening
        let clear = try Clear(opening: opening.content, deltas: deltas, run: run)

        for encrypt in encrypts.dropLast() {
            run.resume(encrypt)
            _ = try await run.event("contribution_counted", of: aggregate) {
                $0.round == round && $0.fields["from"] == encrypt.cloud.description
            }
        }
        try whileHolding(clear)
        for encrypt in encrypts.suffix(1) { run.resume(encrypt) }
        _ = try await run.event("round_closed", of: aggregate, round: round)
        run.pause(aggregate)
        let sum = try await Self.departure(of: aggregate, .sum, round, in: run)
        self.sum = try sum.payload.read()
        parts = try SumAbout(sum.offer.content.about)
        try whenClosed(clear)
        run.resume(aggregate)
        run.resume(publish)
        _ = try await run.finish()
    }

    /// What a stage has still to send; waits until its journal has it.
    static func departure(
        of stage: StageName, _ kind: TransferKind, _ round: Int, in run: FederationRun
    ) async throws
        -> Departure
    {
        let key = try run.keys.card(of: stage).verifying
        let giveUp = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < giveUp {
            run.pause(stage)
            let journal = try run.journal(of: stage)
            let found = try journal.read { try $0.sending(verifiedBy: key, of: stage) }.first {
                $0.offer.content.name.kind == kind && $0.offer.content.name.round.value == UInt32(round)
            }
            try journal.close()
            if let found {
                if stage != run.topology.aggregate { run.resume(stage) }
                return found
            }
            run.resume(stage)
            try await Task.sleep(for: .milliseconds(20))
        }
        throw FederationRun.Failure(description: "\(stage) has no \(kind.rawValue) of round \(round) to send")
    }

    /// The clouds' secrets of the round, made again from what they trained: outside the pipeline, with the same rules.
    struct Clear {
        let opening: Opening
        let deltas: [CloudName: [Float]]
        let quantised: [CloudName: [UInt32]]

        init(opening: Opening, deltas: [CloudName: [Float]], run: FederationRun) throws {
            self.opening = opening
            self.deltas = deltas
            let quantiser = try Quantiser(layout: opening.layout, bits: opening.bits)
            quantised = try Dictionary(
                uniqueKeysWithValues: deltas.map { cloud, delta in
                    let weight = Float(opening.foldedWeight(of: cloud))
                    let rounding = StochasticRounding(
                        secret: try run.keys.roundingSecret(of: cloud), run: opening.run, round: opening.round,
                        cloud: cloud)
                    return (
                        cloud, try quantiser.quantise(delta.map { $0 * weight }, rounding: .stochastic(rounding)).values
                    )
                })
        }
    }
}
