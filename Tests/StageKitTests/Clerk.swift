import Federation
import Monitoring
import StageKit

/// A stage that does nothing but exchange transfers: post, journal and exchange, as the runtime joins them.
@StageActor
final class Clerk {
    let stage: StageName
    let journal: Journal
    let exchange: Exchange
    private let post: Post
    private(set) var arrived: [Arrival] = []
    private(set) var receipts:
        [(name: TransferName, outcome: Receipt.Outcome, reason: String, wireBytes: Int, offers: Int)] = []
    private(set) var offersSeen = 0
    /// Messages that went unread because their sender was over its limits.
    private(set) var dropped = 0
    /// What to say to the offer of this number, counted from 1.
    var verdict: (Int) -> Verdict = { _ in .take }
    private var waiters: [(condition: (Clerk) -> Bool, resume: CheckedContinuation<Void, Never>)] = []
    private var loop: Task<Void, any Error>?

    init(_ office: Office, _ plan: PostPlan, directory: String, epoch: UInt64 = 1) throws {
        stage = plan.stage
        journal = try Journal(directory: directory)
        post = try Post(plan)
        exchange = Exchange(
            identity: try office.identity(plan.stage, epoch: epoch), journal: journal, wires: post,
            log: EventLog(stage: plan.stage, run: office.run, level: .error))
        try exchange.resume()
        loop = Task { @StageActor [weak self, events = post.events] in
            for await event in events { try self?.take(event) }
        }
    }

    private func take(_ event: PostEvent) throws {
        switch event {
        case .message(let message):
            let answer = try exchange.handle(message) { [self] _, _ in
                offersSeen += 1
                return verdict(offersSeen)
            }
            switch answer {
            case .arrived(let arrival): arrived.append(arrival)
            case .receipted(let name, _, let outcome, let reason, let wireBytes, let offers):
                receipts.append((name, outcome, reason, wireBytes, offers))
            case nil: break
            }
        case .joined(let peer): exchange.joined(peer)
        case .overLimit(_, let count): dropped += count
        default: break
        }
        post.handled(event)
        exchange.tick(.now)
        let met = waiters.filter { $0.condition(self) }
        waiters.removeAll { $0.condition(self) }
        for waiter in met { waiter.resume.resume() }
    }

    /// Returns when the condition holds; the test's time limit bounds it.
    func until(_ condition: @escaping (Clerk) -> Bool) async {
        if condition(self) { return }
        await withCheckedContinuation { waiters.append((condition, $0)) }
    }

    func send(_ departure: Departure) throws {
        try journal.write { try $0.insert(departure) }
        exchange.send(departure)
    }

    func push(_ message: WireMessage, to hub: StageName) { post.push(message, to: hub) }

    func decide(_ verdict: @escaping (Int) -> Verdict) { self.verdict = verdict }

    /// As a kill would: nothing is said, nothing is finished.
    func stop() { post.stop() }
}
