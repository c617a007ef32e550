internal import Glibc

/// What a stage's process tells whoever asks from outside, by the lock's file in its state folder: one line `PHASE PID`, whose time of
/// change its work loop moves on. No socket and no thread of its own: a loop that stands still shows. Once a stage answers over HTTP,
/// probes belong there (`Deployment.Probe`); the file stays what it is.
package enum StageProbe {
    package enum Question: String, CaseIterable, Sendable {
        /// Its process is there and its work loop goes round.
        case live
        /// And it takes part: keys loaded, journal taken up, sockets bound.
        case ready
    }

    package enum Phase: String {
        case starting, ready, stopping
    }

    /// A loop that has not been round for so long does not live. systemd's watchdog in exported units is the same.
    package static let patienceSeconds = 60

    /// Why the answer is no; nil if it is yes.
    static func refusal(_ question: Question, lock path: String, now: timespec) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            return errno == ENOENT ? "has not been started on this state" : String(cString: strerror(errno))
        }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return String(cString: strerror(errno)) }
        guard let (phase, pid) = word(in: descriptor) else { return "has not said how it does" }
        guard isThere(pid) else { return "process \(pid) is gone" }
        let age = now.tv_sec - information.st_mtim.tv_sec
        guard age <= patienceSeconds else { return "process \(pid) stands still, since \(age) s" }
        guard question == .live || phase == .ready else { return "process \(pid) is \(phase.rawValue)" }
        return nil
    }

    /// What the lock's last holder has said of itself; nil where it has said nothing yet.
    static func word(in lock: Int32) -> (phase: Phase, pid: Int32)? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = pread(lock, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let words = String(decoding: bytes[..<count], as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let phase = Phase(rawValue: String(words[0])), let pid = Int32(words[1]), pid > 0 else {
            return nil
        }
        return (phase, pid)
    }

    static func isThere(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

    /// Answers by exit status; a no is told on standard error.
    static func answer(_ question: Question, stateFolder: String, stage: String) -> Never {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        guard let refusal = refusal(question, lock: "\(stateFolder)/lock", now: now) else { exit(0) }
        complain("\(stage) is not \(question.rawValue): \(refusal)")
        exit(1)
    }
}
