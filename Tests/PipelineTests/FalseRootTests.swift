import Federation
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// What publish makes of a record and a sum that do not belong together.
    @Suite("A sum under another record's root")
    struct FalseRootTests {
        /// What aggregate says falsely of an honest sum.
        enum Lie: String, CaseIterable, Sendable {
            /// The Merkle root, of no record or of one without the last cloud.
            case root, shorter
            /// The digest of the sum that the record is of.
            case sum
        }

        private func told(_ lie: Lie, _ honest: SumStand.Closing) -> SumStand.Closing {
            let shorter = RoundRecord(
                opening: honest.record.opening, sum: honest.record.sum, parts: Array(honest.record.parts.dropLast()))
            func about(_ root: Digest) -> SumAbout {
                SumAbout(opening: honest.about.opening, root: root, parts: honest.about.parts)
            }
            switch lie {
            case .root:
                return .init(record: honest.record, sum: honest.sum, about: about(Digest(of: Array("root".utf8))))
            case .shorter: return .init(record: honest.record, sum: honest.sum, about: about(shorter.root))
            case .sum:
                let other = RoundRecord(
                    opening: honest.record.opening, sum: Digest(of: Array("sum".utf8)), parts: honest.record.parts)
                return .init(record: other, sum: honest.sum, about: honest.about)
            }
        }

        @Test(
            "Publish opens no sum whose root or digest is not the record's, says so, and goes on",
            arguments: Lie.allCases)
        func refused(_ lie: Lie) async throws {
            let stand = try await SumStand()
            let publish = stand.run.topology.publish
            func close(_ round: UInt32, as lie: Lie?) async throws {
                let opening = try await stand.opening(round, to: stand.before)
                let honest = try stand.closing(opening)
                _ = try await stand.send(
                    lie.map { told($0, honest) } ?? honest, of: opening, from: stand.before, term: 0)
            }
            try await close(1, as: nil)
            _ = try await stand.run.event("round_released", of: publish, round: 1)
            #expect(!stand.run.book.all.contains { $0.name == "sum_unusable" })

            try await close(2, as: lie)
            let words = "the sum is not the product of the contributions that the clouds have signed"
            let event = try await stand.run.event("sum_unusable", of: publish, round: 2)
            #expect(event.fields["reason"] == words, "\(event.line)")
            let abandoned = try await stand.run.event("round_abandoned", of: publish, round: 2)
            #expect(
                abandoned.fields["reason"] == "aggregate's record is not of its sum: \(words)", "\(abandoned.line)")

            try await close(3, as: nil)
            _ = try await stand.run.event("round_released", of: publish, round: 3)
            #expect(stand.run.count("round_released", of: publish, round: 2) == 0)
        }
    }
}
