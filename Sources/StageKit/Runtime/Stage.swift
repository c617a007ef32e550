package import Federation
package import Sodium

/// A stage's own logic. The runtime calls it on `StageActor`, one call at a time; a call that throws ends the process with
/// the error's exit status, so peers' mistakes never throw.
@StageActor
package protocol Stage: AnyObject {
    /// Once, before any event: take up what the journal holds.
    func start() async throws
    /// What to do with an offer of `sender`, whose signature and name have been checked.
    func verdict(on offer: Offer, from sender: StageName) -> Verdict
    /// A transfer is here, whole and durable. Called again after a restart until it is settled in the journal.
    func arrived(_ arrival: Arrival) async throws
    func receipted(_ delivery: Delivery) async throws
    /// An opening, release, abandonment or appointment of publish, verified and journaled; each once, in the order of rounds.
    func opened(_ opening: Signed<Opening>) async throws
    func released(_ release: Signed<Release>) async throws
    func abandoned(_ abandonment: Signed<Abandonment>) async throws
    /// It may come before its opening, and there may be a later one already (`StageContext.seat`).
    func appointed(_ appointment: Signed<Appointment>) async throws
    /// A stage has begun to listen to this hub.
    func joined(_ stage: StageName) async throws
    /// To publish alone: a stage has the run's last release, of this digest, in its journal. May come more than once.
    func heardEnd(by stage: StageName, of release: Digest) async throws
    /// About ten times a second while nothing else happens: deadlines.
    func tick() async throws
    /// On the way out, after the last event.
    func stop() async
    /// What it does or waits for, to be asked at any time.
    var situation: Situation { get throws }
    /// What hinders its work for as long as it lasts, beside what the runtime sees of its peers; to be asked at any time.
    var troubles: [Trouble] { get }
    /// Whether a successor would find all that it needs in the journal. A stage that holds secrets of a round in memory alone
    /// says no until that round is over.
    var mayHandOver: Bool { get }
    /// What its journal must not forget.
    var remembrance: Remembrance { get }
}

extension Stage {
    package func start() async throws {}
    package func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        .refuse("this stage takes no transfers")
    }
    package func arrived(_ arrival: Arrival) async throws {}
    package func receipted(_ delivery: Delivery) async throws {}
    package func opened(_ opening: Signed<Opening>) async throws {}
    package func released(_ release: Signed<Release>) async throws {}
    package func abandoned(_ abandonment: Signed<Abandonment>) async throws {}
    package func appointed(_ appointment: Signed<Appointment>) async throws {}
    package func joined(_ stage: StageName) async throws {}
    package func heardEnd(by stage: StageName, of release: Digest) async throws {}
    package func tick() async throws {}
    package func stop() async {}
    package var mayHandOver: Bool { true }
    package var remembrance: Remembrance { Remembrance() }
    package var situation: Situation { .working("at work") }
    package var troubles: [Trouble] { [] }
}

/// What became of a transfer that this stage sent.
package struct Delivery: Sendable {
    package let name: TransferName
    package let receiver: StageName
    package let outcome: Receipt.Outcome
    package let reason: String
    /// Bytes handed to the socket for it, envelopes and repetitions included, before encryption of the link.
    package let wireBytes: Int
    package let offers: Int
}
