import Federation

extension Samples {
    /// An update that takes late ones.
    static let paced: [Sample] = {
        let asked = Samples.opening(.update)
        let pace = Pace(
            mode: .grace, window: 30_000, oldest: 2, discount: 0.5,
            recent: RecentUpdates([
                .init(round: RoundNumber(1), parts: [.init(cloud: north, base: RoundNumber(1))]),
                .init(
                    round: RoundNumber(3),
                    parts: [.init(cloud: north, base: RoundNumber(3)), .init(cloud: west, base: RoundNumber(1))]),
            ]))
        let made = Opening(
            run: asked.run, round: asked.round, purpose: .update, seat: seat, layout: layout, bits: asked.bits,
            suite: asked.suite, keyID: asked.keyID, profile: asked.profile, clipNorm: asked.clipNorm, cohort: cohort,
            quorum: 2, minimumCohort: 2, deadline: asked.deadline, startsFrom: RoundNumber(3), adapterDigest: digest,
            adapter: plan, training: training, split: nil, pace: pace)
        return [
            Sample("opening-paced", made.value, { try Opening($0).value }),
            Sample(
                "late-contribution",
                ContributionAbout(
                    opening: digest, suite: .clear, profile: "", keyID: [], bits: 12, room: 2, weight: 1,
                    base: RoundNumber(2)
                ).value, { try ContributionAbout($0).value }),
        ]
    }()
}
