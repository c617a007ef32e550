import Foundation
import Glibc

/// Bytes that must not be found, and what they are. At least eight, or chance would find them.
struct Needle: Sendable {
    let what: String
    let bytes: [UInt8]
}

/// Looks for bytes in what a party holds: every file below a folder, and every page of a process that holds data.
struct ByteSearch: Sendable {
    struct Result: Sendable {
        var bytes = 0
        /// What was found and where.
        var found: [String] = []
        var whats: Set<String> = []

        static func + (left: Result, right: Result) -> Result {
            Result(
                bytes: left.bytes + right.bytes, found: left.found + right.found, whats: left.whats.union(right.whats))
        }
    }

    let needles: [Needle]
    /// Needles by their first eight bytes, and which hashes of such beginnings occur at all.
    private let byStart: [UInt64: [Int]]
    private let starts: [Bool]

    init(_ needles: [Needle]) {
        self.needles = needles
        var byStart: [UInt64: [Int]] = [:]
        var starts = [Bool](repeating: false, count: 65_536)
        for (index, needle) in needles.enumerated() {
            precondition(needle.bytes.count >= 8, "\(needle.what) is too short to be told from chance")
            let word = needle.bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            byStart[word, default: []].append(index)
            starts[Self.hash(word)] = true
        }
        self.byStart = byStart
        self.starts = starts
    }

    /// Multiplicative hashing (Knuth, The Art of Computer Programming 3, section 6.4) into 16 bits.
    private static func hash(_ word: UInt64) -> Int { Int((word &* 0x9e37_79b9_7f4a_7c15) >> 48) }

    func files(below folder: String) throws -> Result {
        var result = Result()
        guard let entries = FileManager.default.enumerator(atPath: folder) else { return result }
        for case let name as String in entries {
            let path = "\(folder)/\(name)"
            var information = stat()
            guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { continue }
            search([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))), name, &result)
        }
        return result
    }

    func texts(_ lines: [String], called name: String) -> Result {
        var result = Result()
        search(Array(lines.joined(separator: "\n").utf8), name, &result)
        return result
    }

    /// The memory of a process, mapping by mapping (proc_pid_maps(5)). Read-only mappings of files are programs, and the
    /// kernel's own mappings cannot be read: both are passed over. What cannot be read in one go is read page by page, as
    /// libsodium's guard pages lie among its secrets.
    func memory(of process: pid_t) throws -> Result {
        var result = Result()
        let maps = try String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)
        let memory = open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
        guard memory >= 0 else {
            throw FederationRun.Failure(description: "cannot read the memory of \(process): \(errno)")
        }
        defer { close(memory) }
        for line in maps.split(separator: "\n") {
            let parts = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = parts[0].split(separator: "-").compactMap { Int($0, radix: 16) }
            guard ends.count == 2, parts.count < 6 || parts[1].hasPrefix("rw") else { continue }
            search(
                read(memory, ends[0]..<ends[1]), "memory \(parts.count > 5 ? String(parts[5]) : "anonymous")", &result)
        }
        return result
    }

    /// What can be read of a range of addresses; a page that cannot stands as zeros.
    private func read(_ memory: Int32, _ range: Range<Int>) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var done = 0
        bytes.withUnsafeMutableBytes { bytes in
            while done < bytes.count {
                let count = pread(
                    memory, bytes.baseAddress?.advanced(by: done), bytes.count - done, range.lowerBound + done)
                if count < 0, errno == EINTR { continue }
                done = count > 0 ? done + count : (done / 4096 + 1) * 4096
            }
        }
        return bytes
    }

    private func search(_ hay: [UInt8], _ place: String, _ result: inout Result) {
        result.bytes += hay.count
        guard hay.count >= 8 else { return }
        var seen: Set<Int> = []
        starts.withUnsafeBufferPointer { starts in
            hay.withUnsafeBytes { hay in
                for place in 0...(hay.count - 8) {
                    let word = hay.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    guard starts[Self.hash(word)], let candidates = byStart[word] else { continue }
                    for index in candidates where hay[place...].starts(with: needles[index].bytes) {
                        seen.insert(index)
                    }
                }
            }
        }
        for index in seen {
            result.found.append("\(needles[index].what) @ \(place)")
            result.whats.insert(needles[index].what)
        }
    }
}
