import Federation
import SeededRandom
import Sodium
import StageKit
import Synchronization
import Topology

/// Every stage of a federation in one thread and in virtual time: the real stages over the real runtime, exchange and
/// journal, with simulated wires, clocks, disks and processes. What happens follows from the schedule alone.
///
/// `@unchecked Sendable`: it is made, run and asked on `StageActor` alone.
final class SimulatedFederation: @unchecked Sendable {
    enum Happening {
        case boot(SimulatedProcess, lives: Int)
        /// Its operator starts it once more, if somebody still waits for it.
        case startOnceMore(SimulatedProcess)
        case tick(Life)
        case deliver(Parcel)
        case perform(Life, Int)
        case connect(SimulatedLink)
        case tell(Life, PostEvent)
        case fault(Int)
        case heal
        case look
    }

    let schedule: Schedule
    let ground: SimulatedGround
    var random: SimulatedRandom
    var now = 0
    var agenda = Agenda<Happening>()
    var processes: [SimulatedProcess] = []
    var byName: [StageName: SimulatedProcess] = [:]
    var links: [SimulatedLink] = []
    let ledger: Ledger
    /// The last thing of account that moved: while nothing does, time goes faster.
    var lastMovement = 0
    var events = 0
    var runFailure: String?
    /// What each stage has kept, look by look.
    var looks: [StageName: [KeptState]] = [:]
    var isHealed = false
    var inHand = ""
    /// Of the sabotage.
    var hasForgotten = false
    var mustForget = false
    /// How many are in memory.
    static let living = Atomic<Int>(0)
    static let anchor = ContinuousClock.now
    /// 2026-11-01, in microseconds.
    static let epoch = 1_793_491_200_000_000

    deinit { Self.living.subtract(1, ordering: .relaxed) }

    init(_ schedule: Schedule, in laboratory: Laboratory, isTraced: Bool = false) throws {
        Self.living.add(1, ordering: .relaxed)
        self.schedule = schedule
        ground = try laboratory.ground(for: schedule.plan)
        random = SimulatedRandom(seed: schedule.seed ^ 0x7472_6962_7574_6172)
        ledger = Ledger(isTraced: isTraced)
        let stages = ground.topology.stages.map(\.name).filter { schedule.plan.ingests || $0.kind != .ingest }
        for (index, stage) in stages.enumerated() {
            let process = SimulatedProcess(stage, index: index, disk: try laboratory.disk(of: stage, ground))
            process.skew = (schedule.skews[stage] ?? 0) * 1000
            process.drift = schedule.drifts[stage] ?? 0
            process.disk.losesPower = schedule.faults.contains { $0.fault.losesPower(of: stage) }
            process.disk.forgets =
                schedule.sabotage == .forgetfulJournal
                || (schedule.sabotage == .doubleCounting && stage.kind == .aggregate)
            processes.append(process)
            byName[stage] = process
        }
        for process in processes {
            for hub in ground.topology.dials(of: process.stage) {
                guard let hub = byName[hub] else { continue }
                let link = SimulatedLink(dialler: process, hub: hub)
                links.append(link)
                process.links.append(link)
                hub.links.append(link)
            }
        }
    }

    // MARK: Running

    /// Runs until every stage has done with the run, or nothing more will come of it.
    @StageActor
    func run() async throws {
        for process in processes {
            // Consumers first, as the launcher does, and all within a moment.
            let start = (schedule.lateStarts[process.stage] ?? 0) * 1000 + random.milliseconds(0...30_000)
            agenda.plan(.boot(process, lives: 0), at: start)
        }
        for (index, fault) in schedule.faults.enumerated() { agenda.plan(.fault(index), at: fault.at * 1000) }
        agenda.plan(.heal, at: schedule.healedBy * 1000)
        if let every = schedule.lookEvery { agenda.plan(.look, at: every * 1_000_000) }
        while let (time, happening) = agenda.next() {
            now = time
            events += 1
            guard now < (schedule.healedBy + 3 * 3600_000) * 1000, events < schedule.mostEvents else {
                ledger.violate(
                    "the run had not ended \((now / 1000 - schedule.healedBy) / 1000) s after all was healed")
                break
            }
            try await happen(happening)
            if runFailure != nil || processes.allSatisfy(\.hasEnded) { break }
        }
        for process in processes {
            process.life?.die()
            process.life = nil
        }
        await rest()
        // Processes and links know each other: what waited to be sent would stay with them.
        for process in processes { process.links = [] }
        links = []
        agenda = Agenda()
    }

    @StageActor
    func happen(_ happening: Happening) async throws {
        switch happening {
        case .boot(let process, let lives):
            guard process.lives == lives, process.life == nil, !process.hasEnded else { return }
            try await boot(process)
        case .startOnceMore(let process):
            guard process.hasEnded, !processes.allSatisfy(\.hasEnded) else { return }
            process.hasEnded = false
            try await boot(process)
        case .tick(let life):
            guard !life.isDead, !isPaused(life, happening) else { return }
            await give(.tick, to: life)
            let pause = now - lastMovement < 1_000_000 ? 250_000 : 1_000_000
            agenda.plan(.tick(life), at: now + pause)
        case .deliver(let parcel): try await deliver(parcel, happening)
        case .perform(let life, let piece):
            guard !life.isDead, !isPaused(life, happening) else { return }
            note("work", life.process)
            inHand = "work"
            move()
            life.perform(piece)
            await settle(life)
        case .connect(let link): connect(link)
        case .tell(let life, let event):
            guard !life.isDead, !isPaused(life, happening) else { return }
            if case .joined(let peer) = event {
                for link in life.process.links where link.dialler.stage == peer && link.isUp {
                    link.isSubscribed = true
                }
            }
            await give(event, to: life)
        case .fault(let index): begin(schedule.faults[index].fault)
        case .heal: heal()
        case .look: try look()
        }
    }

    func isPaused(_ life: Life, _ happening: Happening) -> Bool {
        guard life.process.pausedUntil > now else { return false }
        agenda.plan(happening, at: life.process.pausedUntil)
        return true
    }

    func move() { lastMovement = now }

    func note(_ what: @autoclosure () -> String, _ process: SimulatedProcess?, _ detail: Int = 0) {
        ledger.note(time: now, process?.index ?? -1, detail, process?.stage, what)
    }

    /// Lets everything that waits on `StageActor` have its turn: tasks that stages began, and what work has resumed. They
    /// queue behind one another, so after a few turns in which nothing was done there is nothing left.
    @StageActor
    func rest() async {
        var before: Int
        repeat {
            before = ledger.activity
            for _ in 0..<3 {
                await withCheckedContinuation { turn in Task { @StageActor in turn.resume() } }
            }
        } while ledger.activity != before
    }

    /// The same until all that a process has begun waits for work, or has ended. What work has resumed may, seldom, come by
    /// another thread's queue, and sooner or later.
    @StageActor
    func rest(_ life: Life) async {
        await rest()
        var turns = 0
        while life.isAwaited, turns < 100_000 {
            await Task.yield()
            await rest()
            turns += 1
        }
        // In aggregate one contribution waits for another's sync, which nobody counts.
        if life.process.stage.kind == .aggregate, !life.isDead, life.workInHand > 0 {
            for _ in 0..<3 {
                await Task.yield()
                await rest()
            }
        }
        if turns == 100_000 { ledger.violate("\(life.process.stage) has begun what does not go on") }
    }

    @StageActor
    func give(_ event: PostEvent, to life: Life) async {
        guard let runtime = life.runtime else { return }
        guard !life.isBusy else { return life.inbox.append(event) }
        inHand = event.shortName
        guard !mayWait(event, life) else {
            life.isBusy = true
            Task { @StageActor in
                do {
                    try life.pass(.event)
                    try await runtime.take(event)
                } catch { fail(life, error) }
                life.isBusy = false
            }
            return await settle(life)
        }
        let inHand = (life.workInHand, life.begun)
        do {
            try life.pass(.event)
            try await runtime.take(event)
        } catch { fail(life, error) }
        // Most events begin nothing: then nobody waits for a turn.
        await settle(life, isQuiet: !event.mayBegin && inHand == (life.workInHand, life.begun))
    }

    /// Aggregate takes nothing more while a document of masks is being synced.
    func mayWait(_ event: PostEvent, _ life: Life) -> Bool {
        schedule.plan.suite == .secagg && life.process.stage.kind == .aggregate && event.mayBegin
    }

    /// Lets what an event has begun come to rest, and sees whether the process has ended by itself.
    @StageActor
    func settle(_ life: Life, isQuiet: Bool = false) async {
        if !isQuiet || life.isDead { await rest(life) }
        sabotage(after: life)
        guard !life.isDead, !life.isBusy, let runtime = life.runtime else { return }
        if !life.inbox.isEmpty { return await give(life.inbox.removeFirst(), to: life) }
        do {
            guard let result = try await runtime.result() else { return }
            switch result {
            case .success: try leave(life)
            case .failure(let error): fail(life, error)
            }
        } catch { fail(life, error) }
    }
}
