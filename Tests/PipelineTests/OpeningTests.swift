import BigInteger
import Encryption
import Federation
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// What a cloud's encrypt stage helps to open, and what no aggregate can make it open.
    @Suite("Helping to open a sum")
    struct OpeningTests {
        typealias Contribution = OpeningStand.Contribution

        private func record(_ parts: [Contribution], sum: [UInt8], _ opening: Signed<Opening>) -> RoundRecord {
            RoundRecord(opening: opening.digest, sum: Digest(ofContent: sum), parts: parts.map(\.part))
        }

        /// The one honest way, for the round `number`: north's share comes and its proof holds.
        private func opens(_ stand: OpeningStand, _ number: UInt32) async throws {
            let opening = try await stand.open(number)
            let (north, east, west) = (
                try await stand.contributionOfNorth(to: opening), try stand.contribution(of: "east", to: opening),
                try stand.contribution(of: "west", to: opening)
            )
            let sum = try stand.sum([north, east, west].map(\.payload), opening)
            try stand.show(
                record([east, north, west], sum: sum, opening),
                evidence: [("east", east.payload), ("west", west.payload)], of: opening)
            let (offer, row) = try await stand.share(of: number)
            let slots = try SlotLayout(bits: 12, cohort: 3)
            let about = try ShareAbout(offer.about)
            #expect(about.sum == Digest(ofContent: sum))
            let verifier = OpeningVerifier(key: stand.key, layout: opening.content.layout, slots: slots)
            _ = try verifier.verify(
                row, proof: about.proof, party: stand.run.topology.parties[stand.north] ?? 0, sum: sum,
                context: opening.digest.bytes, threads: 1)
        }

        @Test("A cloud helps to open the sum of one cohort's signed contributions, its own among them, once")
        func honest() async throws {
            let stand = try await OpeningStand()
            try await opens(stand, 1)
            // Nothing else of this round finds help: names are spent.
            let opening = try await stand.open(2)
            let north = try await stand.contributionOfNorth(to: opening)
            let (east, west) = (
                try stand.contribution(of: "east", to: opening), try stand.contribution(of: "west", to: opening)
            )
            let sum = try stand.sum([north, east, west].map(\.payload), opening)
            let evidence = [("east", east.payload), ("west", west.payload)]
            try stand.show(record([east, north, west], sum: sum, opening), evidence: evidence, of: opening)
            _ = try await stand.share(of: 2)
            let other = try stand.contribution(of: "west", to: opening)
            let second = try stand.sum([north, east, other].map(\.payload), opening)
            let again = record([east, north, other], sum: second, opening)
            try stand.show(again, evidence: [("east", east.payload), ("west", other.payload)], of: opening)
            #expect(try await stand.answer(to: again, of: 2).outcome == .refused)
            #expect(stand.publish.count { $0.kind == .offer && $0.bulk.count > 0 } > 0)
        }

        @Test("After a loss of power another aggregate shows another sum of the round: no second share is made")
        func secondSum() async throws {
            let stand = try await OpeningStand()
            let opening = try await stand.open(1)
            let north = try await stand.contributionOfNorth(to: opening)
            let (east, west, other) = (
                try stand.contribution(of: "east", to: opening), try stand.contribution(of: "west", to: opening),
                try stand.contribution(of: "west", to: opening)
            )
            let sum = try stand.sum([north, east, west].map(\.payload), opening)
            try stand.show(
                record([east, north, west], sum: sum, opening),
                evidence: [("east", east.payload), ("west", west.payload)], of: opening)
            _ = try await stand.share(of: 1)
            try await stand.killAndRestart()
            // Under another term names are new: what the first sum was shown by stands in nothing's way.
            try await stand.move(opening, to: Seat(StageName(cloud: try CloudName("west"), kind: .aggregate), term: 1))
            try await stand.move(opening, to: Seat(stand.aggregate.stage, term: 2))
            let second = try stand.sum([north, east, other].map(\.payload), opening)
            let answer = try await stand.showUntilAnswered(
                record([east, north, other], sum: second, opening),
                evidence: [("east", east.payload), ("west", other.payload)], of: opening, term: 2)
            #expect(answer.outcome == .refused)
            #expect(answer.reason.contains("this cloud has opened the round already"), "\(answer.reason)")
            #expect(stand.shares(of: 1).count == 1)
            #expect(stand.run.count("share_made", of: stand.encrypt, round: 1) == 1)
        }

        @Test(
            "A cloud that helped with a sum that was given up helps with none over other clouds from the same adapter")
        func otherClouds() async throws {
            var plan = FederationRun.Plan(clouds: ["north", "west", "east", "south"])
            plan.threshold = 2
            let stand = try await OpeningStand(plan)
            func round(_ number: UInt32, _ clouds: [String]) async throws -> (
                record: RoundRecord, opening: Signed<Opening>
            ) {
                let opening = try await stand.open(number)
                var parts = try clouds.map { ($0, try stand.contribution(of: $0, to: opening)) }
                let evidence = parts.map { ($0.0, $0.1.payload) }
                parts.append(("north", try await stand.contributionOfNorth(to: opening)))
                parts.sort { $0.0 < $1.0 }
                let sum = try stand.sum(parts.map(\.1.payload), opening)
                let told = record(parts.map(\.1), sum: sum, opening)
                try stand.show(told, evidence: evidence, of: opening)
                return (told, opening)
            }
            let first = try await round(1, ["east", "west"])
            _ = try await stand.share(of: 1)
            stand.announce(
                Signed(
                    Abandonment(
                        run: stand.run.topology.run, round: RoundNumber(1), opening: first.opening.digest, missing: [],
                        reason: "a test"), by: stand.publish.signing))
            let second = try await round(2, ["east", "south"])
            let answer = try await stand.answer(to: second.record, of: 2)
            #expect(answer.outcome == .refused)
            #expect(
                answer.reason.contains("it can help with a sum over east, north, west alone"),
                "\(answer.reason)")
            #expect(!stand.hasShare(of: 2))
            // The control: over the same clouds it helps.
            stand.announce(
                Signed(
                    Abandonment(
                        run: stand.run.topology.run, round: RoundNumber(2), opening: second.opening.digest, missing: [],
                        reason: "a test"), by: stand.publish.signing))
            _ = try await round(3, ["east", "west"])
            _ = try await stand.share(of: 3)
        }

        /// How a sum can be wrong.
        enum Lie: String, CaseIterable, Sendable {
            case sumOfOneAlone, dropped, exchanged, invented, doubled, altered, wrongSum, inverse, unproved, weight

            var reason: String {
                switch self {
                case .sumOfOneAlone: "at least 3 must be"
                case .dropped: "at least 3 must be"
                case .exchanged: "north contributed something else"
                case .invented: "west has not signed"
                case .doubled: "east is listed twice"
                case .altered: "west contributed something else"
                case .wrongSum: "the sum is not the product"
                case .inverse, .unproved: "did not prove that it knows"
                case .weight: "claims weight 2"
                }
            }
        }

        @Test(
            "No lie of aggregate's, nor a cloud in league with it, makes a cloud open anything else",
            arguments: Lie.allCases)
        func lies(_ lie: Lie) async throws {
            let stand = try await OpeningStand()
            let opening = try await stand.open(1)
            let north = try await stand.contributionOfNorth(to: opening)
            var (east, west) = (
                try stand.contribution(of: "east", to: opening), try stand.contribution(of: "west", to: opening)
            )
            var parts = [east, north, west]
            var shown: [UInt8]?
            var evidence = [("east", east.payload), ("west", west.payload)]
            switch lie {
            case .sumOfOneAlone: parts = [north]
            case .dropped: parts = [east, west]
            case .exchanged:
                // Signed by north's own key, and not what it sent.
                parts = [east, try stand.contribution(of: "north", to: opening), west]
            case .invented:
                west = try stand.contribution(of: "west", to: opening, signer: "east")
                (parts, evidence[1].1) = ([east, north, west], west.payload)
            case .doubled: parts = [east, east, north, west]
            case .altered: evidence[1].1 = try stand.contribution(of: "west", to: opening).payload
            case .wrongSum: shown = north.payload
            case .inverse:
                // West, who knows north's ciphertexts from aggregate, takes north out of the sum of east and north.
                let square = stand.key.paillier.nSquared
                let inverse = try #require(square.inverse(of: Integer(bigEndian: north.payload)))
                let bytes = try #require(inverse.bigEndianBytes(count: north.payload.count))
                west = try stand.contribution(of: "west", to: opening, payload: bytes)
                (parts, evidence[1].1) = ([east, north, west], west.payload)
            case .unproved:
                let proof = try ContributionAbout(east.offer.content.about).proof
                west = try stand.contribution(of: "west", to: opening, proof: proof)
                (parts, evidence[1].1) = ([east, north, west], west.payload)
            case .weight:
                east = try stand.contribution(of: "east", to: opening, weight: 2)
                (parts, evidence[0].1) = ([east, north, west], east.payload)
            }
            let sum = try shown ?? stand.sum([north, east, west].map(\.payload), opening)
            let told = record(parts, sum: sum, opening)
            try stand.show(told, evidence: evidence, of: opening)
            let receipt = try await stand.answer(to: told, of: 1)
            #expect(receipt.outcome == .refused)
            #expect(receipt.reason.contains(lie.reason), "\(receipt.reason)")
            let event = try await stand.run.event("sum_refused", of: stand.encrypt, round: 1)
            #expect(event.fields["reason"]?.contains(lie.reason) ?? false, "\(event.line)")
            #expect(!stand.hasShare(of: 1))
            // It lives on, and helps with what is right.
            try await opens(stand, 2)
            #expect(!stand.hasShare(of: 1))
            #expect(stand.run.book.all.filter { $0.name == "stage_started" }.count == 1)
        }

        @Test("A cloud stays out of a round whose sum no more clouds need be in than can open it")
        func smallCohort() async throws {
            for (limit, reason) in [
                (3, "this cloud's limits.minimum-cohort is 3"),
                (2, "a sum of 2 clouds opened, which 2 of them can open"),
            ] {
                var plan = FederationRun.Plan()
                plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: \(limit), maximum-share: 0.6}\n"
                let stand = try await OpeningStand(plan)
                let opening = try await stand.open(1, minimum: 2)
                let event = try await stand.run.event("opening_refused", of: stand.encrypt, round: 1)
                #expect(event.fields["reason"]?.contains(reason) ?? false, "\(event.line)")
                #expect(opening.content.minimumCohort == 2)
                try await opens(stand, 2)
            }
        }
    }
}
