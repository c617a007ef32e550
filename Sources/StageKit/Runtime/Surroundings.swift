package import Federation
internal import Monitoring
internal import Synchronization

/// What carries a stage's messages. `Post` does, over sockets; tests put a simulated network in its place.
package protocol Wires: Sendable {
    /// Hands a message to the link that leads to `hub`. It may be lost; every message of the protocol is sent again until it is
    /// answered.
    func push(_ message: WireMessage, to hub: StageName)
    /// Hands a message to this hub's subscribers of a topic.
    func publish(_ message: WireMessage, topic: [UInt8])
    /// What a stage sent could not be used: it may send the less for a while.
    func blame(_ stage: StageName)
}

extension Wires {
    package func blame(_ stage: StageName) {}
}

/// Where long work is done. A piece of work is run once, or dropped where its process has died.
package protocol WorkPlace: Sendable {
    func start(_ piece: WorkPiece) throws
    /// Whoever waited for a piece goes on: a simulation lets nothing else happen before.
    func returned()
}

extension WorkPlace {
    package func returned() {}
}

package struct WorkPiece: Sendable {
    package let run: @Sendable () -> Void
    /// Ends whoever waits for it, without its having been run.
    package let drop: @Sendable () -> Void
}

/// A piece of work that was dropped.
package struct WorkDropped: Error {}

/// The world of a stage beside its journal and its wires: what time it is, and where long work is done.
package struct Surroundings: Sendable {
    private let monotonic: @Sendable () -> ContinuousClock.Instant
    private let wall: @Sendable () -> UInt64
    let workPlace: any WorkPlace
    /// Takes what the stage says of itself, a line.
    let report: @Sendable (String) -> Void
    /// Takes all that troubles the stage, whenever that is other than before.
    let reportTroubles: @Sendable ([Trouble]) -> Void

    package init(
        monotonic: @escaping @Sendable () -> ContinuousClock.Instant, wall: @escaping @Sendable () -> UInt64,
        workPlace: any WorkPlace, report: @escaping @Sendable (String) -> Void = { _ in },
        reportTroubles: @escaping @Sendable ([Trouble]) -> Void = { _ in }
    ) {
        self.monotonic = monotonic
        self.wall = wall
        self.workPlace = workPlace
        self.report = report
        self.reportTroubles = reportTroubles
    }

    /// The machine's own clocks, and a thread for each piece of work.
    package static let machine: Surroundings = {
        let supervisor = Supervisor()
        return Surroundings(
            monotonic: { .now }, wall: Timestamp.milliseconds, workPlace: Threads(),
            report: { situation in supervisor.tell { $0.take(situation) } },
            reportTroubles: { troubles in supervisor.tell { $0.take(troubles, at: Timestamp.milliseconds()) } })
    }()

    /// Whoever started this process, and what it has been told.
    private final class Supervisor: Sendable {
        private let notice = Mutex(StatusNotice())

        func tell(_ change: (inout StatusNotice) -> [String]) {
            // Sent in the order in which they came about.
            notice.withLock { notice in
                for datagram in change(&notice) { ServiceNotice.send(datagram) }
            }
        }
    }

    package var now: ContinuousClock.Instant { monotonic() }
    /// Milliseconds since 1970, UTC; it may jump.
    package var time: UInt64 { wall() }

    private struct Threads: WorkPlace {
        func start(_ piece: WorkPiece) throws { try WorkThread.start(stackBytes: 8 << 20, piece.run) }
    }
}
