import Federation
import Testing
import Topology

@Suite("Supervision of stages")
struct SupervisionTests {
    private let publish: StageName
    private let aggregate: StageName
    private let encrypt: StageName
    private let ingest: StageName

    init() throws {
        publish = try StageName("release/publish")
        aggregate = try StageName("coordinator/aggregate")
        encrypt = try StageName("north/encrypt")
        ingest = try StageName("north/ingest")
    }

    /// All four running as processes 1 to 4, in the order of their start.
    private func running(_ policy: RestartPolicy = RestartPolicy()) -> Supervision {
        var supervision = Supervision(
            stages: [ingest, encrypt, aggregate, publish], policy: policy, grace: .seconds(5))
        for (pid, action) in supervision.handle(.start, at: .zero).enumerated() {
            guard case .spawn(let stage) = action else { continue }
            _ = supervision.handle(.spawned(stage, pid: Int32(pid + 1)), at: .zero)
        }
        return supervision
    }

    private func ready(_ policy: RestartPolicy = RestartPolicy()) -> Supervision {
        var supervision = running(policy)
        for pid in 1...4 { _ = supervision.handle(.ready(pid: Int32(pid)), at: .milliseconds(10)) }
        return supervision
    }

    @Test("stages are started consumers first, all at once")
    func order() {
        var supervision = Supervision(stages: [ingest, aggregate, encrypt, publish])
        #expect(
            supervision.handle(.start, at: .zero) == [
                .spawn(publish), .spawn(aggregate), .spawn(encrypt), .spawn(ingest),
            ])
    }

    @Test("a stage is shown as ready when every one before it is")
    func shownInOrder() {
        var supervision = running()
        #expect(supervision.handle(.ready(pid: 2), at: .milliseconds(10)) == [])
        #expect(supervision.handle(.ready(pid: 4), at: .milliseconds(11)) == [])
        #expect(
            supervision.handle(.ready(pid: 1), at: .milliseconds(20)) == [
                .show(.ready(publish, .milliseconds(20))), .show(.ready(aggregate, .milliseconds(10))),
            ])
        #expect(
            supervision.handle(.ready(pid: 3), at: .milliseconds(30)) == [
                .show(.ready(encrypt, .milliseconds(30))), .show(.ready(ingest, .milliseconds(11))),
                .show(.allReady(.milliseconds(30))),
            ])
    }

    @Test("readiness of a process that is not a child changes nothing")
    func foreignReady() {
        var supervision = running()
        #expect(supervision.handle(.ready(pid: 99), at: .zero) == [])
        #expect(supervision.children.allSatisfy { $0.timeToReady == nil })
    }

    @Test("a stage that dies is started again after a wait that doubles, up to a ceiling")
    func backoff() {
        var supervision = ready(RestartPolicy(first: .milliseconds(100), ceiling: .milliseconds(300)))
        var now = Duration.seconds(1)
        var pid: Int32 = 3
        for (turn, wait) in [100, 200, 300, 300].enumerated() {
            let actions = supervision.handle(.ended(pid: pid, .signal(9)), at: now)
            #expect(actions == [.show(.restarting(encrypt, .signal(9), wait: .milliseconds(wait)))])
            #expect(supervision.nextDeadline == now + .milliseconds(wait))
            #expect(supervision.handle(.tick, at: now + .milliseconds(wait - 1)) == [])
            now += .milliseconds(wait)
            #expect(supervision.handle(.tick, at: now) == [.spawn(encrypt)])
            pid = Int32(100 + turn)
            #expect(supervision.handle(.spawned(encrypt, pid: pid), at: now) == [])
        }
        #expect(
            supervision.handle(.ready(pid: pid), at: now + .milliseconds(5)) == [
                .show(.recovered(encrypt, .milliseconds(5)))
            ])
        #expect(supervision.children.first { $0.stage == encrypt }?.restarts == 4)
    }

    @Test("a long good life resets the wait")
    func patience() {
        var supervision = ready()
        _ = supervision.handle(.ended(pid: 3, .exit(5)), at: .seconds(1))
        _ = supervision.handle(.tick, at: .seconds(2))
        _ = supervision.handle(.spawned(encrypt, pid: 30), at: .seconds(2))
        _ = supervision.handle(.ready(pid: 30), at: .seconds(2))
        let actions = supervision.handle(.ended(pid: 30, .exit(5)), at: .seconds(60))
        #expect(actions == [.show(.restarting(encrypt, .exit(5), wait: .milliseconds(100)))])
    }

    @Test("a clean end is not started again; when all have ended so, the launcher ends with 0")
    func clean() {
        var supervision = ready()
        #expect(supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(1)) == [.show(.completed(publish))])
        #expect(supervision.nextDeadline == nil)
        for pid in 2...3 { _ = supervision.handle(.ended(pid: Int32(pid), .exit(0)), at: .seconds(1)) }
        #expect(
            supervision.handle(.ended(pid: 4, .exit(0)), at: .seconds(1)) == [.show(.completed(ingest)), .finish(0)])
    }

    @Test(
        "before all are ready, a wrong configuration or wrong arguments stop everything, and are the launcher's status",
        arguments: [Int32(1), 2, 78, 4])
    func final(status: Int32) {
        var supervision = running()
        let actions = supervision.handle(.ended(pid: 2, .exit(status)), at: .seconds(1))
        #expect(actions == [.show(.failed(aggregate, .exit(status))), .show(.stopping), .terminate(pid: 4)])
        _ = supervision.handle(.ended(pid: 4, .exit(0)), at: .seconds(1))
        _ = supervision.handle(.ended(pid: 3, .exit(0)), at: .seconds(1))
        #expect(supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(1)) == [.finish(status)])
    }

    @Test(
        "once all have been ready, the same park their own stage: the others go on, and nothing starts it again",
        arguments: [ProcessEnd.exit(1), .exit(2), .exit(78), .exit(4)])
    func parked(end: ProcessEnd) throws {
        var supervision = ready()
        #expect(supervision.handle(.ended(pid: 2, end), at: .seconds(1)) == [.show(.parked(aggregate, end))])
        #expect(supervision.nextDeadline == nil && !supervision.isStopping)
        let failure = try #require(supervision.children.first { $0.stage == aggregate }?.failure)
        #expect(failure.text.contains("\(end)") && failure.since == .seconds(1))
        #expect(failure.remedy(for: aggregate).contains("`tributary swap aggregate@coordinator`"))
        // Asked to stop, the launcher ends as it was asked.
        _ = supervision.handle(.stop, at: .seconds(2))
        for pid in [Int32(4), 3] { _ = supervision.handle(.ended(pid: pid, .exit(0)), at: .seconds(3)) }
        #expect(supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(3)) == [.finish(0)])
    }

    @Test(
        "where somebody waits for the run, a stage that fails stops everything whenever it does",
        arguments: [false, true])
    func failFast(isFinal: Bool) {
        var supervision = Supervision(
            stages: [encrypt, publish], policy: RestartPolicy(limit: 1), grace: .seconds(5), failsFast: true)
        for (pid, stage) in [(Int32(1), publish), (2, encrypt)] {
            _ = supervision.handle(.spawned(stage, pid: pid), at: .zero)
            _ = supervision.handle(.ready(pid: pid), at: .zero)
        }
        let end: ProcessEnd = isFinal ? .exit(78) : .signal(11)
        let told: Supervision.Notice = isFinal ? .failed(encrypt, end) : .gaveUp(encrypt, end, count: 1)
        #expect(
            supervision.handle(.ended(pid: 2, end), at: .seconds(1)) == [
                .show(told), .show(.stopping), .terminate(pid: 1),
            ])
        #expect(supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(2)) == [.finish(isFinal ? 78 : 1)])
    }

    @Test("publish's word that the run has failed ends everything, whenever it comes")
    func runFailed() {
        var supervision = ready()
        let actions = supervision.handle(.ended(pid: 1, .exit(1)), at: .seconds(1))
        #expect(actions == [.show(.failed(publish, .exit(1))), .show(.stopping), .terminate(pid: 4)])
        for pid in [Int32(4), 3] { _ = supervision.handle(.ended(pid: pid, .exit(0)), at: .seconds(1)) }
        #expect(supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(1)) == [.finish(1)])
    }

    @Test("publish itself is parked by what is wrong with it alone, and the launcher ends with that once none is left")
    func allParked() {
        var supervision = ready()
        #expect(supervision.handle(.ended(pid: 1, .exit(78)), at: .seconds(1)) == [.show(.parked(publish, .exit(78)))])
        for pid in [Int32(2), 3] { _ = supervision.handle(.ended(pid: pid, .exit(2)), at: .seconds(2)) }
        #expect(
            supervision.handle(.ended(pid: 4, .exit(2)), at: .seconds(3)) == [
                .show(.parked(ingest, .exit(2))), .finish(78),
            ])
    }

    @Test("a run that is over has not failed because a stage was parked: it is named as left behind")
    func parkedAtEnd() {
        var supervision = ready()
        _ = supervision.handle(.ended(pid: 3, .exit(78)), at: .seconds(1))
        _ = leave(4, &supervision, at: .seconds(2))
        _ = leave(2, &supervision, at: .seconds(2))
        #expect(
            leave(1, &supervision, at: .seconds(3)) == [
                .show(.runOver(publish)), .show(.leftBehind([encrypt])), .finish(0),
            ])
    }

    /// Ends as a stage that has heard that the run is over.
    private func leave(_ pid: Int32, _ supervision: inout Supervision, at now: Duration) -> [Supervision.Action] {
        #expect(supervision.handle(.runOver(pid: pid), at: now) == [])
        return supervision.handle(.ended(pid: pid, .exit(0)), at: now)
    }

    @Test("when every stage has heard that the run is over, the launcher says so and ends with 0")
    func runOver() {
        var supervision = ready()
        for (pid, stage) in [(Int32(4), ingest), (3, encrypt), (2, aggregate)] {
            #expect(leave(pid, &supervision, at: .seconds(1)) == [.show(.runOver(stage))])
        }
        #expect(supervision.nextDeadline == nil)
        #expect(
            leave(1, &supervision, at: .seconds(1)) == [.show(.runOver(publish)), .show(.allOver), .finish(0)])
    }

    @Test("a stage that has not heard the end of the run is stopped some time after publish has left")
    func leftBehind() {
        var supervision = ready()
        _ = leave(2, &supervision, at: .seconds(1))
        _ = leave(4, &supervision, at: .seconds(1))
        // Publish still waits for it: it may be started again, and hear.
        #expect(supervision.nextDeadline == nil)
        #expect(leave(1, &supervision, at: .seconds(100)) == [.show(.runOver(publish))])
        #expect(supervision.nextDeadline == .seconds(130))
        #expect(supervision.handle(.tick, at: .seconds(129)) == [])
        #expect(
            supervision.handle(.tick, at: .seconds(130)) == [
                .show(.leftBehind([encrypt])), .show(.stopping), .terminate(pid: 3),
            ])
        #expect(supervision.handle(.ended(pid: 3, .signal(15)), at: .seconds(131)) == [.finish(0)])
    }

    @Test("a cloud without publish knows from any of its stages that the run is over")
    func cloudAlone() {
        var supervision = Supervision(stages: [ingest, encrypt])
        for (pid, stage) in [(Int32(1), encrypt), (2, ingest)] {
            _ = supervision.handle(.spawned(stage, pid: pid), at: .zero)
        }
        #expect(leave(2, &supervision, at: .seconds(5)) == [.show(.runOver(ingest))])
        // Killed and waiting for its restart when the time is over.
        _ = supervision.handle(.ended(pid: 1, .signal(9)), at: .milliseconds(34_950))
        #expect(
            supervision.handle(.tick, at: .seconds(35)) == [
                .show(.leftBehind([encrypt])), .show(.stopping), .finish(0),
            ])
    }

    @Test("a stage that was only asked to stop has not ended the run")
    func onlyStopped() {
        var supervision = ready()
        _ = supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(1))
        #expect(supervision.nextDeadline == nil)
    }

    @Test("what fails again and again before all are ready is given up")
    func givesUp() {
        var supervision = running(RestartPolicy(limit: 2))
        _ = supervision.handle(.ended(pid: 3, .exit(5)), at: .seconds(1))
        _ = supervision.handle(.tick, at: .seconds(2))
        _ = supervision.handle(.spawned(encrypt, pid: 30), at: .seconds(2))
        let actions = supervision.handle(.ended(pid: 30, .exit(5)), at: .seconds(2))
        #expect(actions == [.show(.gaveUp(encrypt, .exit(5), count: 2)), .show(.stopping), .terminate(pid: 4)])
    }

    @Test("afterwards it rests for minutes between two starts, the others go on, and a good life is a fresh count")
    func rests() {
        var supervision = ready(RestartPolicy(limit: 2, rest: .seconds(300)))
        var (now, pid) = (Duration.seconds(1), Int32(3))
        func again() {
            now = supervision.nextDeadline ?? now
            #expect(supervision.handle(.tick, at: now) == [.spawn(encrypt)])
            pid += 100
            _ = supervision.handle(.spawned(encrypt, pid: pid), at: now)
        }
        _ = supervision.handle(.ended(pid: pid, .exit(5)), at: now)
        for count in 2...4 {
            again()
            let actions = supervision.handle(.ended(pid: pid, .exit(5)), at: now)
            #expect(actions == [.show(.resting(encrypt, .exit(5), count: count, wait: .seconds(300)))])
            #expect(supervision.nextDeadline == now + .seconds(300) && !supervision.isStopping)
        }
        let failure = supervision.children.first { $0.stage == encrypt }?.failure
        #expect(
            failure?.text.contains("ended 4 times in a row") == true && failure?.text.contains("every 5 min") == true)
        #expect(failure?.since == .milliseconds(1100))
        again()
        #expect(supervision.handle(.ready(pid: pid), at: now) == [.show(.recovered(encrypt, .zero))])
        #expect(supervision.children.first { $0.stage == encrypt }?.failure == nil)
        let actions = supervision.handle(.ended(pid: pid, .exit(5)), at: now + .seconds(40))
        #expect(actions == [.show(.restarting(encrypt, .exit(5), wait: .milliseconds(100)))])
    }

    @Test("stages stop producers first, each kind after the one before it has ended")
    func stopOrder() {
        var supervision = ready()
        #expect(supervision.handle(.stop, at: .seconds(1)) == [.show(.stopping), .terminate(pid: 4)])
        #expect(supervision.handle(.ended(pid: 4, .exit(0)), at: .seconds(1)) == [.terminate(pid: 3)])
        #expect(supervision.handle(.ended(pid: 3, .signal(15)), at: .seconds(1)) == [.terminate(pid: 2)])
        #expect(supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(1)) == [.terminate(pid: 1)])
        #expect(supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(1)) == [.finish(0)])
    }

    @Test("past the deadline, or at a second stop, what still runs is killed")
    func killed() {
        var late = ready()
        _ = late.handle(.stop, at: .seconds(1))
        #expect(late.nextDeadline == .seconds(6))
        #expect(late.handle(.tick, at: .seconds(5)) == [])
        #expect(late.handle(.tick, at: .seconds(6)).filter { if case .kill = $0 { true } else { false } }.count == 4)

        var impatient = ready()
        _ = impatient.handle(.stop, at: .seconds(1))
        #expect(impatient.handle(.stop, at: .seconds(1)) == (1...4).map { .kill(pid: $0) })
    }

    @Test("a stage that waits for its restart when all stop is not started again")
    func stopWhileBackingOff() {
        var supervision = ready()
        _ = supervision.handle(.ended(pid: 3, .exit(5)), at: .seconds(1))
        _ = supervision.handle(.stop, at: .seconds(1))
        #expect(supervision.handle(.tick, at: .seconds(3)) == [])
    }

    @Test("a program that cannot be started stops everything")
    func unstarted() {
        var supervision = running()
        let actions = supervision.handle(.unstarted(encrypt, reason: "no such file"), at: .zero)
        #expect(actions.first == .show(.failed(encrypt, .unstarted("no such file"))))
    }
}
