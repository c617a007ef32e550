import Foundation
import Testing

extension PipelineSuite {
    /// The one process in which a key that opens sums is whole.
    @Suite("Making keys")
    struct KeyMakingTests {
        private struct Look: CustomStringConvertible {
            /// The most memory that was locked at once, in KiB.
            var locked = 0
            /// The limits of its core dumps, as proc(5) has them.
            var dumps = ""

            var description: String { "\(locked) KiB locked, core dumps of \(dumps)" }
        }

        /// Looks at a process again and again, as what is locked comes and goes with the numbers: until `enough` is locked, or it
        /// has ended.
        private func look(at program: String, _ arguments: [String], enough: Int, within time: Duration) async throws
            -> Look
        {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "\(FederationRun.binaries)/\(program)")
            process.arguments = arguments
            process.standardInput = Pipe()
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            func line(_ name: String, of file: String) -> [Substring] {
                let text = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/\(file)", encoding: .utf8)
                let line = text?.split(separator: "\n").first { $0.hasPrefix(name) }
                return line?.dropFirst(name.count).split(whereSeparator: \.isWhitespace) ?? []
            }
            var look = Look()
            let end = ContinuousClock.now + time
            while look.locked < enough, process.isRunning, ContinuousClock.now < end {
                look.locked = max(look.locked, line("VmLck:", of: "status").first.flatMap { Int($0) } ?? 0)
                look.dumps = line("Max core file size", of: "limits").prefix(2).joined(separator: " ")
                try await Task.sleep(for: .milliseconds(10))
            }
            return look
        }

        @Test("Primes lie in locked memory while a key is made, and the process cannot be dumped")
        func guarded() async throws {
            let state = "/tmp/tributary-keys-\(getpid())"
            defer { try? FileManager.default.removeItem(atPath: state) }
            // More than the secrets beside it that libsodium keeps, of which each takes two pages.
            let enough = 16
            let making = try await look(
                at: "tributary", ["keys", "\(FederationRun.repository)/topology/one-machine.yaml", "--state", state],
                enough: enough, within: .seconds(180))
            #expect(making.locked >= enough && making.dumps == "0 0", "\(making)")
            // A bench has such a key in ordinary memory.
            let sealing = try await look(
                at: "tributary-lab",
                ["bench-sealing", "--values", "1000", "--bits", "8", "--cohort", "3", "--modulus", "2048"],
                enough: enough,
                within: .seconds(2))
            #expect(sealing.locked < enough && sealing.dumps != "0 0", "\(sealing)")
        }
    }
}
