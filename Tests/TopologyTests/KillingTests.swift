import Federation
import Testing
import Topology

@Suite("Processes that somebody else has killed")
struct KillingTests {
    private let stages: TwoStages

    init() throws { stages = try TwoStages() }

    private func killing(
        inGroup: Int? = nil, onMachine: Int? = nil, peak: Int? = 61 << 20, limit: Int? = nil
    ) -> Killing {
        Killing(inGroup: inGroup, onMachine: onMachine, peak: peak, limit: limit)
    }

    @Test("memory is blamed where the kernel has counted a kill for want of it, and nowhere else")
    func cause() {
        let group = killing(inGroup: 1, onMachine: 1, limit: 64 << 20)
        #expect(group.cause == .memoryOfGroup)
        #expect(
            group.text
                == "killed by the system (signal 9), most likely for want of memory (the kernel killed a process of its control group for that while it ran); it had 61 MiB at most, and its group may have 64 MiB"
        )
        #expect(group.remedy.contains("`memory:` of the stage in the topology"))
        let machine = killing(onMachine: 3, peak: 20 << 30)
        #expect(machine.cause == .memoryOfMachine)
        #expect(machine.text.contains("killed 3 processes of this machine"))
        #expect(machine.text.hasSuffix("; it had 20 GiB at most"))
        // Another group's loss is not this one's.
        for other in [killing(inGroup: 0, onMachine: 1), killing(inGroup: 0), killing(onMachine: 0)] {
            #expect(other.cause == .other)
            #expect(other.text.contains("nor for want of memory") && !other.text.contains("most likely"))
            #expect(!other.remedy.contains("memory:"))
        }
        let unknown = killing(peak: nil)
        #expect(unknown.cause == .unknown)
        #expect(
            unknown.text
                == "killed (signal 9), and not by the launcher: by somebody, or by the kernel for want of memory")
    }

    @Test("what the kernel writes is read, in both versions of control groups")
    func files() {
        #expect(MemoryKills.number(of: "oom_kill", in: "low 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n") == 2)
        #expect(MemoryKills.number(of: "oom_kill", in: "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n") == 7)
        #expect(MemoryKills.number(of: "oom_kill", in: "nr_free_pages 4\noom_kill 12345678901234567890\n") == nil)
        #expect(MemoryKills.number(of: "oom_kill", in: "") == nil)
        let first = MemoryGroup("9:name=systemd:/\n4:cpu,memory:/job:1/a\n1:cpuset:/\n0::/\n", root: "/g")
        #expect(first?.events == "/g/memory/job:1/a/memory.oom_control")
        #expect(first?.limit == "/g/memory/job:1/a/memory.limit_in_bytes")
        let second = MemoryGroup("0::/system.slice/tributary.service\n", root: "/g")
        #expect(second?.events == "/g/system.slice/tributary.service/memory.events")
        #expect(second?.limit == "/g/system.slice/tributary.service/memory.max")
        // The root of version 2 counts nothing, and neither does a group without the controller.
        #expect(MemoryGroup("0::/\n") == nil)
        #expect(MemoryGroup("1:cpu:/a\n") == nil)
        #expect(MemoryGroup("rubbish") == nil)
        #expect(MemoryGroup.bytes("67108864\n") == 64 << 20)
        #expect(MemoryGroup.bytes("max\n") == nil && MemoryGroup.bytes("9223372036854771712\n") == nil)
        let kills = MemoryKills(inGroup: 4, onMachine: nil).since(MemoryKills(inGroup: 3, onMachine: 1))
        #expect(kills == MemoryKills(inGroup: 1, onMachine: nil))
    }

    private func kill(of stage: StageName, in supervision: Supervision) -> Supervision.Kill? {
        supervision.children.first { $0.stage == stage }?.kill
    }

    @Test("a kill that the launcher did not send is taken down until the next end, and its own is not")
    func whoseKill() {
        var supervision = stages.ready()
        let killing = killing(inGroup: 1)
        _ = supervision.handle(.ended(pid: 2, .signal(9), killing: killing), at: .seconds(5))
        #expect(kill(of: stages.encrypt, in: supervision)?.killing == killing)
        #expect(kill(of: stages.encrypt, in: supervision)?.at == .seconds(5))
        #expect(kill(of: stages.publish, in: supervision) == nil)
        _ = supervision.handle(.tick, at: .seconds(6))
        _ = supervision.handle(.spawned(stages.encrypt, pid: 20), at: .seconds(6))
        _ = supervision.handle(.ready(pid: 20), at: .seconds(7))
        // Still the last that is known of its end.
        #expect(kill(of: stages.encrypt, in: supervision)?.at == .seconds(5))
        _ = supervision.handle(.ended(pid: 20, .exit(5)), at: .seconds(8))
        #expect(kill(of: stages.encrypt, in: supervision) == nil)

        var stopped = stages.ready()
        _ = stopped.handle(.stop, at: .seconds(1))
        let actions = stopped.handle(.tick, at: .seconds(6))
        #expect(actions.contains(.kill(pid: 2)))
        _ = stopped.handle(.ended(pid: 2, .signal(9), killing: killing), at: .seconds(6))
        #expect(kill(of: stages.encrypt, in: stopped) == nil)
    }

    @Test("other ends are none, whatever is known of memory")
    func otherEnds() {
        for end in [ProcessEnd.exit(5), .signal(15), .signal(7), .exit(0)] {
            var supervision = stages.ready()
            _ = supervision.handle(.ended(pid: 2, end, killing: killing(inGroup: 1)), at: .seconds(5))
            #expect(kill(of: stages.encrypt, in: supervision) == nil, "\(end)")
        }
    }
}
