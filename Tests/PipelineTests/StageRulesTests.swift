import CTracee
import Federation
import Foundation
import Glibc
import Testing
import Topology

extension PipelineSuite {
    /// What somebody could do who has broken into a stage: the real process of each kind, with its own rules and in use, and calls made in
    /// its name (ptrace(2)); beside it the same without confinement.
    @Suite("A stage's own rules")
    struct StageRulesTests {
        private enum Guard {
            /// Landlock of this version or a later one.
            case landlock(Int)
            case seccomp
        }

        private struct Attempt {
            let name: String
            /// Nil for what the stage's rules give it.
            let guarded: Guard?
            let call: (CallsWithin) -> Int
        }

        /// What the kernel answered to each, and what it has to confine a stage with.
        private struct Outcome {
            let answers: [String: Int]
            var landlock = 0
            var isFiltered = false
        }

        /// A run with one stage of the kind, ready and alone.
        private func outcome(of kind: StageKind, confined: Bool) async throws -> (Outcome, [Attempt]) {
            let run = try FederationRun(.init(keys: .publisher, stays: 24))
            let stage = kind < .aggregate ? run.stage(kind, "north") : run.stage(kind, "office")
            if confined {
                try run.start(stage)
            } else {
                try run.start(
                    stage, program: "tributary-\(kind)",
                    [
                        "--topology", "\(run.root)/topology.yaml", "--cloud", "\(stage.cloud)", "--state",
                        run.topology.statePath, "--unconfined",
                    ])
            }
            try await run.event("stage_ready", of: stage)
            var landlock = 0
            var isFiltered = false
            if confined {
                let event = try await run.event("confined", of: stage)
                landlock = Int(event.fields["landlock"] ?? "") ?? 0
                isFiltered = event.line.contains("\"seccomp\":true")
            }
            let (listener, sleeper) = (try Listener(), try Sleeper())
            let attempts = try attempts(of: stage, in: run, port: listener.port, sleeper: sleeper.pid)
            let answers = try CallsWithin.all(attempts.map { ($0.name, $0.call) }, of: run.pid(of: stage))
            if confined {
                // It has not noticed: it goes on, and ends as it should.
                run.signal(SIGTERM, to: stage)
                let end = try await run.event("exited", of: stage)
                #expect(end.fields["status"] == "0", "\(stage)")
            }
            return (Outcome(answers: answers, landlock: landlock, isFiltered: isFiltered), attempts)
        }

        private func attempts(of stage: StageName, in run: FederationRun, port: UInt16, sleeper: pid_t) throws
            -> [Attempt]
        {
            let topology = run.topology
            func tables(of cloud: String) throws -> String {
                let folder = "\(run.root)/tables/\(cloud)"
                let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                return "\(folder)/\(try #require(names.first))"
            }
            let elsewhere = "\(run.root)/elsewhere"
            try run.write([1], elsewhere)
            let other = StageName(cloud: stage.cloud, kind: stage.kind == .aggregate ? .publish : .aggregate)
            let neighbour =
                "\(topology.stateFolder(of: stage.kind < .aggregate ? run.stage(stage.kind == .encrypt ? .ingest : .encrypt, "north") : other))"
            try FileManager.default.createDirectory(atPath: neighbour, withIntermediateDirectories: true)
            try run.write([1], "\(neighbour)/journal.sqlite")
            let secrets = "\(topology.keysPath)/secret/west"
            let secret =
                "\(secrets)/\(try #require(FileManager.default.contentsOfDirectory(atPath: secrets).sorted().first))"
            func read(_ name: String, _ path: String, isGiven: Bool = false) -> Attempt {
                Attempt(name: name, guarded: isGiven ? nil : .landlock(1)) { $0.open(path, O_RDONLY) }
            }
            var attempts = [
                // What it needs: the injection works, and the rules are its own.
                read("its journal", "\(topology.stateFolder(of: stage))/journal.sqlite", isGiven: true),
                read("the topology", "\(run.root)/topology.yaml", isGiven: true),
                read("its cloud's tables", try tables(of: "north"), isGiven: stage.kind == .ingest),
                read("another cloud's tables", try tables(of: "west")),
                read("the journal of a stage beside it", "\(neighbour)/journal.sqlite"),
                // Publish sees all that lies in the folder of keys, as the choice of a key of sums does.
                read("another cloud's secret keys", secret, isGiven: stage.kind == .publish),
                read("a file elsewhere", elsewhere),
                Attempt(name: "a file elsewhere, written", guarded: .landlock(1)) { $0.open(elsewhere, O_WRONLY) },
                Attempt(name: "a file elsewhere, made", guarded: .landlock(1)) {
                    $0.open("\(elsewhere).made", O_WRONLY | O_CREAT)
                },
                Attempt(name: "the topology, written", guarded: .landlock(1)) {
                    $0.open("\(run.root)/topology.yaml", O_WRONLY)
                },
                Attempt(name: "a port that is no hub's", guarded: .landlock(4)) { $0.connect(port) },
                Attempt(name: "a port of its own, bound", guarded: .landlock(4)) { $0.bindAny() },
                Attempt(name: "a signal to whoever started it", guarded: .landlock(6)) {
                    $0.call(Int(TRIBUTARY_KILL), Int(getpid()), 0)
                },
                Attempt(name: "a socket of packets", guarded: .seccomp) {
                    $0.closing($0.call(Int(TRIBUTARY_SOCKET), Int(AF_PACKET), Int(SOCK_DGRAM.rawValue), 0))
                },
                Attempt(name: "another process, traced", guarded: .seccomp) {
                    $0.call(Int(TRIBUTARY_PTRACE), 16 /* PTRACE_ATTACH */, Int(sleeper), 0, 0)
                },
                Attempt(name: "another process's memory", guarded: .seccomp) {
                    $0.call(Int(TRIBUTARY_PROCESS_VM_READV), Int(sleeper), 0, 0, 0, 0, 0)
                },
                Attempt(name: "another root", guarded: .seccomp) { $0.call(Int(TRIBUTARY_CHROOT), $0.lay("/")) },
            ]
            // The last one: where it works the process is another program.
            attempts.append(
                Attempt(name: "another program", guarded: .seccomp) { within in
                    let path = within.lay("/bin/true")
                    let words = within.lay([path, 0])
                    return within.call(Int(TRIBUTARY_EXECVE), path, words, 0)
                })
            return attempts
        }

        @Test(
            "Each kind, in use, is refused by the kernel what its rules do not give it, and goes on; unconfined it is not",
            .enabled(if: CallsWithin.isPossible, "root may make calls in another process's name, on x86-64"),
            arguments: StageKind.allCases)
        func rules(kind: StageKind) async throws {
            let (free, _) = try await outcome(of: kind, confined: false)
            let (bound, attempts) = try await outcome(of: kind, confined: true)
            for attempt in attempts {
                let (without, with) = (free.answers[attempt.name] ?? .min, bound.answers[attempt.name] ?? .min)
                #expect(without >= 0, "\(kind), \(attempt.name), unconfined: \(-without)")
                // What the kernel does not have is said by the stage, and is not tested.
                switch attempt.guarded {
                case nil: #expect(with >= 0, "\(kind), \(attempt.name): \(-with)")
                case .landlock(let version) where bound.landlock >= version:
                    #expect(with == -Int(version >= 6 ? EPERM : EACCES), "\(kind), \(attempt.name): \(-with)")
                case .seccomp where bound.isFiltered:
                    #expect(with == -Int(EPERM), "\(kind), \(attempt.name): \(-with)")
                case .landlock, .seccomp: break
                }
            }
            #expect(attempts.count { $0.guarded == nil } >= 2)
        }
    }
}

/// System calls that another process makes without wanting to. To be used on one thread, without a pause.
private struct CallsWithin {
    private let tracee: OpaquePointer

    static var isPossible: Bool {
        #if arch(x86_64)
            geteuid() == 0
        #else
            false
        #endif
    }

    /// The answers to all of them, by their names; the process goes on afterwards.
    static func all(_ attempts: [(name: String, call: (CallsWithin) -> Int)], of process: pid_t) throws
        -> [String: Int]
    {
        guard let tracee = tributary_hold(process) else {
            throw FederationRun.Failure(
                description: "process \(process) cannot be held: \(String(cString: strerror(errno)))")
        }
        defer { tributary_release(tracee) }
        let within = CallsWithin(tracee: tracee)
        return Dictionary(uniqueKeysWithValues: attempts.map { ($0.name, $0.call(within)) })
    }

    func call(_ number: Int, _ arguments: Int...) -> Int {
        tributary_call(tracee, number, arguments + [Int](repeating: 0, count: 6 - arguments.count))
    }

    /// Where the bytes of a text, with a zero behind it, or of words lie in the process.
    func lay(_ text: String) -> Int { text.withCString { tributary_lay(tracee, $0, strlen($0) + 1) } }
    func lay(_ words: [Int]) -> Int {
        words.withUnsafeBytes { tributary_lay(tracee, $0.baseAddress, $0.count) }
    }

    /// Closes what a call has opened, and answers what that answered.
    func closing(_ descriptor: Int) -> Int {
        if descriptor >= 0 { _ = call(Int(TRIBUTARY_CLOSE), descriptor) }
        return descriptor
    }

    func open(_ path: String, _ flags: Int32) -> Int {
        closing(call(Int(TRIBUTARY_OPENAT), Int(AT_FDCWD), lay(path), Int(flags), 0o600))
    }

    func connect(_ port: UInt16) -> Int { withAddress(port, Int(TRIBUTARY_CONNECT)) }

    /// Any port that is free.
    func bindAny() -> Int { withAddress(0, Int(TRIBUTARY_BIND)) }

    private func withAddress(_ port: UInt16, _ number: Int) -> Int {
        let socket = call(Int(TRIBUTARY_SOCKET), Int(AF_INET), Int(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return socket }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let place = withUnsafeBytes(of: &address) { tributary_lay(tracee, $0.baseAddress, $0.count) }
        let answer = call(number, socket, place, MemoryLayout<sockaddr_in>.size)
        _ = closing(socket)
        return answer
    }
}

/// A process of nobody's, to be meddled with; gone with the object.
private final class Sleeper {
    let pid: pid_t

    init() throws {
        var pid: pid_t = 0
        var words: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sleep"), strdup("600"), nil]
        defer { for word in words { free(word) } }
        let result = posix_spawn(&pid, "/bin/sleep", nil, nil, &words, environ)
        guard result == 0 else { throw FederationRun.Failure(description: "no process to meddle with: \(result)") }
        self.pid = pid
    }

    deinit {
        kill(pid, SIGKILL)
        while waitpid(pid, nil, 0) < 0, errno == EINTR {}
    }
}
