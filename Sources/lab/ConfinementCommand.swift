import ArgumentParser
import Foundation
import Glibc
import StageKit

/// Confines itself as a stage does and tries what a stage that was broken into would: for tests, and to see what a machine's
/// kernel keeps.
struct ConfinementCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confinement",
        abstract: "Tries what a confined stage cannot do, and prints what became of it.")

    @Option(help: "A folder that stays open to it.") var inside: String
    @Option(help: "A file that does not.") var outside: String
    @Option(help: "A port of this machine that it may connect to.") var allowedPort: UInt16
    @Option(help: "A port of this machine that it may not connect to.") var otherPort: UInt16
    @Flag(help: "Try the same without giving up any right.") var unconfined = false

    func run() throws {
        if unconfined {
            print("confined no")
        } else {
            var confinement = Confinement.ofAnyProgram
            confinement.allow(.write, inside)
            confinement.allowConnecting(to: allowedPort)
            let outcome = try confinement.apply()
            print("landlock \(outcome.landlock)")
            print("seccomp \(outcome.isFiltered)")
            print("gaps \(outcome.gaps.joined(separator: "; "))")
        }
        tell("read-inside") { attempt(open("\(inside)/there", O_RDONLY)) }
        tell("write-inside") { attempt(open("\(inside)/made", O_CREAT | O_WRONLY, 0o600)) }
        tell("rename-inside") { rename("\(inside)/made", "\(inside)/renamed") }
        tell("read-outside") { attempt(open(outside, O_RDONLY)) }
        tell("write-outside") { attempt(open("\(outside).made", O_CREAT | O_WRONLY, 0o600)) }
        tell("list-outside") { Int32(opendir("/root") == nil && opendir("/home") == nil ? -1 : 0) }
        tell("connect-allowed") { connects(to: allowedPort) }
        tell("connect-other") { connects(to: otherPort) }
        tell("execute") { execute("/bin/true") }
        tell("packet-socket") { attempt(socket(AF_PACKET, Int32(SOCK_DGRAM.rawValue), 0)) }
        tell("chroot") { chroot("/") }
        tell("mount") { mount("none", "/proc", "proc", UInt(MS_REMOUNT | MS_BIND), nil) }
        tell("signal-parent") { kill(getppid(), 0) }
        // A thread that is started later is bound as well.
        let done = DispatchSemaphore(value: 0)
        DispatchQueue.global().async { [outside] in
            tell("read-outside-in-a-thread") { attempt(open(outside, O_RDONLY)) }
            done.signal()
        }
        done.wait()
    }
}

private func tell(_ what: String, _ body: () -> Int32) {
    errno = 0
    let result = body()
    print("\(what) \(result >= 0 ? "done" : String(cString: strerror(errno)))")
}

private func attempt(_ descriptor: Int32) -> Int32 {
    if descriptor >= 0 { close(descriptor) }
    return descriptor
}

private func connects(to port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    let reason = errno
    close(descriptor)
    errno = reason
    return result
}

private func execute(_ path: String) -> Int32 {
    var pid: pid_t = 0
    var words: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
    defer { free(words[0]) }
    let result = posix_spawn(&pid, path, nil, nil, &words, environ)
    guard result == 0 else {
        errno = result
        return -1
    }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status == 0 ? 0 : -1
}
