import Federation
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// Sums of enough clouds, without the one that is asked.
    @Suite("A sum that leaves out the cloud that is to help")
    struct LeftOutTests {
        @Test("A cloud helps with no sum that its receipted contribution is not in, and says so of the release")
        func leftOut() async throws {
            let stand = try await OpeningStand(.init(clouds: ["north", "west", "east", "south"], threshold: 2))
            // Three of four are enough, where the cloud that is asked is one of them.
            let first = try await stand.open(1)
            let (with, evidence) = try await record(["east", "north", "west"], of: first, stand)
            try stand.show(with, evidence: evidence, of: first)
            _ = try await stand.share(of: 1)
            release(first, over: ["east", "north", "west"], stand)

            let second = try await stand.open(2, startsFrom: 1)
            let (without, others) = try await record(["east", "south", "west"], of: second, stand)
            try stand.show(without, evidence: others, of: second)
            let receipt = try await stand.answer(to: without, of: 2)
            #expect(receipt.outcome == .refused)
            let words = "the contribution of north was receipted and is not in the sum"
            #expect(receipt.reason.contains(words), "\(receipt.reason)")
            let refused = try await stand.run.event("sum_refused", of: stand.encrypt, round: 2)
            #expect(refused.fields["reason"]?.contains(words) ?? false, "\(refused.line)")
            #expect(!stand.hasShare(of: 2))

            // The others can open it: what publish releases is told for what it is, once.
            release(second, over: ["east", "south", "west"], stand)
            let dropped = try await stand.run.event("contribution_dropped", of: stand.encrypt, round: 2)
            #expect(
                dropped.fields["reason"]
                    == "\(stand.aggregate.stage) receipted it, and it is not in the sum that was released")
            #expect(stand.run.book.all.filter { $0.name == "contribution_dropped" }.count == 1)
            #expect(!stand.run.book.all.contains { $0.name == "left_out" })
        }

        /// A record of `clouds` and its sum; north has contributed, whether or not it is one of them, and has its receipt.
        private func record(
            _ clouds: [String], of opening: Signed<Opening>, _ stand: OpeningStand
        ) async throws -> (RoundRecord, [(cloud: String, payload: [UInt8])]) {
            let north = try await stand.contributionOfNorth(to: opening)
            _ = try await stand.run.event(
                "contribution_receipted", of: stand.encrypt, round: Int(opening.content.round.value))
            let parts = try clouds.map { ($0, $0 == "north" ? north : try stand.contribution(of: $0, to: opening)) }
            let sum = try stand.sum(parts.map(\.1.payload), opening)
            return (
                RoundRecord(opening: opening.digest, sum: Digest(ofContent: sum), parts: parts.map(\.1.part)),
                parts.filter { $0.0 != "north" }.map { ($0.0, $0.1.payload) }
            )
        }

        private func release(_ opening: Signed<Opening>, over names: [String], _ stand: OpeningStand) {
            let content = opening.content
            let release = Release(
                run: content.run, round: content.round, purpose: content.purpose, opening: opening.digest,
                cohort: content.cohort.filter { names.contains($0.cloud.description) }, sums: [], metrics: [:],
                adapterDigest: Digest(ofContent: [UInt8(truncatingIfNeeded: content.round.value)]), heldBy: [],
                isFinal: false)
            stand.announce(Signed(release, by: stand.publish.signing))
        }
    }
}
