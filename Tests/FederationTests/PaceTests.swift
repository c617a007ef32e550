import Federation
import MessagePack
import Sodium
import Testing

@Suite("Pace")
struct PaceTests {
    private static func round(_ number: UInt32) -> RoundNumber { RoundNumber(number) }

    /// Updates 3, 5 and 6 were released; of west's that of round 3 came two updates late, for the sum of 6.
    static let recent = RecentUpdates([
        .init(round: round(3), parts: [.init(cloud: Samples.north, base: round(3))]),
        .init(round: round(5), parts: [.init(cloud: Samples.north, base: round(5))]),
        .init(
            round: round(6),
            parts: [.init(cloud: Samples.north, base: round(6)), .init(cloud: Samples.west, base: round(3))]),
    ])

    private func pace(
        _ mode: Pace.Mode = .buffered, window: Int = 0, oldest: Int = 4, discount: Double = 0.5,
        recent: RecentUpdates = PaceTests.recent
    ) -> Pace { Pace(mode: mode, window: window, oldest: oldest, discount: discount, recent: recent) }

    private func opening(
        _ pace: Pace?, round: UInt32 = 8, suite: Suite = .paillier, pacing: Pacing = .even, purpose: Purpose = .update,
        compression: CompressionPlan? = nil
    ) -> Opening {
        Opening(
            run: Samples.run, round: RoundNumber(round), purpose: purpose, seat: Samples.seat, layout: Samples.layout,
            bits: 12, suite: suite, keyID: suite == .paillier ? Array(Samples.digest.bytes.prefix(16)) : [],
            profile: suite == .paillier ? "conservative" : "", clipNorm: 10, cohort: Samples.cohort, quorum: 2,
            minimumCohort: 2, deadline: 1_800_000_000_000, startsFrom: RoundNumber(6), adapterDigest: Samples.digest,
            adapter: Samples.plan,
            training: purpose == .update
                ? TrainingPlan(
                    steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0, gradientClip: 1, seed: 1,
                    pacing: pacing) : nil,
            split: purpose == .evaluation ? .validation : nil, compression: compression, pace: pace)
    }

    @Test("An opening says its pace")
    func documents() throws {
        for pace in [pace(), pace(.grace, window: 30_000, oldest: 3, discount: 1), pace(recent: RecentUpdates())] {
            let opening = opening(pace)
            let read = try Opening(decodeDocument(encode(opening.value)))
            #expect(read == opening && read.pace == pace)
        }
        #expect(try Opening(decodeDocument(encode(opening(nil).value))).pace == nil)
        #expect(try RecentUpdates(bytes: Self.recent.bytes) == Self.recent)
    }

    @Test("What no honest publish says is refused with the reason")
    func malformed() {
        let twice = RecentUpdates(
            Self.recent.updates + [
                .init(round: Self.round(7), parts: [.init(cloud: Samples.west, base: Self.round(3))])
            ])
        let unordered = RecentUpdates(Self.recent.updates.reversed())
        let ahead = RecentUpdates([.init(round: Self.round(8), parts: [])])
        let early = RecentUpdates([
            .init(round: Self.round(3), parts: [.init(cloud: Samples.north, base: Self.round(4))])
        ])
        let doubled = RecentUpdates([
            .init(
                round: Self.round(3),
                parts: [
                    .init(cloud: Samples.west, base: Self.round(3)), .init(cloud: Samples.west, base: Self.round(2)),
                ])
        ])
        let feedback = CompressionPlan(
            scales: .fixed, margin: 2, limit: 1, feedback: 0.5, fraction: 1, rotation: 0, turn: 1, since: nil,
            places: nil)
        let cases: [(Opening, String)] = [
            (opening(pace(recent: twice)), "counted twice"), (opening(pace(recent: unordered)), "not in order"),
            (opening(pace(recent: ahead)), "rounds that are not over"),
            (opening(pace(recent: early)), "no later than its round"),
            (opening(pace(recent: doubled)), "twice in a round"), (opening(pace(oldest: 2)), "at most 2 matter"),
            (opening(pace(.synchronous)), "has no pace"), (opening(pace(window: 5)), "no window"),
            (opening(pace(), suite: .secagg), "without masks"), (opening(pace(), purpose: .evaluation), "only updates"),
            (opening(pace(), compression: feedback), "cannot be kept for the next"),
        ]
        for (opening, reason) in cases {
            #expect { try Opening(decodeDocument(encode(opening.value))) } throws: {
                "\($0)".contains(reason)
            }
        }
    }

    /// (1 + s)^-p by hand: 1, 1/sqrt 2, 1/sqrt 3, 1/2; and 1, 1/2, 1/3, 1/4.
    @Test("A late vector counts less by how many updates were released since the adapter that it was trained from")
    func discounts() {
        let half: [Double] = [1, 0.707_106_781_186_547_5, 0.577_350_269_189_625_8, 0.5]
        let whole: [Double] = [1, 0.5, 1.0 / 3, 0.25]
        for staleness in 0...3 {
            #expect(abs(pace().factor(ofStaleness: staleness) - half[staleness]) < 1e-15)
            #expect(abs(pace(discount: 1).factor(ofStaleness: staleness) - whole[staleness]) < 1e-15)
            #expect(pace(discount: 0).factor(ofStaleness: staleness) == 1)
        }
        // Round 4 was given up, so that round 5 started from the same adapter, of round 3.
        let expected: [(base: UInt32, staleness: Int)] = [(3, 3), (4, 2), (5, 2), (6, 1), (7, 0)]
        let asked = opening(pace())
        for (base, staleness) in expected {
            #expect(asked.staleness(of: Self.round(base)) == staleness)
            // 384 records of 384, and 1.
            let weight = asked.foldedWeight(of: Samples.west, base: Self.round(base))
            #expect(abs(weight - half[staleness] / 384) < 1e-15)
        }
        #expect(asked.staleness(of: nil) == 0)
        #expect(asked.foldedWeight(of: Samples.north, base: nil) == 1)
        // What the sum is divided by knows of no discount: 1 + 1 / 384.
        #expect(abs(asked.foldedTotal(of: [Samples.north, Samples.west]) - 385.0 / 384) < 1e-15)
    }

    @Test("A vector counts once, no older than the pace allows, and never after it may have been opened")
    func faults() throws {
        func fault(_ cloud: CloudName, _ base: UInt32, oldest: Int = 4, _ recent: RecentUpdates = Self.recent)
            -> String?
        {
            pace(oldest: oldest, recent: recent).fault(inVectorOf: cloud, base: Self.round(base), for: Self.round(8))
        }
        #expect(fault(Samples.west, 5) == nil && fault(Samples.west, 7) == nil && fault(Samples.north, 4) == nil)
        #expect(fault(Samples.west, 3)?.contains("round 6 has counted west's update of round 3") == true)
        #expect(fault(Samples.north, 6)?.contains("round 6 has counted") == true)
        #expect(fault(Samples.west, 8)?.contains("not over") == true)
        #expect(fault(Samples.west, 9)?.contains("not over") == true)
        // The newest two are 5 and 6: whatever started from the adapter of round 3 or later is not too old.
        #expect(fault(Samples.north, 4, oldest: 2, Self.recent.newest(2))?.contains("more than 2 updates ago") == true)
        #expect(fault(Samples.west, 5, oldest: 2, Self.recent.newest(2)) == nil)
        let asked = pace()
        #expect(asked.fault(inVectorOf: Samples.west, base: Self.round(5), sealedFor: Self.round(5)) == nil)
        #expect(
            asked.fault(inVectorOf: Samples.west, base: Self.round(5), sealedFor: Self.round(7))?.contains("given up")
                == true)
        let (paced, plain) = (opening(asked), opening(nil))
        #expect(paced.fault(inVectorOf: Samples.west, base: nil) == nil)
        #expect(plain.fault(inVectorOf: Samples.west, base: nil) == nil)
        #expect(plain.fault(inVectorOf: Samples.west, base: Self.round(5))?.contains("no late updates") == true)
    }

    @Test("A contribution that says which round it is of is held to the opening by whoever sees it")
    func contributions() throws {
        let signed = Signed(opening(pace()), by: Samples.key)
        func misfit(_ base: UInt32?) -> String? {
            ContributionAbout(answering: signed, weight: 1, base: base.map { RoundNumber($0) }).misfit(
                with: signed, member: Samples.cohort[1])
        }
        #expect(misfit(nil) == nil && misfit(5) == nil)
        #expect(misfit(3)?.contains("has counted west's update of round 3") == true)
        #expect(misfit(8)?.contains("not over") == true)
        let about = ContributionAbout(answering: signed, weight: 1, base: Self.round(5))
        #expect(try ContributionAbout(decodeDocument(encode(about.value))) == about)
        let vector = VectorAbout(opening: Samples.digest, records: 3, base: Self.round(5))
        #expect(try VectorAbout(decodeDocument(encode(vector.value))) == vector)
        let sum = SumAbout(
            opening: Samples.digest, root: Samples.digest,
            parts: [.init(cloud: Samples.north, weight: 1, digest: Samples.digest, base: Self.round(5))])
        #expect(try SumAbout(encoded: sum.encoded) == sum)
    }

    @Test("Publish remembers the newest updates, and a cloud what it has helped to open of which round")
    func memory() throws {
        var recent = RecentUpdates()
        for number in 1...20 as ClosedRange<UInt32> {
            recent.append(
                [
                    .init(cloud: Samples.north, weight: 1, digest: Samples.digest),
                    .init(cloud: Samples.west, weight: 1, digest: Samples.digest, base: Self.round(max(1, number - 1))),
                ].suffix(number == 1 ? 1 : 2), of: Self.round(number))
        }
        #expect(recent.updates.map(\.round.value) == Array(5...20))
        #expect(recent.round(counting: Self.round(18), of: Samples.west) == Self.round(19))
        #expect(recent.round(counting: Self.round(20), of: Samples.west) == nil)
        #expect(recent.wasReleased(Self.round(5)) && !recent.wasReleased(Self.round(4)))
        #expect(recent.newest(3).updates.count == 3)
        let opened = OpenedSum(
            opening(pace()), sum: Samples.digest, clouds: [Samples.north, Samples.west],
            bases: [Samples.west: Self.round(5)])
        #expect(try OpenedSum(bytes: opened.bytes) == opened)
        #expect(opened.base(of: Samples.west) == Self.round(5) && opened.base(of: Samples.north) == Self.round(8))
        #expect(try opened.base(of: CloudName("east")) == nil)
    }
}
