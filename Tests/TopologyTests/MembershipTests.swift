import Federation
import Testing
import Topology

@Suite("Stages that come and go while others run")
struct MembershipTests {
    private let stages: TwoStages
    private let aggregate: StageName
    private var encrypt: StageName { stages.encrypt }
    private var publish: StageName { stages.publish }

    init() throws {
        stages = try TwoStages()
        aggregate = try StageName("west/aggregate")
    }

    private func ready() -> Supervision { stages.ready() }

    @Test("A stage that is added is started, and is one like any other once it is ready")
    func added() {
        var supervision = ready()
        #expect(supervision.handle(.add(aggregate), at: .seconds(1)) == [.spawn(aggregate)])
        #expect(supervision.children.map(\.stage) == [publish, aggregate, encrypt])
        #expect(supervision.handle(.spawned(aggregate, pid: 3), at: .seconds(1)) == [])
        #expect(
            supervision.handle(.ready(pid: 3), at: .seconds(2)) == [
                .show(.ready(aggregate, .seconds(1))), .added(aggregate, .done(pid: 3, after: .seconds(1))),
            ])
        guard case .show(.restarting)? = supervision.handle(.ended(pid: 3, .signal(9)), at: .seconds(3)).first else {
            Issue.record("a stage that was added and then died is not started again")
            return
        }
        #expect(supervision.handle(.add(encrypt), at: .seconds(3)) == [.added(encrypt, .refused("it runs already"))])
    }

    @Test("A stage that fails before it is ready is taken away again, and the others go on")
    func fails() {
        var supervision = ready()
        _ = supervision.handle(.add(aggregate), at: .zero)
        _ = supervision.handle(.spawned(aggregate, pid: 3), at: .zero)
        #expect(
            supervision.handle(.ended(pid: 3, .exit(78)), at: .seconds(1)) == [
                .added(aggregate, .failed("it ended with exit status 78 before it was ready"))
            ])
        #expect(supervision.children.map(\.stage) == [publish, encrypt])
        #expect(!supervision.isStopping)
        _ = supervision.handle(.add(aggregate), at: .seconds(2))
        #expect(
            supervision.handle(.unstarted(aggregate, reason: "no such file"), at: .seconds(2)) == [
                .added(aggregate, .failed("no such file"))
            ])
    }

    @Test("A stage that is removed is stopped, killed if it does not, and forgotten")
    func removed() {
        var supervision = ready()
        #expect(supervision.handle(.remove(encrypt), at: .seconds(1)) == [.terminate(pid: 2)])
        #expect(supervision.nextDeadline == .seconds(6))
        #expect(supervision.handle(.tick, at: .seconds(6)) == [.kill(pid: 2), .show(.killed(encrypt))])
        #expect(supervision.handle(.ended(pid: 2, .signal(9)), at: .seconds(7)) == [.removed(encrypt)])
        #expect(supervision.children.map(\.stage) == [publish])
        // What is not there, or does not run, is gone at once.
        #expect(supervision.handle(.remove(encrypt), at: .seconds(8)) == [.removed(encrypt)])
    }

    @Test("Nothing is added while everything is being stopped, and what is coming then is stopped too")
    func stopping() {
        var supervision = ready()
        _ = supervision.handle(.add(aggregate), at: .zero)
        _ = supervision.handle(.spawned(aggregate, pid: 3), at: .zero)
        _ = supervision.handle(.stop, at: .seconds(1))
        #expect(
            supervision.handle(.add(aggregate), at: .seconds(1)) == [
                .added(aggregate, .refused("everything is being stopped"))
            ])
        #expect(supervision.handle(.ended(pid: 2, .exit(0)), at: .seconds(2)) == [.terminate(pid: 3)])
        #expect(supervision.handle(.ended(pid: 3, .exit(0)), at: .seconds(3)) == [.terminate(pid: 1)])
        #expect(supervision.handle(.ended(pid: 1, .exit(0)), at: .seconds(4)) == [.finish(0)])
    }
}
