import Federation
import StageKit

/// A stage's place in a simulated federation: its disk, its clock, and the process that runs there now.
final class SimulatedProcess {
    let stage: StageName
    let index: Int
    let disk: SimulatedDisk
    var links: [SimulatedLink] = []
    /// Nil while nothing runs here.
    var life: Life?
    var lives = 0
    /// It has done with its run.
    var hasEnded = false
    var pausedUntil = 0
    /// Microseconds by which the wall clock is off.
    var skew = 0
    /// Parts in a million by which the monotonic clock is fast.
    var drift = 0
    var armed: (edges: Int, powerLoss: Bool, downFor: Int)?
    var hasLostPower = false
    var isHandingOver = false
    var edges = 0

    init(_ stage: StageName, index: Int, disk: SimulatedDisk) {
        self.stage = stage
        self.index = index
        self.disk = disk
    }
}

/// The process is dead: what it does now has no effect.
struct Died: Error {}

/// Where a process can die.
enum Edge: String, Sendable {
    case event, beforeCommit, afterCommit, beforeSend, workBegins, workEnds
}

/// One process of a stage, from its start to its death. All that the stage does to the world goes through here.
///
/// `@unchecked Sendable`: stages, exchange and journal call it on `StageActor` alone, as the federation does that owns it.
final class Life: Wires, WorkPlace, CommitWatch, @unchecked Sendable {
    let process: SimulatedProcess
    let number: Int
    let federation: SimulatedFederation
    let outcome = Outcome()
    private(set) var isDead = false
    /// It has its sockets.
    var isUp = false
    var runtime: StageRuntime?
    private var pieces: [Int: WorkPiece] = [:]
    private(set) var begun = 0
    private var resumed = 0
    private var goneOn = 0
    var context: StageContext?
    /// An event is in hand that waits for work; what comes meanwhile.
    var isBusy = false
    var inbox: [PostEvent] = []

    init(_ process: SimulatedProcess, number: Int, in federation: SimulatedFederation) {
        self.process = process
        self.number = number
        self.federation = federation
    }

    /// Ends it at once. What it had in hand comes to nothing.
    func die() {
        isDead = true
        isUp = false
        runtime = nil
        context = nil
        inbox = []
        let dropped = pieces.sorted { $0.key < $1.key }
        pieces = [:]
        resumed += dropped.count
        for (_, piece) in dropped { piece.drop() }
    }

    /// Pieces of the stage's logic that have begun and not ended.
    @StageActor var workInHand: Int { context?.workInHand ?? 0 }

    /// Whoever waited for work that is done, or dropped, has not gone on yet; or what was begun has not begun to wait.
    @StageActor var isAwaited: Bool {
        guard resumed == goneOn else { return true }
        return !isDead && workInHand > 0 && pieces.isEmpty
    }

    /// Throws if the process dies here, or is dead already.
    func pass(_ edge: Edge) throws {
        guard !isDead else { throw Died() }
        federation.pass(edge, self)
        guard !isDead else { throw Died() }
    }

    private func survives(_ edge: Edge) -> Bool {
        do {
            try pass(edge)
            return true
        } catch { return false }
    }

    // MARK: Wires

    func push(_ message: WireMessage, to hub: StageName) {
        guard survives(.beforeSend) else { return }
        federation.push(message, from: process, to: hub)
    }

    func publish(_ message: WireMessage, topic: [UInt8]) {
        guard survives(.beforeSend) else { return }
        federation.publish(message, from: process, to: Topic.addressee(topic))
    }

    // MARK: Work

    func start(_ piece: WorkPiece) throws {
        do { try pass(.workBegins) } catch {
            // Whoever asked for it goes on at once.
            resumed += 1
            throw error
        }
        begun += 1
        pieces[begun] = piece
        federation.plan(work: begun, of: self)
    }

    func perform(_ number: Int) {
        guard let piece = pieces.removeValue(forKey: number) else { return }
        let isAlive = survives(.workEnds)
        resumed += 1
        if isAlive { piece.run() } else { piece.drop() }
    }

    func returned() { goneOn += 1 }

    // MARK: Journal

    func begin(isSynced: Bool) throws {
        guard !isDead else { throw Died() }
        try process.disk.begin(isSynced: isSynced)
    }

    func beforeCommit(isSynced: Bool) throws { try pass(.beforeCommit) }

    func afterCommit(isSynced: Bool) throws {
        if isSynced { process.disk.sync() }
        if process.stage.kind == .publish, let key = federation.ground.verifying[process.stage] {
            federation.ledger.look(into: process.disk.journal, of: process.stage, key: key)
        }
        try pass(.afterCommit)
    }
}
