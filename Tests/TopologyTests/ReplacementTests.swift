import Federation
import Testing
import Topology

@Suite("Replacing a stage's process")
struct ReplacementTests {
    private let stages: TwoStages
    private var encrypt: StageName { stages.encrypt }
    private var publish: StageName { stages.publish }
    private let limits = ReplacementLimits(standby: .seconds(10), drain: .seconds(5), takeover: .seconds(2))

    init() throws { stages = try TwoStages() }

    private func ready() -> Supervision { stages.ready() }

    /// A successor of encrypt's, process 7, stands by since second 1.
    private func standingBy() -> Supervision {
        var supervision = ready()
        #expect(supervision.handle(.replace(encrypt, limits), at: .zero) == [.spawnSuccessor(encrypt)])
        #expect(supervision.handle(.spawned(encrypt, pid: 7), at: .zero) == [])
        #expect(
            supervision.handle(.standingBy(pid: 7), at: .seconds(1)) == [
                .show(.replacement(encrypt, .standingBy(after: .seconds(1)))), .handOver(pid: 2),
            ])
        return supervision
    }

    private func phase(_ supervision: Supervision) -> Supervision.Phase? {
        supervision.children.first { $0.stage == encrypt }?.phase
    }

    @Test("the other is asked to hand over once the successor stands by, and the stage is the successor's once it has")
    func done() {
        var supervision = standingBy()
        #expect(phase(supervision) == .ready(pid: 2))
        #expect(
            supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2)) == [
                .show(.replacement(encrypt, .released(after: .seconds(1))))
            ])
        #expect(phase(supervision) == .starting(pid: 7))
        #expect(
            supervision.handle(.ready(pid: 7), at: .milliseconds(2050)) == [
                .replaced(encrypt, .done(pid: 7, gap: .milliseconds(50)))
            ])
        #expect(phase(supervision) == .ready(pid: 7))
        // From here on it is a process like any other.
        guard case .show(.restarting)? = supervision.handle(.ended(pid: 7, .signal(9)), at: .seconds(3)).first else {
            Issue.record("a stage that was replaced and then died is not started again")
            return
        }
    }

    @Test("a successor may be ready before the other's end is told")
    func readyFirst() {
        var supervision = standingBy()
        #expect(supervision.handle(.ready(pid: 7), at: .seconds(2)) == [])
        #expect(phase(supervision) == .ready(pid: 2))
        #expect(
            supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2)) == [
                .show(.replacement(encrypt, .released(after: .seconds(1)))),
                .replaced(encrypt, .done(pid: 7, gap: .zero)),
            ])
        #expect(phase(supervision) == .ready(pid: 7))
    }

    @Test("a successor that ends before it stands by disturbs nobody")
    func endsEarly() {
        var supervision = ready()
        _ = supervision.handle(.replace(encrypt, limits), at: .zero)
        _ = supervision.handle(.spawned(encrypt, pid: 7), at: .zero)
        #expect(
            supervision.handle(.ended(pid: 7, .exit(78)), at: .seconds(1)) == [
                .replaced(encrypt, .failed("the new process ended with exit status 78"))
            ])
        #expect(phase(supervision) == .ready(pid: 2))
        #expect(supervision.nextDeadline == nil)
    }

    @Test("a successor that cannot be started, or takes too long, is given up")
    func tooLong() {
        var supervision = ready()
        _ = supervision.handle(.replace(encrypt, limits), at: .zero)
        #expect(
            supervision.handle(.unstarted(encrypt, reason: "no such file"), at: .zero) == [
                .replaced(encrypt, .failed("no such file"))
            ])
        _ = supervision.handle(.replace(encrypt, limits), at: .zero)
        _ = supervision.handle(.spawned(encrypt, pid: 7), at: .zero)
        #expect(supervision.nextDeadline == .seconds(10))
        #expect(
            supervision.handle(.tick, at: .seconds(10)) == [
                .kill(pid: 7), .replaced(encrypt, .failed("the new process did not stand by within 10 s")),
            ])
        #expect(supervision.handle(.ended(pid: 7, .signal(9)), at: .seconds(10)) == [])
        #expect(phase(supervision) == .ready(pid: 2))
    }

    @Test("a successor that dies while the other finishes its work: the other is told to stay")
    func diesStandingBy() {
        var supervision = standingBy()
        #expect(supervision.handle(.ended(pid: 7, .signal(11)), at: .seconds(2)) == [.stay(pid: 2)])
        #expect(supervision.nextDeadline == .seconds(3))
        let failed = Supervision.Action.replaced(encrypt, .failed("the new process ended with signal 11"))
        #expect(supervision.handle(.tick, at: .seconds(3)) == [failed])
        #expect(phase(supervision) == .ready(pid: 2))
        // It lets go all the same, later: then it is started again, at once.
        #expect(supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(9)) == [.spawn(encrypt)])
    }

    @Test("a successor that took over and died before the other's end was told: the program before runs again")
    func diesBeforeTheOtherIsGone() {
        var supervision = standingBy()
        #expect(supervision.handle(.ended(pid: 7, .exit(5)), at: .seconds(2)) == [.stay(pid: 2)])
        let told = ReplacementResult.rolledBack("it ended with exit status 5 before it was ready")
        #expect(
            supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2)) == [
                .replaced(encrypt, told), .spawn(encrypt),
            ])
        #expect(supervision.children.first { $0.stage == encrypt }?.successor == nil)
    }

    @Test("a successor that dies, and the other with it: neither is said to run")
    func bothDie() {
        var supervision = standingBy()
        _ = supervision.handle(.ended(pid: 7, .exit(5)), at: .seconds(2))
        let actions = supervision.handle(.ended(pid: 2, .signal(9)), at: .seconds(2))
        #expect(actions.first == .replaced(encrypt, .failed("the new process ended with exit status 5")))
        #expect(actions.count == 2 && supervision.nextDeadline != nil)
    }

    @Test("a stage that does not come to an end is stopped, then killed; the successor takes over all the same")
    func force() {
        var supervision = standingBy()
        #expect(supervision.nextDeadline == .seconds(6))
        #expect(
            supervision.handle(.tick, at: .seconds(6)) == [
                .terminate(pid: 2), .show(.replacement(encrypt, .drainedByForce)),
            ])
        #expect(supervision.handle(.tick, at: .seconds(8)) == [.kill(pid: 2)])
        _ = supervision.handle(.ended(pid: 2, .signal(9)), at: .seconds(9))
        #expect(
            supervision.handle(.ready(pid: 7), at: .seconds(9)) == [.replaced(encrypt, .done(pid: 7, gap: .zero))])
    }

    @Test(
        "a successor that fails once it has taken over: the program before is started again", arguments: [false, true])
    func rollBack(hangs: Bool) {
        var supervision = standingBy()
        _ = supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2))
        if hangs { #expect(supervision.handle(.tick, at: .seconds(4)) == [.kill(pid: 7)]) }
        let reason = hangs ? "it was not ready within 2 s" : "it ended with exit status 5 before it was ready"
        #expect(
            supervision.handle(.ended(pid: 7, hangs ? .signal(9) : .exit(5)), at: .seconds(4)) == [
                .replaced(encrypt, .rolledBack(reason)), .spawn(encrypt),
            ])
        _ = supervision.handle(.spawned(encrypt, pid: 8), at: .seconds(4))
        _ = supervision.handle(.ready(pid: 8), at: .seconds(5))
        #expect(phase(supervision) == .ready(pid: 8))
    }

    @Test("a stage that dies by itself while its successor stands by is the successor's")
    func diesMeanwhile() {
        var supervision = standingBy()
        _ = supervision.handle(.ended(pid: 2, .signal(9)), at: .seconds(2))
        #expect(phase(supervision) == .starting(pid: 7))
    }

    @Test("the run ends meanwhile: nothing is rolled back, and the stage is done", arguments: [false, true])
    func runEnds(saidFirst: Bool) {
        var supervision = standingBy()
        if saidFirst { _ = supervision.handle(.runOver(pid: 7), at: .seconds(2)) }
        _ = supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2))
        if !saidFirst { _ = supervision.handle(.runOver(pid: 7), at: .seconds(2)) }
        let actions = supervision.handle(.ended(pid: 7, .exit(0)), at: .seconds(2))
        #expect(
            actions == [.replaced(encrypt, .refused("the run ended meanwhile")), .show(.runOver(encrypt))])
        #expect(phase(supervision) == .ended(.exit(0)))
    }

    @Test("the run ends meanwhile, and the successor's end is told first")
    func runEndsSuccessorFirst() {
        var supervision = standingBy()
        _ = supervision.handle(.runOver(pid: 7), at: .seconds(2))
        #expect(
            supervision.handle(.ended(pid: 7, .exit(0)), at: .seconds(2)) == [
                .replaced(encrypt, .refused("the run ended meanwhile"))
            ])
        #expect(supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2)) == [.show(.runOver(encrypt))])
        #expect(phase(supervision) == .ended(.exit(0)))
    }

    @Test("what is not ready, is being replaced, is unknown or is stopping is refused")
    func refusals() throws {
        var supervision = standingBy()
        #expect(
            supervision.handle(.replace(encrypt, limits), at: .zero) == [
                .replaced(encrypt, .refused("it is being replaced already"))
            ])
        let stranger = try StageName("south/encrypt")
        #expect(
            supervision.handle(.replace(stranger, limits), at: .zero) == [
                .replaced(stranger, .refused("it does not run on this host"))
            ])
        _ = supervision.handle(.ended(pid: 1, .signal(9)), at: .seconds(1))
        _ = supervision.handle(.tick, at: supervision.nextDeadline ?? .zero)
        guard case .replaced(publish, .refused)? = supervision.handle(.replace(publish, limits), at: .zero).first else {
            Issue.record("a stage that is just being started is to be replaced")
            return
        }
        let stopping = supervision.handle(.stop, at: .seconds(2))
        #expect(stopping.contains(.kill(pid: 7)))
        #expect(stopping.contains(.replaced(encrypt, .refused("everything is being stopped"))))
        guard case .replaced(encrypt, .refused)? = supervision.handle(.replace(encrypt, limits), at: .zero).first else {
            Issue.record("a stage is to be replaced while all are stopped")
            return
        }
    }

    // MARK: A stage that does not run

    /// How encrypt came to be down; in both cases its successor, process 7, has been started in second 3.
    private func down(_ end: ProcessEnd) -> Supervision {
        var supervision = ready()
        _ = supervision.handle(.ended(pid: 2, end), at: .seconds(2))
        #expect(supervision.handle(.replace(encrypt, limits), at: .seconds(3)) == [.spawnSuccessor(encrypt)])
        #expect(supervision.handle(.spawned(encrypt, pid: 7), at: .seconds(3)) == [])
        return supervision
    }

    /// Parked, and about to be started again.
    static let downs = [ProcessEnd.exit(78), .signal(11)]

    @Test(
        "a stage that is parked or waits for its next start is started by the new program, without a hand-over",
        arguments: downs)
    func revived(end: ProcessEnd) {
        var supervision = down(end)
        // The old program is not started meanwhile.
        #expect(supervision.handle(.tick, at: .seconds(4)) == [])
        #expect(
            supervision.handle(.standingBy(pid: 7), at: .seconds(4)) == [
                .show(.replacement(encrypt, .standingBy(after: .seconds(1))))
            ])
        #expect(phase(supervision) == .starting(pid: 7))
        #expect(
            supervision.handle(.ready(pid: 7), at: .seconds(5)) == [
                .replaced(encrypt, .revived(pid: 7, after: .seconds(2)))
            ])
        #expect(phase(supervision) == .ready(pid: 7))
        #expect(supervision.children.first { $0.stage == encrypt }?.failure == nil)
        #expect(supervision.nextDeadline == nil)
    }

    @Test("a new program that fails leaves the stage as it was: parked, or about to be started again", arguments: downs)
    func stillDown(end: ProcessEnd) {
        for standsBy in [false, true] {
            var supervision = down(end)
            if standsBy { _ = supervision.handle(.standingBy(pid: 7), at: .seconds(4)) }
            let actions = supervision.handle(.ended(pid: 7, .exit(5)), at: .seconds(5))
            let reason =
                standsBy
                ? "it ended with exit status 5 before it was ready" : "the new process ended with exit status 5"
            #expect(actions == [.replaced(encrypt, .stillDown(reason))])
            #expect(!supervision.isStopping)
            if end == .exit(78) {
                #expect(phase(supervision) == .ended(.exit(78)) && supervision.nextDeadline == nil)
                #expect(supervision.children.first { $0.stage == encrypt }?.failure != nil)
            } else {
                let next = supervision.nextDeadline ?? .zero
                #expect(supervision.handle(.tick, at: max(next, .seconds(5))) == [.spawn(encrypt)])
            }
        }
    }

    @Test("a new program that hangs is killed, and the stage is as it was", arguments: [false, true])
    func hangs(standsBy: Bool) {
        var supervision = down(.exit(78))
        if standsBy {
            _ = supervision.handle(.standingBy(pid: 7), at: .seconds(4))
            #expect(supervision.handle(.tick, at: .seconds(6)) == [.kill(pid: 7)])
            #expect(
                supervision.handle(.ended(pid: 7, .signal(9)), at: .seconds(7)) == [
                    .replaced(encrypt, .stillDown("it was not ready within 2 s"))
                ])
        } else {
            #expect(
                supervision.handle(.tick, at: .seconds(13)) == [
                    .kill(pid: 7),
                    .replaced(encrypt, .stillDown("the new process did not stand by within 10 s")),
                ])
        }
        #expect(phase(supervision) == .ended(.exit(78)))
    }

    @Test("the launcher does not end while a stage is about to be revived, and stops that too when all stop")
    func stopWhileReviving() {
        var supervision = down(.exit(78))
        #expect(!supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(4)).contains(.finish(0)))
        let actions = supervision.handle(.stop, at: .seconds(5))
        #expect(actions.contains(.kill(pid: 7)) && actions.contains(.finish(0)))
    }

    @Test("a stage of a run that is over is not revived")
    func over() {
        var supervision = ready()
        _ = supervision.handle(.runOver(pid: 2), at: .seconds(1))
        _ = supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(1))
        #expect(
            supervision.handle(.replace(encrypt, limits), at: .seconds(2)) == [
                .replaced(encrypt, .refused("the run is over"))
            ])
    }
}
