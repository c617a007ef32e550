import Encryption
import Federation
import Foundation
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// What clouds have helped with in a round that was given up, and the round after it.
    @Suite("After a sum that was opened and never released")
    struct HelpedSumTests {
        private func word(_ round: UInt32, _ names: [String]) throws -> HelpedSum {
            HelpedSum(round: RoundNumber(round), clouds: try names.map { try CloudName($0) })
        }

        @Test("A cloud says with its contribution what it has helped with from the same adapter")
        func told() async throws {
            let stand = try await OpeningStand()
            let first = try await stand.open(1)
            let north = try await stand.contributionOfNorth(to: first)
            #expect(try ContributionAbout(north.offer.content.about).helped == nil)
            let (east, west) = (
                try stand.contribution(of: "east", to: first), try stand.contribution(of: "west", to: first)
            )
            let sum = try stand.sum([north, east, west].map(\.payload), first)
            let record = RoundRecord(
                opening: first.digest, sum: Digest(ofContent: sum), parts: [east, north, west].map(\.part))
            try stand.show(record, evidence: [("east", east.payload), ("west", west.payload)], of: first)
            _ = try await stand.share(of: 1)
            stand.announce(
                Signed(
                    Abandonment(
                        run: stand.run.topology.run, round: RoundNumber(1), opening: first.digest, missing: [],
                        reason: "a test"), by: stand.publish.signing))
            let second = try await stand.open(2)
            let again = try await stand.contributionOfNorth(to: second)
            #expect(try ContributionAbout(again.offer.content.about).helped == word(1, ["east", "north", "west"]))

            // The release is without it: it knows that this was by its own word.
            announce(release(of: second, stand, over: ["east", "west"], heldBy: []), stand)
            let event = try await stand.run.event("left_out", of: stand.encrypt, round: 2)
            #expect(
                event.fields["reason"]?.contains("this cloud has helped to open a sum over east, north, west") ?? false)
        }

        @Test("A cloud that is left out is told by whose word; one whose word was invented says so")
        func leftOut() async throws {
            let stand = try await OpeningStand()
            let first = try await stand.open(1)
            _ = try await stand.contributionOfNorth(to: first)
            _ = try await stand.run.event("contribution_receipted", of: stand.encrypt, round: 1)
            announce(release(of: first, stand, over: ["east", "west"], heldBy: ["east", "west"]), stand)
            let event = try await stand.run.event("left_out", of: stand.encrypt, round: 1)
            #expect(event.fields["reason"]?.contains("by the word of east, west") ?? false, "\(event.line)")
            #expect(!stand.run.book.all.contains { $0.name == "contribution_dropped" || $0.name == "word_invented" })

            let second = try await stand.open(2, startsFrom: 1)
            _ = try await stand.contributionOfNorth(to: second)
            announce(release(of: second, stand, over: ["east", "north"], heldBy: ["north"]), stand)
            _ = try await stand.run.event("word_invented", of: stand.encrypt, round: 2)
        }

        private func release(
            of opening: Signed<Opening>, _ stand: OpeningStand, over names: [String], heldBy: [String]
        ) -> Release {
            let cohort = opening.content.cohort.filter { names.contains($0.cloud.description) }
            return Release(
                run: opening.content.run, round: opening.content.round, purpose: .update, opening: opening.digest,
                cohort: cohort, sums: [], metrics: [:], adapterDigest: Digest(ofContent: [1]),
                heldBy: cohort.map(\.cloud).filter { heldBy.contains($0.description) }, isFinal: false)
        }

        private func announce(_ release: Release, _ stand: OpeningStand) {
            stand.announce(Signed(release, by: stand.publish.signing))
        }

        @Test("Aggregate sums over those who have helped alone, and says by whose word and whom it has left out")
        func held() async throws {
            let stand = try await Stand()
            let opening = try await stand.open(2, quorum: 2)
            let helped = try word(1, ["north", "west"])
            // The one that is left out in the end comes first, and is in the product when the others come.
            for (index, cloud) in ["east", "north", "west"].enumerated() {
                let payload = try stand.seal(Stand.values(UInt32(index)), for: opening)
                let offer = try stand.offer(payload, for: opening, of: cloud, helped: cloud == "east" ? nil : helped)
                try stand.send(offer, payload, from: cloud)
                #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
            }
            let sum = try await stand.sum(of: opening)
            #expect(sum.parts == ["north", "west"])
            #expect(sum.values == zip(Stand.values(1), Stand.values(2)).map { UInt64($0) + UInt64($1) })
            let event = try await stand.run.event("round_held", of: stand.run.topology.aggregate, round: 2)
            #expect(event.line.contains(#""held_by":["north","west"]"#) && event.line.contains(#""left_out":["east"]"#))
        }

        @Test("A cloud that invents such a word leaves out itself and nobody else")
        func invented() async throws {
            let stand = try await Stand()
            let opening = try await stand.open(2, quorum: 2)
            for (index, cloud) in ["east", "north", "west"].enumerated() {
                let payload = try stand.seal(Stand.values(UInt32(index)), for: opening)
                let lie = cloud == "east" ? try word(1, ["east", "north"]) : nil
                let offer = try stand.offer(payload, for: opening, of: cloud, helped: lie)
                try stand.send(offer, payload, from: cloud)
            }
            let sum = try await stand.sum(of: opening)
            #expect(sum.parts == ["north", "west"])
            #expect(sum.values == zip(Stand.values(1), Stand.values(2)).map { UInt64($0) + UInt64($1) })
            let event = try await stand.run.event("round_held", of: stand.run.topology.aggregate, round: 2)
            #expect(event.fields["reason"]?.contains("east has helped to open a sum over east and north") ?? false)
        }
    }
}
