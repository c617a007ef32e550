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
