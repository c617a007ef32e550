internal import Glibc
internal import Topology

/// What the kernel has killed for want of memory since each process was started: in the launcher's own control group, which its
/// stages are in too, and on the machine.
struct MemoryWatch {
    private let group: MemoryGroup?
    private var before: [Int32: MemoryKills] = [:]

    init() { group = Self.text("/proc/self/cgroup").flatMap { MemoryGroup($0) } }

    mutating func started(_ pid: Int32) { before[pid] = kills }

    /// - Parameter peak: the most that it had in memory, in bytes; nil if unknown.
    mutating func ended(_ pid: Int32, _ end: ProcessEnd, peak: Int?) -> Killing? {
        let earlier = before.removeValue(forKey: pid)
        guard end == .signal(SIGKILL) else { return nil }
        let since = earlier.map { kills.since($0) }
        return Killing(
            inGroup: since?.inGroup, onMachine: since?.onMachine, peak: peak,
            limit: group.flatMap { Self.text($0.limit) }.flatMap(MemoryGroup.bytes))
    }

    private var kills: MemoryKills {
        func count(_ path: String) -> Int? { Self.text(path).flatMap { MemoryKills.number(of: "oom_kill", in: $0) } }
        return MemoryKills(inGroup: group.flatMap { count($0.events) }, onMachine: count("/proc/vmstat"))
    }

    /// Nil where it cannot be read: then nothing is known.
    private static func text(_ path: String) -> String? {
        guard access(path, R_OK) == 0 else { return nil }
        var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        do {
            let file = try Descriptor.opening(path, O_RDONLY)
            while bytes.count < 1 << 20, case .bytes(let more) = try file.read(into: &buffer) { bytes += more }
        } catch { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
