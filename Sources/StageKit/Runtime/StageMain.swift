internal import CLinux
package import Configuration
package import Federation
internal import Glibc
internal import Keys
internal import Monitoring
internal import Sodium
internal import Topology

/// What a stage's program is: how it reads its config, what it makes ready, and what it makes of that.
package struct StageProgram<StageConfiguration: Configurable & Sendable, Prepared: Sendable>: Sendable {
    package let kind: StageKind
    let files: @Sendable (StageConfiguration) -> StageFiles
    package let prepare: @Sendable (StageGround<StageConfiguration>) throws -> Prepared
    let rehearse: @Sendable (StageGround<StageConfiguration>, Prepared) throws -> Void
    package let make: @StageActor @Sendable (StageParts<StageConfiguration>, Prepared) throws -> any Stage

    /// - Parameters:
    ///   - files: what its config names.
    ///   - prepare: makes what the stage can have before it touches its state; throws what is wrong with it.
    ///   - rehearse: the self-test of a successor: whether it can do the stage's work at all. What it warms up stays warm.
    package init(
        _ kind: StageKind, configuration: StageConfiguration.Type,
        files: @escaping @Sendable (StageConfiguration) -> StageFiles = { _ in StageFiles() },
        prepare: @escaping @Sendable (StageGround<StageConfiguration>) throws -> Prepared,
        rehearse: @escaping @Sendable (StageGround<StageConfiguration>, Prepared) throws -> Void,
        make: @escaping @StageActor @Sendable (StageParts<StageConfiguration>, Prepared) throws -> any Stage
    ) {
        self.kind = kind
        self.files = files
        self.prepare = prepare
        self.rehearse = rehearse
        self.make = make
    }
}

/// A stage that has read its files and has given up what it does not need.
package struct BegunStage<StageConfiguration: Configurable & Sendable, Prepared: Sendable>: Sendable {
    let program: StageProgram<StageConfiguration, Prepared>
    let stage: StageName
    let configuration: StageConfiguration
    let topology: Topology
    let keys: KeyStore
    let plan: PostPlan
    let signing: SigningKey
    let log: EventLog
    /// The rights that it has given up; nil where it was told to keep all.
    let confinement: Confinement.Outcome?
    let directory: String
    let standsBy: Bool
}

/// The one path that starts, runs and stops every stage.
package enum StageMain {
    /// Runs a stage and exits the process with its status.
    package static func run<StageConfiguration: Configurable & Sendable, Prepared: Sendable>(
        _ begun: BegunStage<StageConfiguration, Prepared>
    ) async -> Never {
        do {
            try await start(begun)
            exit(ExitStatus.ok.rawValue)
        } catch { fail(error, begun.program.kind) }
    }

    static func fail(_ error: any Error, _ kind: StageKind) -> Never {
        let status: ExitStatus
        switch error {
        case let error as any RoomFault where error.isForWantOfRoom: status = .noRoom
        case is ConfigurationError:
            complain("\(error)")
            exit(ExitStatus.badConfiguration.rawValue)
        case let error as StageError: status = error.exitStatus
        case is FederationError: status = .badArguments
        case is KeyError, is SocketFolder.Refused: status = .badConfiguration
        default: status = .internal
        }
        complain("tributary-\(kind): \(error)")
        exit(status.rawValue)
    }

    /// Everything up to confinement, on the thread that the process began with.
    static func begin<StageConfiguration: Configurable & Sendable, Prepared: Sendable>(
        _ program: StageProgram<StageConfiguration, Prepared>, _ options: StageOptions
    ) throws -> BegunStage<StageConfiguration, Prepared> {
        // Secrets lie in this process: no core dump, no debugger of the same user.
        guard tributary_forbid_dumps() == 0 else { throw StageError.system("prctl(PR_SET_DUMPABLE)", errno) }
        tributary_return_memory()
        umask(0o077)  // whatever a stage writes is its user's alone
        let stage = StageName(
            cloud: try CloudName(options.cloud), role: try program.kind.role(worker: options.worker))
        if let question = options.probe {
            let topology = try Topology.load(options.topology, state: options.state, present: [])
            StageProbe.answer(question, stateFolder: topology.stateFolder(of: stage), stage: "\(stage)")
        }
        let topology = try Topology.load(options.topology, state: options.state, present: [stage.cloud])
        guard let placed = topology.stage(stage) else {
            throw StageError.configuration("\(topology.file): cloud \(stage.cloud) has no stage \(stage.role)")
        }
        let config = options.config ?? placed.config
        let configuration: StageConfiguration = try ConfigurationFile.read(at: config)
        let keys = KeyStore(root: topology.keysPath, secrets: options.secrets)
        let plan = try PostPlan(topology: topology, keys: keys, stage: stage)
        let signing = try keys.signingKey(of: stage, number: keys.currentKeys(of: stage))
        if options.check { exit(ExitStatus.ok.rawValue) }
        let log = EventLog(stage: stage, run: topology.run, level: options.logLevel)
        let directory = topology.stateFolder(of: stage)
        var confinement: Confinement.Outcome?
        if !options.unconfined {
            let files = program.files(configuration)
            for path in [directory] + files.writes { try StateLock.make(path) }
            confinement = try Confinement.of(
                stage, in: topology, config: config, files: files, plan: plan, keys: keys
            ).apply()
        }
        return BegunStage(
            program: program, stage: stage, configuration: configuration, topology: topology, keys: keys, plan: plan,
            signing: signing, log: log, confinement: confinement, directory: directory, standsBy: options.standby)
    }

    private static func start<StageConfiguration: Configurable & Sendable, Prepared: Sendable>(
        _ begun: BegunStage<StageConfiguration, Prepared>
    ) async throws {
        let (program, stage, configuration) = (begun.program, begun.stage, begun.configuration)
        let (topology, keys, plan, signing) = (begun.topology, begun.keys, begun.plan, begun.signing)
        let (log, directory) = (begun.log, begun.directory)
        let ground = StageGround(stage: stage, configuration: configuration, topology: topology, keys: keys)
        let prepared = try named { try program.prepare(ground) }
        let lock: StateLock
        if begun.standsBy {
            try Journal.rehearse(directory: directory, of: topology.run)
            try named { try program.rehearse(ground, prepared) }
            ServiceNotice.send("X_TRIBUTARY_STANDBY=1\nSTATUS=standing by")
            // Until here a signal ends the process, and harms nobody.
            lock = try StateLock(directory, waits: true)
        } else {
            lock = try StateLock(directory)
        }
        defer { lock.release() }
        try lock.note(.starting)
        let signals = StageSignals()
        let journal = try Journal(directory: directory)
        let spool = try SpoolWriter(folder: topology.eventSpool(of: stage), limit: topology.spoolLimit)
        let trail = try AuditTrail(path: topology.auditTrail(of: stage), key: signing)
        if try journal.read({ try $0.isRunOver() }) {
            log.begin(epoch: try journal.epoch(), spool: spool, trail: trail)
            log.tell(.runIsOver, [.reason: .text("this stage has nothing left to do in run \(topology.run)")])
            sayRunIsOver(topology.run)
            return try journal.close()
        }
        let epoch = try journal.beginEpoch(of: topology.run, in: directory)
        log.begin(epoch: epoch, spool: spool, trail: trail)
        log.meters.add(Double(try journal.swaps(isOneMore: begun.standsBy)), to: .swaps)
        tell(begun.confinement, to: log)
        let identity = StageIdentity(
            stage: stage, run: topology.run, epoch: epoch, signing: signing, dials: Set(plan.dials.map(\.hub)),
            keyring: try plan.keyring ?? Keyring(keys))
        let post = try Post(plan, meters: log.meters)
        log.follow { [weak post] in post?.tell($0) }
        let outcome = Outcome()
        signals.on(stop: { outcome.set(.success(())) }, handOver: { outcome.askToHandOver($0) })
        let context = await StageContext(
            identity: identity, journal: journal, log: log, publisher: topology.publish, wires: post,
            finish: outcome.set)
        let meters = StageMeters(log, path: topology.metricsPath(of: stage))
        defer { meters.end() }
        try await run(
            post: post, outcome: outcome, context: context, hasHub: plan.hub != nil, lock: lock, meters: meters
        ) {
            try program.make(StageParts(context: context, ground: ground), prepared)
        }
        post.stop()
        try journal.close()
    }

    private static func tell(_ confinement: Confinement.Outcome?, to log: EventLog) {
        guard let confinement else {
            return log.tell(.unconfined, [.reason: .text("--unconfined: this stage keeps all rights of its user")])
        }
        confinement.log(to: log)
    }

    /// What a stage is made of are files that its config names, so whatever is wrong then is wrong with them.
    private static func named<Output>(_ body: () throws -> Output) throws -> Output {
        do {
            return try body()
        } catch let error as ConfigurationError {
            throw error
        } catch let error as StageError {
            throw error
        } catch let error as any RoomFault where error.isForWantOfRoom {
            throw error
        } catch let error as KeyError {
            throw error
        } catch { throw StageError.configuration("\(error)") }
    }

    @StageActor
    private static func run(
        post: Post, outcome: Outcome, context: StageContext, hasHub: Bool, lock: StateLock, meters: StageMeters,
        _ make: @StageActor () throws -> any Stage
    ) async throws {
        let log = context.log
        let stage = try named(make)
        let own = AuditEntry.name(of: context.identity.signing.verifyingKey)
        log.tell(.stageStarted, [.card: .text(own), .process: .number(Int(getpid()))])
        log.tell(.keysKnown, [.cards: .list(context.identity.fingerprints.map { .text($0) })])
        do {
            try await StageRuntime(stage, context: context, hasHub: hasHub, outcome: outcome).run(
                over: post, pulse: Pulse(lock), meters: meters
            ) {
                try lock.note(.ready)
                log.tell(.stageReady)
                ServiceNotice.send("READY=1")
            }
            ServiceNotice.send("STOPPING=1")
            try lock.note(.stopping)
            if try context.lastRelease() != nil { sayRunIsOver(context.run) }
            log.tell(.stageStopped)
        } catch {
            log.tell(.stageFailed, [.reason: .text("\(error)")])
            throw error
        }
    }
}

extension StageMain {
    /// Tells the launcher why this stage ends and need not be started again.
    private static func sayRunIsOver(_ run: RunName) {
        ServiceNotice.send("STATUS=run \(run) is over\nX_TRIBUTARY_RUN=over")
    }
}
