internal import CLinux
package import Configuration
package import Federation
internal import Dispatch
internal import Glibc
package import Keys
internal import Sodium
package import Topology

/// What a stage is given to make itself of.
package struct StageParts<StageConfiguration: Sendable>: Sendable {
    package let context: StageContext
    package let configuration: StageConfiguration
    package let topology: Topology
    package let keys: KeyStore
}

extension StageParts {
    /// The numbers of the federation's keys of sums that are here, newest first.
    package func sumKeys() -> [Int] { keys.sumKeys(of: topology.publish.cloud) }

    /// A key's public half as its file has it; the reader checks it as a stranger's.
    package func sumKeyText(_ number: Int) throws -> String {
        String(decoding: try keys.paillierPublic(number, of: topology.publish.cloud), as: UTF8.self)
    }
}

/// The one path that starts, runs and stops every stage.
package enum StageMain {
    /// Runs the stage of `kind` that the options name and exits the process with its status.
    package static func run<StageConfiguration: Configurable & Sendable>(
        _ kind: StageKind, options: StageOptions, configuration: StageConfiguration.Type,
        make: @escaping @StageActor @Sendable (StageParts<StageConfiguration>) throws -> any Stage
    ) async -> Never {
        do {
            try await start(kind, options, make)
            exit(ExitStatus.ok.rawValue)
        } catch let error as ConfigurationError {
            complain("\(error)")
            exit(ExitStatus.badConfiguration.rawValue)
        } catch let error as StageError {
            complain("tributary-\(kind): \(error)")
            exit(error.exitStatus.rawValue)
        } catch let error as FederationError {
            complain("tributary-\(kind): \(error)")
            exit(ExitStatus.badArguments.rawValue)
        } catch let error as KeyError {
            complain("tributary-\(kind): \(error)")
            exit(ExitStatus.badConfiguration.rawValue)
        } catch {
            complain("tributary-\(kind): \(error)")
            exit(ExitStatus.internal.rawValue)
        }
    }

    private static func start<StageConfiguration: Configurable & Sendable>(
        _ kind: StageKind, _ options: StageOptions,
        _ make: @escaping @StageActor @Sendable (StageParts<StageConfiguration>) throws -> any Stage
    ) async throws {
        // Secrets lie in this process: no core dump, no debugger of the same user.
        guard tributary_forbid_dumps() == 0 else { throw StageError.system("prctl(PR_SET_DUMPABLE)", errno) }
        tributary_return_memory()
        umask(0o077)  // whatever a stage writes is its user's alone
        let stage = StageName(cloud: try CloudName(options.cloud), kind: kind)
        let topology = try Topology.load(options.topology, state: options.state, present: [stage.cloud])
        guard let placed = topology.stage(stage) else {
            throw StageError.configuration("\(topology.file): cloud \(stage.cloud) has no stage \(kind)")
        }
        let configuration: StageConfiguration = try ConfigurationFile.read(at: placed.config)
        let keys = KeyStore(root: topology.keysPath)
        let plan = try PostPlan(topology: topology, keys: keys, stage: stage)
        let signing = try keys.signingKey(of: stage)
        if options.check { return }

        let signals = StopSignals()
        let directory = topology.stateFolder(of: stage)
        let lock = try StateLock(directory)
        defer { lock.release() }
        let journal = try Journal(directory: directory)
        let log = EventLog(stage: stage, run: topology.run, level: options.logLevel)
        if try journal.read({ try $0.isRunOver() }) {
            log.info("run_is_over", ["reason": .text("this stage has nothing left to do in run \(topology.run)")])
            sayRunIsOver(topology.run)
            return try journal.close()
        }
        let epoch = try journal.write { entry in
            // Everything in a journal belongs to one run: its rounds, its spent names, its adapter.
            let run = try entry.fact("run").map { String(decoding: $0, as: UTF8.self) } ?? topology.run.description
            guard run == topology.run.description else {
                throw StageError.state(
                    "\(directory) holds run \(run), the topology names run \(topology.run): give it a --state of its own"
                )
            }
            try entry.setFact("run", Array(run.utf8))
            let last = try entry.fact("epoch").map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } } ?? 0
            let next = last + 1
            try entry.setFact("epoch", (0..<8).reversed().map { UInt8(truncatingIfNeeded: next >> ($0 * 8)) })
            return next
        }
        let verifying = try Dictionary(keys.allCards().map { ($0.stage, $0.verifying) }) { first, _ in first }
        let identity = StageIdentity(
            stage: stage, run: topology.run, epoch: epoch, signing: signing, dials: Set(plan.dials.map(\.hub)),
            keys: verifying)
        let post = try Post(plan)
        let outcome = Outcome()
        signals.onStop { outcome.set(.success(())) }
        try await run(
            post: post, outcome: outcome,
            parts: StageParts(
                context: StageContext(
                    identity: identity, journal: journal, log: log, publisher: topology.publish, post: post,
                    finish: outcome.set),
                configuration: configuration, topology: topology, keys: keys),
            hasHub: plan.hub != nil, make)
        post.stop()
        try journal.close()
    }

    /// What a stage is made of are files that its config names, so whatever is wrong then is wrong with them.
    @StageActor
    private static func made<StageConfiguration: Sendable>(
        _ parts: StageParts<StageConfiguration>,
        _ make: @StageActor (StageParts<StageConfiguration>) throws -> any Stage
    ) throws -> any Stage {
        do {
            return try make(parts)
        } catch let error as ConfigurationError {
            throw error
        } catch let error as StageError {
            throw error
        } catch let error as KeyError {
            throw error
        } catch { throw StageError.configuration("\(error)") }
    }

    @StageActor
    private static func run<StageConfiguration: Sendable>(
        post: Post, outcome: Outcome, parts: StageParts<StageConfiguration>, hasHub: Bool,
        _ make: @StageActor (StageParts<StageConfiguration>) throws -> any Stage
    ) async throws {
        let log = parts.context.log
        let stage = try made(parts, make)
        log.info("stage_started", ["epoch": .number(Int(parts.context.identity.epoch)), "pid": .number(Int(getpid()))])
        do {
            try await StageRuntime(context: parts.context, post: post, hasHub: hasHub, outcome: outcome).run(stage) {
                log.info("stage_ready")
                ServiceNotice.send("READY=1")
            }
            ServiceNotice.send("STOPPING=1")
            if try parts.context.lastRelease() != nil { sayRunIsOver(parts.context.run) }
            log.info("stage_stopped")
        } catch {
            log.error("stage_failed", ["reason": .text("\(error)")])
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

/// SIGTERM and SIGINT ask to stop in order; the second one is obeyed at once. SIGPIPE means nothing here.
private final class StopSignals: Sendable {
    // The sources live as long as the process; they are only made and never read.
    nonisolated(unsafe) private var sources: [any DispatchSourceSignal] = []

    init() { signal(SIGPIPE, SIG_IGN) }

    func onStop(_ body: @escaping @Sendable () -> Void) {
        let asked = DispatchQueue(label: "signals")
        nonisolated(unsafe) var count = 0  // only the serial queue above touches it
        for number in [SIGTERM, SIGINT] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: asked)
            source.setEventHandler {
                count += 1
                if count > 1 { _exit(128 + number) }
                body()
            }
            source.resume()
            sources.append(source)
        }
    }
}
