import Federation
import Sodium
import StageKit
import Topology

/// Every stage of a federation in one thread and in virtual time: the real stages over the real runtime, exchange and
/// journal, with simulated wires, clocks, disks and processes. What happens follows from the schedule alone.
///
/// `@unchecked Sendable`: it is made, run and asked on `StageActor` alone.
final class SimulatedFederation: @unchecked Sendable {
    enum Happening {
        case boot(SimulatedProcess, lives: Int)
        case tick(Life)
        case deliver(Parcel)
        case perform(Life, Int)
        case connect(SimulatedLink)
        case tell(Life, PostEvent)
        case fault(Int)
        case heal
    }

    let schedule: Schedule
    let ground: SimulatedGround
    var random: SimulatedRandom
    private(set) var now = 0
    private var agenda = Agenda<Happening>()
    private(set) var processes: [SimulatedProcess] = []
    private var byName: [StageName: SimulatedProcess] = [:]
    private var links: [SimulatedLink] = []
    let ledger: Ledger
    /// The last thing of account that moved: while nothing does, time goes faster.
    private var lastMovement = 0
    private(set) var events = 0
    private(set) var runFailure: String?
    private var isHealed = false
    private var inHand = ""
    private static let anchor = ContinuousClock.now
    /// 2026-11-01, in microseconds.
    private static let epoch = 1_793_491_200_000_000

    init(_ schedule: Schedule, in laboratory: Laboratory, isTraced: Bool = false) throws {
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
        while let (time, happening) = agenda.next() {
            now = time
            events += 1
            guard now < (schedule.healedBy + 3 * 3600_000) * 1000, events < 400_000 else {
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
    }

    @StageActor
    private func happen(_ happening: Happening) async throws {
        switch happening {
        case .boot(let process, let lives):
            guard process.lives == lives, process.life == nil, !process.hasEnded else { return }
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
        }
    }

    private func isPaused(_ life: Life, _ happening: Happening) -> Bool {
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
    private func rest() async {
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
    private func rest(_ life: Life) async {
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
    private func give(_ event: PostEvent, to life: Life) async {
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
    private func mayWait(_ event: PostEvent, _ life: Life) -> Bool {
        schedule.plan.suite == .secagg && life.process.stage.kind == .aggregate && event.mayBegin
    }

    /// Lets what an event has begun come to rest, and sees whether the process has ended by itself.
    @StageActor
    private func settle(_ life: Life, isQuiet: Bool = false) async {
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

    // MARK: Processes

    @StageActor
    private func boot(_ process: SimulatedProcess) async throws {
        if process.hasLostPower {
            process.hasLostPower = false
            let lost = Int.random(in: 0...process.disk.atRisk, using: &random)
            try process.disk.lose(schedule.sabotage == .forgetfulJournal ? process.disk.atRisk : lost)
        }
        process.lives += 1
        process.isHandingOver = false
        let life = Life(process, number: process.lives, in: self)
        process.life = life
        note("starts", process)
        inHand = "start"
        do {
            try await start(life)
        } catch { fail(life, error) }
        guard !life.isDead else { return }
        guard life.isUp else { return }
        for link in process.links { wantConnection(link) }
        agenda.plan(.tick(life), at: now + random.milliseconds(1_000...100_000))
        await settle(life)
    }

    @StageActor
    private func start(_ life: Life) async throws {
        let process = life.process
        let (stage, topology) = (process.stage, ground.topology)
        let journal = try process.disk.journal.watched(by: life)
        if try journal.read({ try $0.isRunOver() }) { return try leave(life) }
        let epoch = try journal.beginEpoch(of: topology.run, in: "the simulated disk of \(stage)")
        guard let signing = ground.signing[stage], let make = ground.makes[stage] else { return }
        let identity = StageIdentity(
            stage: stage, run: topology.run, epoch: epoch, signing: signing, dials: Set(topology.dials(of: stage)),
            keys: ground.verifying)
        let surroundings = Surroundings(
            monotonic: { [self] in
                SimulatedFederation.anchor + .microseconds(now + now / 1_000_000 * life.process.drift)
            },
            wall: { [self] in UInt64((SimulatedFederation.epoch + now + life.process.skew) / 1000) }, workPlace: life)
        let context = StageContext(
            identity: identity, journal: journal, log: ledger.log(of: stage, run: topology.run),
            publisher: topology.publish, wires: life, surroundings: surroundings, finish: life.outcome.set)
        let hasHub = topology.hub(of: stage) != nil
        life.context = context
        let runtime = StageRuntime(try make(context), context: context, hasHub: hasHub, outcome: life.outcome)
        life.runtime = runtime
        try await runtime.start()
        try runtime.takeLeaveIfOver()
        try life.pass(.event)
        life.isUp = true
    }

    /// The process has ended in order.
    @StageActor
    private func leave(_ life: Life) throws {
        let process = life.process
        let isOver = try process.disk.journal.read { try $0.isRunOver() }
        note("leaves", process)
        let comesBack = process.isHandingOver && !isOver
        life.die()
        process.life = nil
        // What it has said is still sent (linger).
        for link in process.links { sever(link, leftoversUntil: .max) }
        if comesBack {
            agenda.plan(.boot(process, lives: process.lives), at: now + random.milliseconds(1_000...30_000))
        } else {
            process.hasEnded = true
        }
    }

    /// The process has thrown.
    private func fail(_ life: Life, _ error: any Error) {
        guard !life.isDead else { return }
        note("fails: \(error)", life.process)
        if case StageError.runFailed(let reason)? = error as? StageError {
            runFailure = reason
        } else {
            ledger.violate("\(life.process.stage) ended by itself: \(error)")
        }
        kill(life, powerLoss: false, downFor: 500)
    }

    /// A process passes a place where it may die.
    func pass(_ edge: Edge, _ life: Life) {
        let process = life.process
        process.edges += 1
        ledger.activity += 1
        guard let armed = process.armed else { return }
        guard armed.edges <= 1 else {
            process.armed?.edges -= 1
            return
        }
        process.armed = nil
        ledger.died("\(process.stage.kind) \(edge.rawValue), \(inHand)")
        kill(life, powerLoss: armed.powerLoss, downFor: armed.downFor)
    }

    func kill(_ life: Life, powerLoss: Bool, downFor milliseconds: Int) {
        guard !life.isDead else { return }
        let process = life.process
        note(powerLoss ? "loses power" : "dies", process)
        life.die()
        process.life = nil
        process.pausedUntil = 0
        if powerLoss { process.hasLostPower = true }
        for link in process.links {
            sever(link, leftoversUntil: now + random.milliseconds(0...schedule.latency.upperBound * 1000))
            if link.dialler === process { link.waiting = [] }
        }
        agenda.plan(.boot(process, lives: process.lives), at: now + milliseconds * 1000)
    }

    func plan(work number: Int, of life: Life) {
        let longest = isHealed ? min(schedule.longestWork, 40) : schedule.longestWork
        let most = max(1, longest) * 1000
        agenda.plan(.perform(life, number), at: now + random.milliseconds(100...max(100, most)))
    }

    // MARK: Links

    private func wantConnection(_ link: SimulatedLink) {
        guard !link.isUp, !link.isConnecting, link.dialler.life?.isUp == true, link.hub.life?.isUp == true else {
            return
        }
        link.isConnecting = true
        let earliest = max(now, link.cutUntil)
        let pause = link.cutUntil > now ? 50_000...2_000_000 : 1_000...120_000
        agenda.plan(.connect(link), at: earliest + random.milliseconds(pause))
    }

    private func connect(_ link: SimulatedLink) {
        link.isConnecting = false
        guard !link.isUp, let dialler = link.dialler.life, let hub = link.hub.life, dialler.isUp, hub.isUp else {
            return
        }
        guard link.cutUntil <= now else { return wantConnection(link) }
        link.isUp = true
        link.generation += 1
        move()
        note("connects to \(link.hub.stage)", link.dialler, link.hub.index)
        agenda.plan(.tell(dialler, .connected(link.hub.stage)), at: now + latency())
        // Before anything that comes by this connection.
        link.lastArrivalOfWork = now + latency()
        agenda.plan(.tell(hub, .joined(link.dialler.stage)), at: link.lastArrivalOfWork)
        let waiting = link.waiting
        link.waiting = []
        for message in waiting { send(message, by: link, isWork: true) }
    }

    /// A connection is over. What would have arrived until `leftovers` still comes.
    private func sever(_ link: SimulatedLink, leftoversUntil leftovers: Int) {
        guard link.isUp else { return }
        link.isUp = false
        link.isSubscribed = false
        link.leftovers = (link.generation, leftovers)
        note("loses \(link.hub.stage)", link.dialler, link.hub.index)
        if let life = link.dialler.life { agenda.plan(.tell(life, .disconnected(link.hub.stage)), at: now + latency()) }
        if let life = link.hub.life {
            agenda.plan(.tell(life, .left(peer: "\(link.dialler.stage)")), at: now + latency())
        }
        wantConnection(link)
    }

    private func latency() -> Int {
        random.milliseconds(schedule.latency.lowerBound * 1000...schedule.latency.upperBound * 1000)
    }

    func push(_ message: WireMessage, from process: SimulatedProcess, to hub: StageName) {
        ledger.take(message, at: process.stage)
        guard let link = process.links.first(where: { $0.dialler === process && $0.hub.stage == hub }) else { return }
        if link.isUp { send(message, by: link, isWork: true) } else { link.waiting.append(message) }
    }

    func publish(_ message: WireMessage, from process: SimulatedProcess, to stage: StageName?) {
        ledger.take(message, at: process.stage)
        if isSwallowed(message, of: process) { return }
        for link in process.links where link.hub === process && link.isSubscribed {
            guard stage == nil || link.dialler.stage == stage else { continue }
            if link.dropped.until > now, random.isOne(in: link.dropped.oneIn) { continue }
            send(message, by: link, isWork: false)
        }
    }

    private func send(_ message: WireMessage, by link: SimulatedLink, isWork: Bool) {
        if message.kind != .beat { move() }
        let earliest = now + latency()
        var arrivals: [Int] = []
        if schedule.wild > 0, now < schedule.healedBy * 1000, message.kind.isOfTransfers,
            random.isOne(in: schedule.wild)
        {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: break
            case 1: arrivals = [earliest, earliest + random.milliseconds(0...2_000_000)]
            default: arrivals = [earliest + random.milliseconds(0...2_000_000)]
            }
        } else {
            let last = isWork ? link.lastArrivalOfWork : link.lastArrivalOfNews
            arrivals = [max(earliest, last + 1, link.stalledUntil)]
            if isWork { link.lastArrivalOfWork = arrivals[0] } else { link.lastArrivalOfNews = arrivals[0] }
        }
        for arrival in arrivals {
            agenda.plan(
                .deliver(
                    Parcel(
                        link: link, generation: link.generation, isWork: isWork, message: message, arrival: arrival)),
                at: arrival)
        }
    }

    @StageActor
    private func deliver(_ parcel: Parcel, _ happening: Happening) async throws {
        let link = parcel.link
        let receiver = parcel.isWork ? link.hub : link.dialler
        let isCurrent = link.isUp && link.generation == parcel.generation
        let isLeftover = link.leftovers.generation == parcel.generation && parcel.arrival <= link.leftovers.until
        guard isCurrent || isLeftover, let life = receiver.life, life.isUp else { return }
        guard link.stalledUntil <= now else { return agenda.plan(happening, at: link.stalledUntil) }
        guard !isPaused(life, happening) else { return }
        let message = parcel.message
        note("gets \(message.shortText) of \(message.sender)", receiver, message.code)
        sabotage(before: message, at: receiver)
        await give(.message(message), to: life)
    }

    // MARK: Faults

    private func begin(_ fault: Schedule.Fault) {
        note("fault: \(fault)", nil)
        switch fault {
        case .crash(let stage, let edge, let powerLoss, let downFor):
            byName[stage]?.armed = (edge, powerLoss, downFor)
        case .crashCloud(let cloud, let powerLoss, let downFor):
            for process in processes where process.stage.cloud == cloud {
                if let life = process.life { kill(life, powerLoss: powerLoss, downFor: downFor + process.index) }
            }
        case .handOver(let stage):
            guard let process = byName[stage], let life = process.life else { return }
            process.isHandingOver = true
            life.outcome.askToHandOver(true)
        case .reset(let stage):
            for link in byName[stage]?.links ?? [] {
                sever(link, leftoversUntil: now + random.milliseconds(0...schedule.latency.upperBound * 1000))
            }
        case .cut(let stage, let milliseconds):
            for link in byName[stage]?.links ?? [] { cut(link, milliseconds) }
        case .cutCloud(let cloud, let milliseconds):
            for link in links where (link.dialler.stage.cloud == cloud) != (link.hub.stage.cloud == cloud) {
                cut(link, milliseconds)
            }
        case .stall(let stage, let milliseconds):
            for link in byName[stage]?.links ?? [] {
                link.stalledUntil = max(link.stalledUntil, now + milliseconds * 1000)
            }
        case .dropNews(let stage, let oneIn, let milliseconds):
            for link in byName[stage]?.links ?? [] { link.dropped = (oneIn, now + milliseconds * 1000) }
        case .jump(let stage, let milliseconds): byName[stage]?.skew += milliseconds * 1000
        case .pause(let stage, let milliseconds):
            if let process = byName[stage], process.life != nil {
                process.pausedUntil = max(process.pausedUntil, now + milliseconds * 1000)
            }
        }
    }

    private func cut(_ link: SimulatedLink, _ milliseconds: Int) {
        link.cutUntil = max(link.cutUntil, now + milliseconds * 1000)
        sever(link, leftoversUntil: now)
    }

    /// From here everything works, and goes on working.
    private func heal() {
        guard !isHealed else { return }
        isHealed = true
        note("all is healed", nil)
        move()
        for process in processes {
            process.armed = nil
            process.skew = 0
            process.pausedUntil = 0
            if process.life == nil, !process.hasEnded { agenda.plan(.boot(process, lives: process.lives), at: now) }
        }
        for link in links { (link.cutUntil, link.stalledUntil, link.dropped.until) = (0, 0, 0) }
    }

    // MARK: Sabotage

    private var hasForgotten = false
    private var mustForget = false

    /// An exchange that says that a contribution is durable before it is.
    private func sabotage(before message: WireMessage, at process: SimulatedProcess) {
        guard schedule.sabotage == .earlyReceipt, process.stage.kind == .aggregate, message.kind == .offer,
            let signing = ground.signing[process.stage], let offer = ledger.offer(message),
            offer.name.kind == .contribution
        else { return }
        let receipt = Signed(
            Receipt(name: offer.name, digest: offer.digest, outcome: .durable, reason: ""), by: signing)
        publish(
            WireMessage(
                .receipt, from: process.stage, epoch: 1, document: receipt.bytes, signature: receipt.signature.bytes),
            from: process, to: message.sender)
    }

    /// The receipt of a contribution that is about to be forgotten does not leave.
    private func isSwallowed(_ message: WireMessage, of process: SimulatedProcess) -> Bool {
        guard schedule.sabotage == .doubleCounting, !hasForgotten, process.stage.kind == .aggregate,
            message.kind == .receipt, let receipt = ledger.receipt(message), receipt.name.kind == .contribution,
            receipt.outcome == .durable
        else { return false }
        (hasForgotten, mustForget) = (true, true)
        return true
    }

    private func sabotage(after life: Life) {
        guard mustForget else { return }
        mustForget = false
        do { try life.process.disk.lose(1) } catch { ledger.violate("the sabotage failed: \(error)") }
    }
}

extension Schedule.Fault {
    func losesPower(of stage: StageName) -> Bool {
        switch self {
        case .crash(let other, _, let powerLoss, _): powerLoss && other == stage
        case .crashCloud(let cloud, let powerLoss, _): powerLoss && cloud == stage.cloud
        default: false
        }
    }
}

extension MessageKind {
    var isOfTransfers: Bool {
        switch self {
        case .offer, .want, .chunk, .receipt: true
        default: false
        }
    }
}
