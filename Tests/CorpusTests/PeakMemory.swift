import Glibc

/// How far the resident memory of this process rises above where it stood.
struct PeakMemory {
    private let before: Int

    /// Starts the kernel's high-water mark anew (proc_pid_clear_refs(5)), so that what other tests once needed does not count.
    init() throws {
        // What the allocator holds of earlier tests would hide a growth. Glibc's module lacks malloc.h.
        guard let trim = dlsym(nil, "malloc_trim") else { throw Failure.notReadable("malloc_trim", 0) }
        _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> Int32).self)(0)
        let file = try PeakMemory.open("/proc/self/clear_refs", "w")
        fputs("5", file)
        guard fclose(file) == 0 else { throw Failure.notReadable("/proc/self/clear_refs", errno) }
        before = try PeakMemory.bytes(of: "VmRSS:")
    }

    /// Bytes between then and the highest since.
    func growth() throws -> Int { try PeakMemory.bytes(of: "VmHWM:") - before }

    enum Failure: Error { case notReadable(String, Int32) }

    private static func open(_ path: String, _ mode: String) throws -> UnsafeMutablePointer<FILE> {
        guard let file = fopen(path, mode) else { throw Failure.notReadable(path, errno) }
        return file
    }

    private static func bytes(of field: String) throws -> Int {
        let file = try open("/proc/self/status", "r")
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                .split { $0 == " " || $0 == "\t" || $0 == "\n" }
            if words.count > 1, words[0] == field, let kilobytes = Int(words[1]) { return kilobytes * 1024 }
        }
        throw Failure.notReadable("/proc/self/status", 0)
    }
}
