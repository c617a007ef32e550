import Federation
import Foundation
import Glibc
import Testing
import Topology

extension PipelineSuite {
    /// What a stage owes to whatever supervises it, systemd or a container's: signs of life, and keys that are lent.
    @Suite("Under a supervisor")
    struct SupervisedTests {
        private let run: FederationRun
        private var stage: StageName { run.topology.aggregate }

        init() throws {
            var plan = FederationRun.Plan()
            (plan.suite, plan.trainer, plan.stays) = (.clear, "none", 10)
            run = try FederationRun(plan)
        }

        private var usual: [String] {
            ["--topology", "\(run.root)/topology.yaml", "--cloud", "\(stage.cloud)", "--state", run.topology.statePath]
        }

        private func start(
            _ more: [String], environment: [String: String] = [:], as user: [String] = []
        ) throws -> Process {
            let process = Process()
            let words = user + ["\(FederationRun.binaries)/tributary-\(stage.kind)"] + usual + more
            process.executableURL = URL(fileURLWithPath: words[0])
            process.arguments = Array(words.dropFirst())
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            process.standardError = FileHandle.nullDevice
            try process.run()
            return process
        }

        private func status(_ more: [String], as user: [String] = []) throws -> Int32 {
            let process = try start(more, as: user)
            process.waitUntilExit()
            return process.terminationStatus
        }

        @Test(
            "Its work loop tells the watchdog and probes that it lives; one that stands still tells nothing, one that is gone is not live"
        )
        func signsOfLife() throws {
            #expect(try status(["--probe", "live"]) == 1)
            let inbox = try Inbox(path: "\(run.root)/notify")
            let process = try start(
                [], environment: ["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "600000", "WATCHDOG_PID": ""])
            let pid = process.processIdentifier
            defer { kill(pid, SIGKILL) }
            #expect(inbox.waits { $0.contains("READY=1") })
            #expect(try status(["--probe", "live"]) == 0)
            #expect(try status(["--probe", "ready"]) == 0)
            for _ in 1...3 { #expect(inbox.waits { $0 == "WATCHDOG=1" }) }
            kill(pid, SIGSTOP)
            while inbox.take(milliseconds: 0) != nil {}
            #expect(inbox.take(milliseconds: 1500) == nil)
            // Its file's time is as old as a loop that stands still would leave it.
            let lock = "\(run.topology.stateFolder(of: stage))/lock"
            var times = [timespec(tv_sec: time(nil) - 61, tv_nsec: 0), timespec(tv_sec: time(nil) - 61, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, lock, &times, 0) == 0)
            #expect(try status(["--probe", "live"]) == 1)
            kill(pid, SIGCONT)
            #expect(inbox.waits { $0 == "WATCHDOG=1" })
            #expect(try status(["--probe", "live"]) == 0)
            kill(pid, SIGKILL)
            process.waitUntilExit()
            #expect(try status(["--probe", "live"]) == 1)
        }

        @Test("A supervisor that asks for no watchdog hears of none")
        func noWatchdog() throws {
            let inbox = try Inbox(path: "\(run.root)/notify")
            let process = try start([], environment: ["NOTIFY_SOCKET": inbox.path])
            defer { kill(process.processIdentifier, SIGKILL) }
            #expect(inbox.waits { $0.contains("READY=1") })
            while let text = inbox.take(milliseconds: 1000) { #expect(!text.contains("WATCHDOG")) }
        }

        @Test(
            "Secrets may be lent in a folder of their own: this user's, or root's that others cannot read, and none else"
        )
        func lent() throws {
            let manager = FileManager.default
            let folder = "\(run.root)/lent"
            let own = "\(run.topology.keysPath)/secret/\(stage.cloud)"
            try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for ending in ["curve", "sign"] {
                try manager.copyItem(
                    atPath: "\(own)/\(stage.kind).\(ending)", toPath: "\(folder)/\(stage.kind).\(ending)")
                chmod("\(folder)/\(stage.kind).\(ending)", 0o400)
            }
            let key = "\(folder)/\(stage.kind).curve"
            let lent = ["--check", "--secrets", folder]
            try manager.moveItem(atPath: own, toPath: own + ".away")
            #expect(try status(["--check"]) == 78)
            #expect(try status(lent) == 0)
            chmod(key, 0o440)
            #expect(try status(lent) == 78)
            guard geteuid() == 0, access("/usr/bin/setpriv", X_OK) == 0 else {
                return print("not root, or no setpriv: secrets that root owns were not tried")
            }
            // As Kubernetes and systemd's access lists show them to another user.
            let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            guard try status(["--help"], as: nobody) == 0 else {
                return print(
                    "no other user can run programs here (the checkout is closed): root's secrets were not tried")
            }
            for path in [run.root, run.topology.statePath, run.topology.keysPath, folder] { chmod(path, 0o755) }
            for ending in ["curve", "sign"] {
                chmod("\(folder)/\(stage.kind).\(ending)", 0o440)
                chown("\(folder)/\(stage.kind).\(ending)", 0, 65534)
            }
            #expect(try status(lent, as: nobody) == 0)
            chmod(key, 0o444)
            #expect(try status(lent, as: nobody) == 78)
            chmod(key, 0o460)
            #expect(try status(lent, as: nobody) == 78)
        }
    }

    /// The supervisor's end of sd_notify(3).
    private final class Inbox {
        let path: String
        private let descriptor: Int32

        init(path: String) throws {
            self.path = path
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(bound == 0)
        }

        deinit {
            close(descriptor)
            unlink(path)
        }

        /// The next datagram; nil if none comes.
        func take(milliseconds: Int32) -> String? {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, milliseconds) > 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
        }

        func waits(for isIt: (String) -> Bool) -> Bool {
            let deadline = ContinuousClock.now + .seconds(120)
            while ContinuousClock.now < deadline {
                if let text = take(milliseconds: 1000), isIt(text) { return true }
            }
            return false
        }
    }
}
