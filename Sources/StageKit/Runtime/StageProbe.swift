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

    package enum Phase: String, Sendable {
        case starting, ready, stopping
    }

    /// What the lock's last holder has said of itself.
    package struct Word: Equatable, Sendable {
        package let phase: Phase
        package let process: Int32
        /// When its work loop went round last, in nanoseconds since 1970 by the clock of then.
        package let time: Int64
    }

    /// Why there is no word.
    package enum Silence: Error, CustomStringConvertible {
        case neverStarted
        case unreadable(String)
        case unsaid

        package var description: String {
            switch self {
            case .neverStarted: "has not been started on this state"
            case .unreadable(let why): why
            case .unsaid: "has not said how it does"
            }
        }
    }

    /// A loop that has not been round for so long does not live. systemd's watchdog in exported units is the same.
    package static let patienceSeconds = 60
    /// By then a loop that goes round has said so once more.
    package static let nextSign = Pulse.slowest + .milliseconds(500)

    package static func lock(in stateFolder: String) -> String { "\(stateFolder)/lock" }

    package static func word(at path: String) throws(Silence) -> Word {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .neverStarted : .unreadable(String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw .unreadable(String(cString: strerror(errno))) }
        guard let (phase, pid) = word(in: descriptor) else { throw .unsaid }
        let time = information.st_mtim
        return Word(phase: phase, process: pid, time: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Why the answer is no; nil if it is yes.
    ///
    /// - Parameter wait: how long a sign of life is waited for that has an unlikely time. The clock may have been set since: then a
    ///   loop that lives looks as if it stood still, and one that stands still as if it lived.
    package static func refusal(_ question: Question, lock path: String, wait: Duration = nextSign) -> String? {
        do {
            let word = try word(at: path)
            let process = "process \(word.process)"
            guard isThere(word.process) else { return "\(process) is gone" }
            let age = age(of: word)
            if !isFresh(word), !moves(from: word, in: path, within: wait) {
                return age < 0
                    ? "\(process) stands still: the clock has been set back since it last gave a sign of life"
                    : "\(process) stands still, since \(age) s"
            }
            guard question == .live || word.phase == .ready else { return "\(process) is \(word.phase.rawValue)" }
            return nil
        } catch { return "\(error)" }
    }

    /// Whether it was said lately, as far as the clock tells.
    package static func isFresh(_ word: Word) -> Bool { (-1...Int64(patienceSeconds)).contains(age(of: word)) }

    private static func age(of word: Word) -> Int64 { (now() - word.time) / 1_000_000_000 }

    /// Whether a process has the state. A stage that is started at this very moment may find it taken, and is started again.
    package static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Whether its holder says a word of another time.
    private static func moves(from word: Word, in path: String, within wait: Duration) -> Bool {
        let deadline = ContinuousClock.now + wait
        while ContinuousClock.now < deadline {
            do { if try self.word(at: path).time != word.time { return true } } catch { return false }
            usleep(50_000)
        }
        return false
    }

    private static func now() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
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
        guard let refusal = refusal(question, lock: lock(in: stateFolder)) else { exit(0) }
        complain("\(stage) is not \(question.rawValue): \(refusal)")
        exit(1)
    }
}
