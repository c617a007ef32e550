import Federation
import StageKit
import Topology

// Processes start, die and leave.
extension SimulatedFederation {
    @StageActor
    func boot(_ process: SimulatedProcess) async throws {
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
    func start(_ life: Life) async throws {
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
            identity: identity, journal: journal,
            log: ledger.log(
                of: stage, run: topology.run, isHeard: !schedule.plan.pace.isEmpty && stage.kind == .localTrain),
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
    func leave(_ life: Life) throws {
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
            // Whoever was away for longer than it waits at its end is told to ask for this ("publish_silent").
            if process.stage == ground.topology.publish {
                agenda.plan(.startOnceMore(process), at: max(now, schedule.healedBy * 1000) + 60_000_000)
            }
        }
    }

    /// The process has thrown.
    func fail(_ life: Life, _ error: any Error) {
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

    /// What a worker takes for its records as they lie now, where the schedule says so.
    private func training(of stage: StageName) -> Int {
        guard let pace = schedule.perRecord[stage]?.last(where: { $0.from * 1000 <= now }),
            let records = ledger.placed[stage.cloud]?.parts.first(where: { $0.worker == stage.ordinal })?.records
        else { return 0 }
        return pace.microseconds * records
    }

    func plan(work number: Int, of life: Life) {
        let longest = isHealed ? min(schedule.longestWork, 40) : schedule.longestWork
        let isSlow = !isHealed || schedule.kind == .mild
        let slow = isSlow && life.process.stage.kind == .localTrain ? schedule.slow[life.process.stage.cloud] ?? 0 : 0
        let most = max(1, longest + slow) * 1000
        let drawn = random.milliseconds(100...max(100, most))
        agenda.plan(.perform(life, number), at: now + drawn + training(of: life.process.stage))
    }
}
