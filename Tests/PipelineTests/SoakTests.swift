import Federation
import Foundation
import Glibc
import Testing
import Topology

private let soakSeconds = ProcessInfo.processInfo.environment["TRIBUTARY_SOAK"].flatMap { Double($0) }

extension PipelineSuite {
    /// A run that goes on for TRIBUTARY_SOAK seconds, with a stage killed or swapped every minute: what its processes hold in
    /// memory, descriptors and threads, and what lies on the disk. Part of `make long`, for an hour.
    @Suite(
        "Soak",
        .enabled(if: soakSeconds != nil, "set TRIBUTARY_SOAK to how many seconds, such as 3600 (`make long` does)"))
    struct SoakTests {
        /// What a stage's process holds at one moment.
        private struct Sample {
            let second: Double
            let stage: StageName
            let pid: Int32
            let residentKB: Int
            let descriptors: Int
            let threads: Int
        }

        @Test("Memory, descriptors and threads of every stage stay as they were, and the disk is bounded")
        func soak() async throws {
            let length = try #require(soakSeconds)
            var plan = FederationRun.Plan(updates: 100_000, steps: 60, evaluates: false)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                seed: 3
                rounds: 100000
                local-steps: 60
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                validate-every: 0
                test: false
                threads: 1
                keep-releases: 3
                """
            let run = try FederationRun(plan)
            try await run.launch()
            let clock = ContinuousClock()
            let began = clock.now
            func elapsed() -> Double { (clock.now - began) / .seconds(1) }
            var samples: [Sample] = []
            var disk: [(second: Double, kilobytes: Int)] = []
            var (kills, swaps, disturbances) = (0, 0, 0)
            while elapsed() < length {
                let second = elapsed()
                samples += try processes(of: run).compactMap { try sample($0.stage, $0.pid, at: second) }
                disk.append((second, try kilobytes(in: run.topology.statePath)))
                if Int(second / 60) > disturbances {
                    disturbances += 1
                    let stage = run.stages[disturbances % run.stages.count]
                    if disturbances.isMultiple(of: 2) {
                        if let process = try processes(of: run).first(where: { $0.stage == stage }) {
                            kill(process.pid, SIGKILL)
                            kills += 1
                        }
                    } else if try await run.swap(stage)?.result.event == "done" {
                        swaps += 1
                    }
                }
                try await Task.sleep(for: .seconds(min(10, max(1, length / 60))))
            }
            run.signal(SIGTERM, to: try run.launcher)
            let end = try await run.event("exited", of: try run.launcher, within: 300)
            #expect(end.fields["status"] == "0")
            let rounds = try RoundTimes(of: run)
            #expect(rounds.abandoned == 0)
            #expect(rounds.rounds > Int(length / 60))
            print(
                "\(Int(length)) s, \(kills) kills, \(swaps) swaps; the last logs hold \(rounds.rounds) rounds, median \(rounds.seconds.middle) s, longest \(rounds.seconds.last ?? 0) s"
            )
            report(samples, disk)
            // The last process of each stage that lived long: its first fifth is when caches and tables fill.
            for (_, life) in Dictionary(grouping: samples, by: \.pid) where life.count >= 30 {
                let settled = Array(life.dropFirst(life.count / 5))
                let half = settled.count / 2
                let (early, late) = (settled[..<half], settled[half...])
                let stage = life[0].stage
                let (before, after) = (middle(early.map(\.residentKB)), middle(late.map(\.residentKB)))
                #expect(after <= before + before / 20 + 2048, "\(stage): \(before) KB, then \(after) KB")
                #expect(middle(late.map(\.descriptors)) <= middle(early.map(\.descriptors)) + 2, "\(stage)")
                #expect(middle(late.map(\.threads)) <= middle(early.map(\.threads)) + 1, "\(stage)")
            }
            #expect(disk.allSatisfy { $0.kilobytes < 1 << 20 }, "a gigabyte of state")
        }

        private func middle(_ values: [Int]) -> Int { values.isEmpty ? 0 : values.sorted()[values.count / 2] }

        /// The stages' processes, as the launcher's record has them.
        private func processes(of run: FederationRun) throws -> [(stage: StageName, pid: Int32)] {
            struct Record: Decodable {
                struct Stage: Decodable {
                    let stage: String
                    let state: String
                    let pid: Int32?
                }
                let stages: [Stage]
            }
            let data = try Data(contentsOf: URL(filePath: "\(run.topology.statePath)/launcher.json"))
            return try JSONDecoder().decode(Record.self, from: data).stages.compactMap { stage in
                guard stage.state == "ready", let pid = stage.pid else { return nil }
                return (try StageName(stage.stage), pid)
            }
        }

        /// Nil where the process has just ended.
        private func sample(_ stage: StageName, _ pid: Int32, at second: Double) throws -> Sample? {
            guard let status = FileManager.default.contents(atPath: "/proc/\(pid)/status") else { return nil }
            var fields: [String: Int] = [:]
            for line in String(decoding: status, as: UTF8.self).split(separator: "\n") {
                let parts = line.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " })
                if parts.count >= 2, let number = Int(parts[1]) { fields[String(parts[0])] = number }
            }
            guard let resident = fields["VmRSS"], let threads = fields["Threads"],
                let names = opendir("/proc/\(pid)/fd")
            else { return nil }
            defer { closedir(names) }
            var descriptors = -2  // . and ..
            while readdir(names) != nil { descriptors += 1 }
            return Sample(
                second: second, stage: stage, pid: pid, residentKB: resident, descriptors: descriptors, threads: threads
            )
        }

        private func kilobytes(in folder: String) throws -> Int {
            var bytes = 0
            let files = FileManager.default.enumerator(atPath: folder)
            while let name = files?.nextObject() as? String {
                var information = stat()
                // What is gone again takes no room.
                guard lstat("\(folder)/\(name)", &information) == 0 else { continue }
                bytes += Int(information.st_blocks) * 512
            }
            return bytes >> 10
        }

        private func report(_ samples: [Sample], _ disk: [(second: Double, kilobytes: Int)]) {
            for (stage, all) in Dictionary(grouping: samples, by: \.stage).sorted(by: { $0.key < $1.key }) {
                let lives = Dictionary(grouping: all, by: \.pid).values
                guard let longest = lives.max(by: { $0.count < $1.count }), let last = longest.last else { continue }
                func at(_ part: Double) -> Sample { longest[Int(Double(longest.count - 1) * part)] }
                print(
                    "  \(stage): \(lives.count) processes; of the longest (\(Int(last.second - longest[0].second)) s) RSS at 1/5, 1/2, end: \(at(0.2).residentKB), \(at(0.5).residentKB), \(last.residentKB) KB; descriptors \(at(0.2).descriptors), \(at(0.5).descriptors), \(last.descriptors); threads \(at(0.2).threads), \(last.threads)"
                )
            }
            func kilobytes(_ part: Double) -> Int { disk[Int(Double(disk.count - 1) * part)].kilobytes }
            print(
                "  disk at 1/5, 1/2, end: \(kilobytes(0.2)), \(kilobytes(0.5)), \(kilobytes(1)) KB; most \(disk.map(\.kilobytes).max() ?? 0) KB"
            )
        }
    }
}
