/// What is known of a process that was killed by a SIGKILL which the launcher did not send. The signal says nothing of who sent
/// it: the kernel does where memory has run out, and so may anybody.
package struct Killing: Hashable, Sendable {
    /// How many processes of its control group, and of the machine, the kernel has killed for want of memory while it ran; nil
    /// where that cannot be read.
    package let inGroup: Int?
    package let onMachine: Int?
    /// The most that it had in memory at once, in bytes (getrusage(2), ru_maxrss); nil if unknown.
    package let peak: Int?
    /// What its control group may have, in bytes; nil for no limit, or an unknown one.
    package let limit: Int?

    package init(inGroup: Int?, onMachine: Int?, peak: Int?, limit: Int?) {
        self.inGroup = inGroup
        self.onMachine = onMachine
        self.peak = peak
        self.limit = limit
    }

    package enum Cause: Hashable, Sendable {
        /// Its control group had all that it may have, or the kernel has chosen one of that group.
        case memoryOfGroup
        /// The machine had no memory left, and this process has ended in the same while.
        case memoryOfMachine
        /// The kernel has killed nothing for want of memory.
        case other
        case unknown
    }

    /// The group's count is the better evidence: it holds whatever the kernel has killed there, and nothing else.
    package var cause: Cause {
        if let inGroup { return inGroup > 0 ? .memoryOfGroup : .other }
        guard let onMachine else { return .unknown }
        return onMachine > 0 ? .memoryOfMachine : .other
    }

    package var text: String {
        let end =
            switch cause {
            case .memoryOfGroup:
                "killed by the system (signal 9), most likely for want of memory (the kernel killed \(count(inGroup)) of its control group for that while it ran)"
            case .memoryOfMachine:
                "killed by the system (signal 9), most likely for want of memory (the kernel killed \(count(onMachine)) of this machine for that while it ran)"
            case .other:
                "killed (signal 9), and not by the launcher nor for want of memory: the kernel has counted no such kill"
            case .unknown:
                "killed (signal 9), and not by the launcher: by somebody, or by the kernel for want of memory"
            }
        return end + (peak.map { "; it had \(Self.size($0)) at most" } ?? "")
            + (limit.map { ", and its group may have \(Self.size($0))" } ?? "")
    }

    package var remedy: String {
        switch cause {
        case .memoryOfGroup:
            "give it more (`memory:` of the stage in the topology where it is an exported service, the limit of whatever the launcher runs in elsewhere), or run fewer stages beside it"
        case .memoryOfMachine:
            "give this machine more memory or fewer stages; `journalctl -k | grep -i 'out of memory'` tells which process it was"
        case .other: "find out who sends it: a person, a script, or the limits of whatever the launcher runs in"
        case .unknown: "`journalctl -k | grep -i 'out of memory'` tells which of the two"
        }
    }

    private func count(_ number: Int?) -> String { number == 1 ? "a process" : "\(number ?? 0) processes" }

    private static func size(_ bytes: Int) -> String {
        bytes < 10 << 30 ? "\(bytes >> 20) MiB" : "\(bytes >> 30) GiB"
    }
}

/// What the kernel counts of kills for want of memory.
package struct MemoryKills: Hashable, Sendable {
    package let inGroup: Int?
    package let onMachine: Int?

    package init(inGroup: Int?, onMachine: Int?) {
        self.inGroup = inGroup
        self.onMachine = onMachine
    }

    package func since(_ earlier: MemoryKills) -> MemoryKills {
        func difference(_ now: Int?, _ then: Int?) -> Int? {
            guard let now, let then else { return nil }
            return max(0, now - then)
        }
        return MemoryKills(
            inGroup: difference(inGroup, earlier.inGroup), onMachine: difference(onMachine, earlier.onMachine))
    }

    /// The number behind a name in `memory.events`, `memory.oom_control` or `/proc/vmstat`, a pair on each line; nil if there is none.
    package static func number(of name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2, parts[0] == name { return Int(parts[1]) }
        }
        return nil
    }
}

/// The files in which the kernel tells of a control group's memory (cgroups(7)).
package struct MemoryGroup: Hashable, Sendable {
    /// Has `oom_kill N`.
    package let events: String
    /// Has a number of bytes, or `max`.
    package let limit: String

    /// - Parameter text: of `/proc/PID/cgroup`. Nil where no group there has a count of its own: version 1's without the
    ///   controller of memory, and version 2's root.
    package init?(_ text: String, root: String = "/sys/fs/cgroup") {
        var unified: Substring?
        for line in text.split(separator: "\n") {
            // The path may hold colons.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].split(separator: ",").contains("memory") {
                let folder = Self.folder("\(root)/memory", parts[2])
                events = "\(folder)/memory.oom_control"
                limit = "\(folder)/memory.limit_in_bytes"
                return
            }
            if parts[0] == "0", parts[1].isEmpty { unified = parts[2] }
        }
        guard let unified, unified != "/" else { return nil }
        events = "\(Self.folder(root, unified))/memory.events"
        limit = "\(Self.folder(root, unified))/memory.max"
    }

    private static func folder(_ root: String, _ path: Substring) -> String { path == "/" ? root : root + path }

    /// Nil for none: `max`, or version 1's largest number of pages.
    package static func bytes(_ text: String) -> Int? {
        guard let number = text.split(separator: "\n").first.flatMap({ Int($0) }), number < 1 << 60 else { return nil }
        return number
    }
}
