internal import CLinux
package import Federation
package import Monitoring
internal import Dispatch
internal import Glibc
internal import Synchronization
internal import ZeroMQ

/// The one thread of a process that touches ZeroMQ sockets. Others see `events`, which is bounded by leaving the sockets
/// unread when too much waits, and `push` and `publish`, which hand frames over and return.
package final class Post: Wires {
    private struct Shared {
        var outgoing: [(route: Route, frames: [[UInt8]])] = []
        var blamed: [StageName] = []
        var isStopping = false
    }

    /// Messages of one peer that wait at a time: more than its transfers have on their way, and little to get through for the
    /// others' that wait behind them.
    private static let shareMessages = 1024

    enum Route: Sendable, Hashable {
        case work(StageName)
        case news
        case followers
    }

    package let events: AsyncStream<PostEvent>
    private let continuation: AsyncStream<PostEvent>.Continuation
    private let shared = Mutex(Shared())
    private let waiting = Atomic<Int>(0)
    /// Subscriptions to this stage's events.
    private let followers = Atomic<Int>(0)
    private let shares = Mutex<[StageName: (messages: Int, bytes: Int)]>([:])
    private let wake: Int32
    private let context: Context
    private let plan: PostPlan
    /// Counts what goes over its links.
    package let meters: Meters
    private let finished = DispatchSemaphore(value: 0)

    /// Opens every socket, or says which one could not be; then the thread starts.
    package init(_ plan: PostPlan, meters: Meters = Meters()) throws {
        self.plan = plan
        self.meters = meters
        context = try Context()
        wake = tributary_eventfd()
        guard wake >= 0 else { throw StageError.system("eventfd", errno) }
        (events, continuation) = AsyncStream.makeStream(of: PostEvent.self, bufferingPolicy: .unbounded)
        let opened = Mutex<Result<Void, any Error>?>(nil)
        let ready = DispatchSemaphore(value: 0)
        try WorkThread.start(stackBytes: 1 << 20) { [self] in
            tributary_name_thread("post")
            do {
                let loop = try PostLoop(plan, in: context, wake: wake, meters: meters)
                opened.withLock { $0 = .success(()) }
                ready.signal()
                loop.run(post: self)
            } catch {
                let failedToOpen = opened.withLock { state in
                    defer { state = state ?? .failure(error) }
                    return state == nil
                }
                if failedToOpen { ready.signal() } else { deliver(.failed("\(error)")) }
            }
            continuation.finish()
            finished.signal()
        }
        ready.wait()
        try opened.withLock { state in try (state ?? .success(())).get() }
    }

    /// Hands frames to the PUSH that leads to `hub`. What cannot be sent waits, up to a bound, and is then dropped: every
    /// message of the protocol is sent again until it is answered.
    package func push(_ message: WireMessage, to hub: StageName) { push(message.frames, to: hub) }

    func push(_ frames: [[UInt8]], to hub: StageName) { hand(.work(hub), frames) }

    /// Hands frames to this hub's news, under a topic.
    package func publish(_ message: WireMessage, topic: [UInt8]) { publish(message.frames, topic: topic) }

    func publish(_ frames: [[UInt8]], topic: [UInt8]) { hand(.news, [topic] + frames) }

    /// Publishes an event's line, where somebody follows. What a slow follower cannot take is dropped: its sequence has a gap then, and
    /// the spool has it still.
    package func tell(_ line: [UInt8]) {
        guard followers.load(ordering: .relaxed) > 0 else { return }
        hand(.followers, [followersTopic, Array(line.dropLast())])
    }

    /// `CLOUD/STAGE`, to subscribe to.
    private var followersTopic: [UInt8] { Array(plan.stage.description.utf8) }

    private func hand(_ route: Route, _ frames: [[UInt8]]) {
        shared.withLock { $0.outgoing.append((route, frames)) }
        poke()
    }

    /// What a stage sent could not be used: it may send the less for a while.
    package func blame(_ stage: StageName) { shared.withLock { $0.blamed.append(stage) } }

    private func poke() {
        var one: UInt64 = 1
        _ = withUnsafeBytes(of: &one) { Glibc.write(wake, $0.baseAddress, 8) }  // a full eventfd is awake already
    }

    /// To be called for each event once it has been handled, so that the sockets are read again.
    package func handled(_ event: PostEvent) {
        let bytes = event.cost
        guard bytes > 0 else { return }
        if case .message(let message) = event {
            shares.withLock { shares in
                guard let share = shares[message.sender] else { return }
                shares[message.sender] =
                    share.messages > 1 ? (share.messages - 1, share.bytes - bytes) : nil
            }
        }
        let before = waiting.subtract(bytes, ordering: .relaxed).oldValue
        if before >= plan.inboxBytes, before - bytes < plan.inboxBytes { poke() }
    }

    /// Sends what is waiting, closes the sockets on their thread and joins it; another process may then bind their addresses.
    package func stop() {
        shared.withLock { $0.isStopping = true }
        poke()
        finished.wait()
        context.terminate()
    }

    // Not in `stop`: events are still being handled then, and a number that is closed is soon another's.
    deinit { close(wake) }

    /// Bytes received and not handled yet, and how many more there is room for.
    package var inbox: (waiting: Int, room: Int) {
        let bytes = waiting.load(ordering: .relaxed)
        return (bytes, max(0, plan.inboxBytes - bytes))
    }

    // For the loop's thread.

    func deliver(_ event: PostEvent) {
        // ZAP must be answered and monitors be read however full the inbox is; what there is to tell of it then is left out.
        if isFull {
            switch event {
            case .handshake, .left, .overLimit: return
            default: break
            }
        }
        waiting.add(event.cost, ordering: .relaxed)
        if case .message(let message) = event {
            shares.withLock { shares in
                let share = shares[message.sender] ?? (0, 0)
                shares[message.sender] = (share.messages + 1, share.bytes + event.cost)
            }
        }
        continuation.yield(event)
    }

    func follow(_ change: Int) { followers.add(change, ordering: .relaxed) }

    var isFull: Bool { waiting.load(ordering: .relaxed) >= plan.inboxBytes }

    /// Whether as much of one peer waits as may: half of what may wait in all.
    func isShareFull(of stage: StageName) -> Bool {
        shares.withLock { shares in
            guard let share = shares[stage] else { return false }
            return share.messages >= Self.shareMessages || share.bytes >= plan.inboxBytes / 2
        }
    }

    func takeOutgoing() -> (batch: [(route: Route, frames: [[UInt8]])], blamed: [StageName], isStopping: Bool) {
        shared.withLock { shared in
            let (batch, blamed) = (shared.outgoing, shared.blamed)
            (shared.outgoing, shared.blamed) = ([], [])
            return (batch, blamed, shared.isStopping)
        }
    }
}
