internal import CLinux
internal import Glibc

/// Starts programs that end with the launcher.
enum StageProcess {
    /// The child's pid. Its standard output and error are `output`; it is told to stop (SIGTERM) when the launcher dies.
    static func start(
        _ path: String, _ arguments: [String], environment: [String], output: Descriptor, error: Descriptor? = nil,
        diesWithParent: Bool = true
    ) throws -> Int32 {
        let nothing = try Descriptor.opening("/dev/null", O_RDONLY)
        var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer {
            for pointer in argumentPointers + environmentPointers { free(pointer) }
        }
        return try argumentPointers.withUnsafeMutableBufferPointer { arguments in
            try environmentPointers.withUnsafeMutableBufferPointer { environment in
                try path.withCString { path in
                    var request = tributary_spawn_request(
                        path: path, arguments: arguments.baseAddress, environment: environment.baseAddress,
                        input: nothing.number, output: output.number, error: (error ?? output).number,
                        death_signal: diesWithParent ? SIGTERM : 0, new_session: !diesWithParent)
                    let pid = tributary_spawn(&request)
                    guard pid > 0 else { throw LauncherError.system("start \(String(cString: path))") }
                    return pid
                }
            }
        }
    }

    /// Waits for a process to end, at most so long; false if it still runs then. Its status is left for waitpid(2).
    static func ends(_ pid: Int32, within limit: Duration) throws -> Bool {
        let number = tributary_pidfd(pid)
        guard number >= 0 else {
            if errno == ESRCH { return true }
            throw LauncherError.system("pidfd_open")
        }
        let process = Descriptor(owning: number)
        let deadline = ContinuousClock.now + limit
        while true {
            let left = max(Duration.zero, deadline - .now)
            var item = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
            let count = poll(&item, 1, Int32(clamping: Int(left.inSeconds * 1000) + 1))
            guard count >= 0 || errno == EINTR else { throw LauncherError.system("poll") }
            if count > 0 { return true }
            if left == .zero { return false }
        }
    }

    /// Has malloc ask for huge pages for what is large (glibc 2.35 on; "Memory Allocation Tunables" in its manual): a round of
    /// many values takes a tenth less time, as the kernel clears and maps 2 MB at once. What a user has set stays.
    static var largePages: [String: String?] {
        getenv("GLIBC_TUNABLES") == nil ? ["GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"] : [:]
    }

    /// This process's environment with `changes` made; nil removes.
    static func environment(_ changes: [String: String?]) -> [String] {
        var result: [String] = []
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            let name = String(pair.prefix { $0 != "=" })
            if changes[name] == nil { result.append(pair) }
            entry += 1
        }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            if let value { result.append("\(name)=\(value)") }
        }
        return result
    }
}
