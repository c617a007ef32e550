import Federation
import Foundation
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// Two aggregates may be alive: only the one that publish has seated has any say.
    @Suite("The aggregate that was before")
    struct StaleAggregateTests {
        @Test(
            "Publish refuses record and sum of an aggregate whose round was moved, and takes the same from the new one")
        func publish() async throws {
            let stand = try await SumStand()
            let publish = stand.run.topology.publish
            // Not moved: what the one before sends is what a round is released of.
            let first = try await stand.opening(1, to: stand.before)
            let sum = try stand.closing(first)
            #expect(
                try await stand.send(sum, of: first, from: stand.before, term: 0).allSatisfy { $0.outcome == .durable })
            _ = try await stand.run.event("round_released", of: publish, round: 1)
            // Moved: the same makings are refused under its old term, and under the new one, which is not its own.
            let second = try await stand.opening(2, to: stand.before)
            #expect(second.content.seat == first.content.seat)
            try await stand.run.replace(publish, topology: stand.moved)
            _ = try await stand.run.event("round_moved", of: publish, round: 2)
            let next = try stand.closing(second)
            for term in [0, 1] as [UInt32] {
                let answers = try await stand.send(next, of: second, from: stand.before, term: term)
                #expect(answers.allSatisfy { $0.outcome == .refused })
                #expect(
                    answers.allSatisfy {
                        $0.reason
                            == "office/aggregate does not make the sum of round 2: north/aggregate does, in term 1"
                    }, "\(answers)")
            }
            #expect(stand.run.count("round_released", of: publish, round: 2) == 0)
            let heard = try await stand.opening(2, to: stand.after)
            #expect(heard.digest == second.digest)
            _ = try await stand.after.message("appointment") { $0.kind == .appointment }
            let taken = try await stand.send(next, of: second, from: stand.after, term: 1)
            #expect(taken.allSatisfy { $0.outcome == .durable })
            _ = try await stand.run.event("round_released", of: publish, round: 2)
        }

        @Test("A sum that publish holds when its round is moved is dropped, and made again by the new aggregate")
        func held() async throws {
            let stand = try await SumStand()
            let publish = stand.run.topology.publish
            let first = try await stand.opening(1, to: stand.before)
            let closing = try stand.closing(first)
            // The sum alone: without its record the round stays open.
            let name = TransferName(
                run: stand.run.topology.run, kind: .sum, round: first.content.round, cloud: stand.before.stage.cloud)
            let offer = Signed(
                Offer(
                    name: name, maker: stand.before.stage, byteCount: closing.sum.count,
                    digest: Digest(ofContent: closing.sum), about: closing.about.value), by: stand.before.signing)
            stand.before.post.push(
                WireMessage(
                    .offer, from: stand.before.stage, epoch: 1, document: offer.bytes,
                    signature: offer.signature.bytes, bulk: closing.sum), to: publish)
            _ = try await stand.before.message("receipt of the sum") { $0.kind == .receipt }
            try await stand.run.replace(publish, topology: stand.moved)
            _ = try await stand.run.event("round_moved", of: publish, round: 1)
            _ = try await stand.opening(1, to: stand.after)
            let taken = try await stand.send(closing, of: first, from: stand.after, term: 1)
            #expect(taken.allSatisfy { $0.outcome == .durable })
            _ = try await stand.run.event("round_released", of: publish, round: 1)
            // From here on openings name the new one.
            let second = try await stand.opening(2, to: stand.after)
            #expect(second.content.seat == Seat(stand.after.stage, term: 1))
        }

        @Test("A cloud shows an aggregate whose round was moved nothing, and helps with no sum of it")
        func encrypt() async throws {
            let stand = try await OpeningStand()
            let elsewhere = Seat(StageName(cloud: try CloudName("west"), kind: .aggregate), term: 1)
            // Not moved: the same record, shown the same way, is helped with.
            for (round, isMoved) in [(UInt32(1), false), (2, true)] {
                let opening = try await stand.open(round)
                let north = try await stand.contributionOfNorth(to: opening)
                let (east, west) = (
                    try stand.contribution(of: "east", to: opening), try stand.contribution(of: "west", to: opening)
                )
                let sum = try stand.sum([north, east, west].map(\.payload), opening)
                let record = RoundRecord(
                    opening: opening.digest, sum: Digest(ofContent: sum), parts: [east, north, west].map(\.part))
                if isMoved { try await stand.move(opening, to: elsewhere) }
                let evidence = [("east", east.payload), ("west", west.payload)]
                try stand.show(record, evidence: evidence, of: opening)
                guard isMoved else {
                    _ = try await stand.share(of: round)
                    continue
                }
                let answer = try await stand.answer(to: record, of: round)
                #expect(answer.outcome == .refused)
                #expect(
                    answer.reason
                        == "office/aggregate does not make the sum of round 2: west/aggregate does, in term 1")
                #expect(!stand.hasShare(of: round))
            }
            // With the next term the round is its own again, and what it shows under that term is helped with.
            let opening = try await stand.open(3)
            let north = try await stand.contributionOfNorth(to: opening)
            try await stand.move(opening, to: elsewhere)
            try await stand.move(opening, to: Seat(stand.aggregate.stage, term: 2))
            let (east, west) = (
                try stand.contribution(of: "east", to: opening), try stand.contribution(of: "west", to: opening)
            )
            let sum = try stand.sum([north, east, west].map(\.payload), opening)
            let record = RoundRecord(
                opening: opening.digest, sum: Digest(ofContent: sum), parts: [east, north, west].map(\.part))
            let evidence = [("east", east.payload), ("west", west.payload)]
            try stand.show(record, evidence: evidence, of: opening, term: 2)
            _ = try await stand.share(of: 3)
        }

        @Test("A receipt of an aggregate whose round was moved means nothing, and its wants are not answered")
        func receipts() async throws {
            let stand = try await OpeningStand()
            func received(_ round: Int) -> Int {
                stand.run.count("contribution_receipted", of: stand.encrypt, round: round)
            }
            // Not moved: the receipt counts.
            let first = try await stand.open(1)
            _ = try await stand.contributionOfNorth(to: first)
            _ = try await stand.run.event("contribution_receipted", of: stand.encrypt, round: 1)
            let second = try await stand.open(2)
            let north = try await stand.contributionOfNorth(to: second, isReceipted: false)
            func chunks() -> Int {
                stand.aggregate.count { $0.kind == .chunk && $0.transfer == north.offer.content.name }
            }
            let before = chunks()
            try await stand.move(second, to: Seat(StageName(cloud: try CloudName("west"), kind: .aggregate), term: 1))
            stand.receipt(north.offer)
            stand.aggregate.post.publish(
                WireMessage(
                    .want, from: stand.aggregate.stage, epoch: 1, transfer: north.offer.content.name, first: 0, end: 1),
                topic: Topic.to(stand.encrypt))
            // What is said after them has been heard, so they have been.
            let third = try await stand.open(3)
            _ = try await stand.contributionOfNorth(to: third)
            _ = try await stand.run.event("contribution_receipted", of: stand.encrypt, round: 3)
            #expect(received(2) == 0)
            #expect(chunks() == before)
        }
    }
}
