import Aggregation
import Encryption
import Federation
import Foundation
import Keys
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// What aggregate keeps of a round, and what an auditor finds in it.
    @Suite("Audits")
    struct AuditTests {
        private func shelf(_ run: FederationRun) -> String {
            "\(run.topology.stateFolder(of: run.topology.aggregate))/evidence"
        }

        private func audit(_ folder: String, _ run: FederationRun) throws -> Audit {
            try Audit(
                EvidenceFolder(folder), publisher: run.topology.publish, keys: { try run.keys.card(of: $0).verifying },
                publicKey: { _ in try run.sharedKey().paillier }, arePartsProved: true, threads: 1)
        }

        /// A copy of the newest round's evidence.
        private func copy(of run: FederationRun, as name: String) throws -> String {
            let rounds = try FileManager.default.contentsOfDirectory(atPath: shelf(run)).compactMap { Int($0) }.sorted()
            #expect(rounds.count == 2)
            let copy = "\(run.root)/\(name)"
            try FileManager.default.copyItem(atPath: "\(shelf(run))/\(try #require(rounds.last))", toPath: copy)
            return copy
        }

        @Test("The newest rounds' sums are found to be the product of what the clouds signed")
        func sound() async throws {
            let run = try await SharedRuns.paillier().run
            let audit = try audit(try copy(of: run, as: "sound"), run)
            #expect(audit.isSound, "\(audit.problems) \(audit.findings)")
            #expect(audit.findings.map(\.cloud.description) == ["east", "north", "west"])
            #expect(audit.absent == [])
            let closed = run.book.all.last { $0.name == "round_closed" }
            #expect(closed?.fields["root"] == audit.record.root.description)
        }

        @Test("An altered, exchanged, dropped or invented contribution, or another sum, is named")
        func spoiled() async throws {
            let run = try await SharedRuns.paillier().run
            let folder = try copy(of: run, as: "spoiled")
            func reset() throws -> String {
                try FileManager.default.removeItem(atPath: folder)
                return try copy(of: run, as: "spoiled")
            }
            func flip(_ file: String, at place: Int) throws {
                var bytes = try run.read("\(folder)/\(file)")
                bytes[place] ^= 1
                try run.write(bytes, "\(folder)/\(file)")
            }

            try flip("contribution-west", at: 900)
            let altered = try audit(folder, run)
            #expect(altered.findings.last?.problem?.contains("altered") ?? false)
            #expect(altered.findings.dropLast().allSatisfy { $0.problem == nil })
            #expect(altered.problems.contains { $0.contains("not the product") })
            let (status, text) = try command(folder, run)
            #expect(status == 1)
            let lines = text.split(separator: "\n")
            #expect(lines.contains { $0.contains("west") && $0.contains("altered") }, "\(text)")
            #expect(
                !lines.contains { $0.contains("altered") && ($0.contains("east") || $0.contains("north")) }, "\(text)")

            _ = try reset()
            try flip("sum", at: 900)
            let sum = try audit(folder, run)
            #expect(sum.problems == ["the sum that lies here is not the one that the record is of"])
            #expect(sum.findings.allSatisfy { $0.problem == nil })

            _ = try reset()
            let east = try run.read("\(folder)/contribution-east")
            try run.write(east, "\(folder)/contribution-north")
            #expect(try audit(folder, run).findings[1].problem?.contains("altered") ?? false)

            // What aggregate could write: a record without a cloud, or with a signature of somebody else.
            _ = try reset()
            let record = try RoundRecord(bytes: try run.read("\(folder)/record"))
            let short = RoundRecord(opening: record.opening, sum: record.sum, parts: Array(record.parts.dropLast()))
            try run.write(short.bytes, "\(folder)/record")
            let dropped = try audit(folder, run)
            #expect(!dropped.isSound)
            #expect(dropped.problems.contains { $0.contains("at least 3 must be") }, "\(dropped.problems)")

            let forged = RoundRecord(
                opening: record.opening, sum: record.sum,
                parts: [record.parts[0], .init(offer: record.parts[1].offer, signature: record.parts[0].signature)]
                    + record.parts[2...])
            try run.write(forged.bytes, "\(folder)/record")
            let invented = try audit(folder, run)
            #expect(invented.problems.contains { $0.contains("north has not signed") }, "\(invented.problems)")

            let twice = RoundRecord(
                opening: record.opening, sum: record.sum, parts: [record.parts[0]] + record.parts)
            try run.write(twice.bytes, "\(folder)/record")
            #expect(try audit(folder, run).problems.contains { $0.contains("east is listed twice") })

            _ = try reset()
            #expect(try audit(folder, run).isSound)
            #expect(try command(folder, run).status == 0)
        }

        /// Runs the launcher's `audit` on a round's evidence.
        private func command(_ folder: String, _ run: FederationRun) throws -> (status: Int32, text: String) {
            let launcher = Process()
            launcher.executableURL = URL(filePath: "\(FederationRun.binaries)/tributary")
            launcher.arguments = [
                "audit", folder, "--topology", "\(run.root)/topology.yaml", "--state",
                run.topology.statePath,
            ]
            let output = Pipe()
            launcher.standardOutput = output
            launcher.standardError = output
            try launcher.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            launcher.waitUntilExit()
            return (launcher.terminationStatus, text)
        }

        @Test("A round that closed without a cloud, with a quorum, is sound, and its audit names who is not in the sum")
        func absent() async throws {
            let stand = try await Stand()
            let run = stand.run
            func closed(_ round: UInt32, helped: HelpedSum?) async throws -> (absent: [CloudName], text: String) {
                let opening = try await stand.open(round, quorum: 2)
                for (index, cloud) in ["west", "east", "north"].enumerated() {
                    let payload = try stand.seal(Stand.values(UInt32(index)), for: opening)
                    let offer = try stand.offer(
                        payload, for: opening, of: cloud, helped: cloud == "west" ? nil : helped)
                    try stand.send(offer, payload, from: cloud)
                    #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
                }
                _ = try await stand.sum(of: opening)
                let audit = try Audit(
                    EvidenceFolder("\(shelf(run))/\(round)"), publisher: run.topology.publish,
                    keys: { try run.keys.card(of: $0).verifying }, publicKey: { _ in stand.key.publicKey },
                    arePartsProved: false, threads: 1)
                #expect(audit.isSound && audit.opening.digest == opening.digest, "\(audit.problems)")
                let (status, text) = try command("\(shelf(run))/\(round)", run)
                #expect(status == 0, "\(text)")
                stand.release(opening)
                return (audit.absent, text)
            }
            // By the word of the two others the round is held to them.
            let word = HelpedSum(round: RoundNumber(1), clouds: try ["east", "north"].map { try CloudName($0) })
            let words = "west is not in the sum: ask it whether aggregate receipted a contribution of it"
            let held = try await closed(2, helped: word)
            #expect(held.absent == [try CloudName("west")])
            #expect(held.text.contains(words), "\(held.text)")
            let whole = try await closed(3, helped: nil)
            #expect(whole.absent == [])
            #expect(!whole.text.contains("is not in the sum"), "\(whole.text)")
        }

        @Test("A round is audited under its own key after another was chosen; without its public half that is said")
        func rotated() async throws {
            var plan = FederationRun.Plan(evaluates: false, trainer: "none")
            plan.configs[.aggregate] = "threads: 1\nevidence-rounds: 10\n"
            let run = try FederationRun(plan, keys: try await SharedRuns.paillier().run)
            let (publish, held) = (run.topology.publish, run.stage(.encrypt, "east"))
            let first = try run.sharedKey()
            run.pause(held, at: "round_joined", round: 2)
            try run.startAll()
            _ = try await run.event("round_joined", of: held, round: 2)
            let second = try run.addKeyOfSums(from: try await OpeningStand.keys.value)
            try run.keys.chooseSumKey(second.bytes)
            run.resume(held)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            #expect(try await run.event("round_opened", of: publish, round: 3).fields["key"] == second.description)
            for round in 1...3 {
                let (status, text) = try command("\(shelf(run))/\(round)", run)
                #expect(status == 0 && text.contains("the sum is the product of what the clouds signed"), "\(text)")
            }

            try run.removeKeyOfSums(1)
            for round in 1...2 {
                let (status, text) = try command("\(shelf(run))/\(round)", run)
                #expect(status == 78, "\(text)")
                #expect(text.contains("no key of sums here has the id \(first.id)"), "\(text)")
                #expect(text.contains("put it (paillier.pub, or paillier.N.pub) back into"), "\(text)")
            }
            #expect(try command("\(shelf(run))/\(3)", run).status == 0)
            // Its public half alone is enough, under any number.
            try run.keys.storePaillierPublic(Array(first.text.utf8), number: 3, of: publish.cloud)
            #expect(try command("\(shelf(run))/\(1)", run).status == 0)
        }

        @Test("An opening that publish has not signed, or a folder without one, is no evidence")
        func opening() async throws {
            let run = try await SharedRuns.paillier().run
            let folder = try copy(of: run, as: "opening")
            var bytes = try run.read("\(folder)/opening.signature")
            bytes[3] ^= 1
            try run.write(bytes, "\(folder)/opening.signature")
            #expect(throws: FederationError.self) { try audit(folder, run) }
            try FileManager.default.removeItem(atPath: "\(folder)/opening")
            #expect(throws: EvidenceFolder.Fault.self) { try audit(folder, run) }
        }
    }
}
