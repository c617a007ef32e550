internal import CLinux
internal import Glibc

/// What a process needs once it has begun; everything else is closed to it for good: files by Landlock, ports by Landlock from its
/// fourth version on, other programs and much of the kernel by seccomp. Threads that run already are bound by seccomp alone, so
/// this comes before the first of them.
package struct Confinement: Sendable {
    package enum Access: Sendable {
        /// Files are read and folders listed.
        case read
        /// And made, written and removed.
        case write
    }

    private var paths: [(path: String, access: Access)] = []
    private var binds: [UInt16] = []
    private var connects: [UInt16] = []

    package init() {}

    package mutating func allow(_ access: Access, _ path: String) { paths.append((path, access)) }

    /// A folder that was named by a person: what its links lead to is meant too.
    package mutating func allowReadingWithLinks(_ path: String) {
        allow(.read, path)
        guard let folder = opendir(path) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            guard entry.pointee.d_type == UInt8(DT_LNK) else { continue }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let target = realpath("\(path)/\(name)", nil) else { continue }
            allow(.read, String(cString: target))
            free(target)
        }
    }

    /// A shared library, and the folders where it looks for others.
    package mutating func allowLoading(_ library: String) {
        allow(.read, library)
        var text = [CChar](repeating: 0, count: 4096)
        guard tributary_search_path(library, &text, text.count) == 0 else { return }
        let folder = library.lastIndex(of: "/").map { String(library[..<$0]) } ?? "."
        let paths = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for path in paths.split(separator: ":") {
            allow(.read, path.hasPrefix("$ORIGIN") ? folder + path.dropFirst(7) : String(path))
        }
    }

    package mutating func allowBinding(_ port: UInt16) { binds.append(port) }
    package mutating func allowConnecting(to port: UInt16) { connects.append(port) }

    /// What came of it.
    package struct Outcome: Sendable {
        /// Landlock's version; 0 where the kernel has none.
        package let landlock: Int
        package let isFiltered: Bool
        /// Threads that ran already, which Landlock does not bind.
        package let earlierThreads: Int

        /// Ports are closed too.
        package var closesPorts: Bool { landlock >= 4 }

        package var gaps: [String] {
            var gaps: [String] = []
            if landlock == 0 { gaps.append("the kernel has no Landlock, or has it switched off: files are not closed") }
            if landlock > 0, !closesPorts { gaps.append("the kernel's Landlock is too old to close ports") }
            if landlock > 0, earlierThreads > 0 { gaps.append("\(earlierThreads) threads ran before Landlock") }
            if !isFiltered { gaps.append("the kernel has no seccomp filters: programs can be started") }
            return gaps
        }
    }

    /// Binds this process for good. Where the kernel lacks something the outcome says so; what it has and refuses throws.
    package func apply() throws -> Outcome {
        let version = Int(tributary_landlock_version())
        let threads = Self.threadCount() - 1
        if version > 0 { try bindLand(version) }
        let isFiltered = tributary_seccomp_bind() == 0
        if !isFiltered, errno != ENOSYS, errno != EINVAL { throw StageError.system("seccomp", errno) }
        return Outcome(landlock: version, isFiltered: isFiltered, earlierThreads: threads)
    }

    private func bindLand(_ version: Int) throws {
        let texts = paths.map { strdup($0.path) }
        defer { for text in texts { free(text) } }
        let rules = zip(texts, paths).map { text, rule in
            tributary_path_rule(
                path: text.map { UnsafePointer($0) }, access: rule.access == .read ? TRIBUTARY_READ : TRIBUTARY_WRITE)
        }
        let notify = getenv("NOTIFY_SOCKET").map { $0.pointee == CChar(UInt8(ascii: "@")) } ?? false
        let result = rules.withUnsafeBufferPointer { rules in
            binds.withUnsafeBufferPointer { binds in
                connects.withUnsafeBufferPointer { connects in
                    var land = tributary_land(
                        paths: rules.baseAddress, path_count: rules.count, bind: binds.baseAddress,
                        bind_count: binds.count, connect: connects.baseAddress, connect_count: connects.count,
                        abstract_sockets: notify ? 1 : 0)
                    return tributary_landlock_bind(&land, Int32(version))
                }
            }
        }
        guard result == 0 else { throw StageError.system("Landlock", errno) }
    }

    private static func threadCount() -> Int {
        guard let folder = opendir("/proc/self/task") else { return 1 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return max(count, 1)
    }
}

extension Confinement {
    /// What every program needs: the libraries that it has loaded and may load from beside them, and what libc reads.
    package static var ofAnyProgram: Confinement {
        var confinement = Confinement()
        for folder in foldersOfLibraries() { confinement.allow(.read, folder) }
        for path in [
            "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime",
            "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
            // All of it: libdispatch reads its threads' state there and ends the process if it cannot, and /proc/PID gets another
            // inode whenever the kernel has forgotten it. What other processes have in theirs Landlock keeps as it keeps ptrace.
            "/proc",
            "/sys/devices/system/cpu", "/sys/devices/system/node", "/dev/urandom", "/dev/random", "/dev/zero",
        ] {
            confinement.allow(.read, path)
        }
        confinement.allow(.write, "/dev/null")
        // Names are asked for over UDP, and over TCP where the answer is long.
        confinement.allowConnecting(to: 53)
        return confinement
    }

    /// Of every file that is mapped into this process to be executed (proc_pid_maps(5)).
    private static func foldersOfLibraries() -> [String] {
        guard let file = fopen("/proc/self/maps", "re") else { return [] }
        defer { fclose(file) }
        var folders: Set<String> = []
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) > 0, let line {
            let text = String(cString: line)
            guard text.contains(" r-xp "), let start = text.firstIndex(of: "/"), let end = text.lastIndex(of: "/"),
                start < end
            else { continue }
            folders.insert(String(text[start..<end]))
        }
        return folders.sorted()
    }
}
