import Federation
import Sodium
import StageKit
import Topology

/// Holds what a simulated run has left in its journals to what must hold of every run.
struct Judgement {
    let federation: SimulatedFederation
    let replay: Replay

    private var ground: SimulatedGround { federation.ground }
    var plan: Schedule.Plan { federation.schedule.plan }

    func violate(_ text: String) { federation.ledger.violate(text) }

    private func journal(of stage: StageName) -> Journal? {
        federation.processes.first { $0.stage == stage }?.disk.journal
    }

    func judge() throws {
        let published = federation.ledger.published
        let (releases, abandonments) = (published.releases, published.abandonments)
        try judge(releases.map(\.content), published.openings)
        try judgeCopies()
        try judgeOpenedSums()
        try judgePlacement()
        judgeErrors()
        if let failure = federation.runFailure {
            let last = releases.last?.content.round ?? RoundNumber(0)
            // So the plan asks for it: after so many rounds in a row that were given up, and no earlier.
            if plan.attempts == abandonments.count(where: { $0.content.round > last }),
                federation.schedule.kind == .rough
            {
                return
            }
            return violate("the run failed: \(failure)")
        }
        let steps = plan.updates + (plan.evaluates ? 1 : 0)
        if releases.count != steps || releases.last?.content.isFinal != true {
            violate("\(releases.count) of \(steps) steps were released")
        }
        guard federation.schedule.kind == .mild else { return }
        for abandonment in abandonments {
            violate("round \(abandonment.content.round) was abandoned: \(abandonment.content.reason)")
        }
        for release in releases where release.content.cohort.count != plan.clouds && plan.pace.isEmpty {
            violate("round \(release.content.round) was released without \(plan.clouds - release.content.cohort.count)")
        }
        if releases.map(\.content.round.value) != (0..<UInt32(releases.count)).map({ $0 + 1 }) {
            violate("rounds were \(releases.map(\.content.round))")
        }
    }

    /// The adapter is that of a replay of who was in each sum, and nobody was in one twice, or left out after a receipt.
    private func judge(_ releases: [Release], _ openings: [Signed<Opening>]) throws {
        var model = ReplayedModel(count: plan.values)
        var counted: Set<RecentUpdates.Part> = []
        defer { judgeLost(counted) }
        for release in releases {
            let round = release.round
            guard let opening = openings.first(where: { $0.content.round == round }), opening.digest == release.opening
            else {
                violate("round \(round) was released for another opening")
                continue
            }
            let clouds = release.cohort.map(\.cloud)
            if Set(clouds).count != clouds.count { violate("round \(round) counts a cloud twice: \(clouds)") }
            if clouds.count < max(opening.content.quorum, opening.content.minimumCohort, plan.minimum) {
                violate("round \(round) was opened with \(clouds.count) clouds")
            }
            judgeParts(of: release)
            for cloud in opening.content.cohort.map(\.cloud) where !clouds.contains(cloud) {
                guard try state(ofContribution: round, of: cloud) == "durable" else { continue }
                // It was told why, by whose word; a word that was not given is an error that its cloud logs.
                if federation.ledger.leftOut[round]?.contains(cloud) == true { continue }
                violate("\(cloud) has a receipt for round \(round) and is not in its sum")
            }
            guard opening.content.purpose == .update else { continue }
            let bases = judgeBases(of: release, in: opening.content, &counted)
            try replay.step(
                &model, opening.content, cohort: clouds, bases: bases,
                partitions: federation.ledger.partitions(in: round))
            // What a cloud then sends is for it alone to know; it is never what it has sent before.
            if federation.ledger.hasDroppedResiduals {
                if federation.schedule.kind == .mild { violate("what was left out was dropped in a mild run") }
                return
            }
            if release.adapterDigest != model.digest {
                violate("the adapter of round \(round) is not that of \(clouds.map(\.description))")
            }
        }
        guard let last = releases.last(where: { $0.purpose == .update }) else { return }
        let path = "\(ground.topology.stateFolder(of: ground.topology.publish))/adapter-\(last.round).f32"
        let stored = try SpoolFile(reading: path).floats(0..<plan.values * 4)
        if stored.map(\.bitPattern) != model.adapter.map(\.bitPattern) {
            violate("\(path) is not the replay's adapter")
        }
    }

    private func judgeParts(of release: Release) {
        let round = release.round
        guard let parts = federation.ledger.published.parts[round] else {
            return violate("nobody knows who was in the sum of round \(round)")
        }
        if parts.map(\.cloud) != release.cohort.map(\.cloud) { violate("round \(round) names others than its sum") }
        for part in parts {
            let encrypt = StageName(cloud: part.cloud, kind: .encrypt)
            if federation.ledger.offered[encrypt]?[contribution(round, of: part.cloud)] != part.digest {
                violate("what round \(round) counted of \(part.cloud) is not what \(part.cloud) sent")
            }
        }
    }

    private func contribution(_ round: RoundNumber, of cloud: CloudName) -> TransferName {
        TransferName(run: ground.topology.run, kind: .contribution, round: round, cloud: cloud)
    }

    private func state(ofContribution round: RoundNumber, of cloud: CloudName) throws -> String? {
        try journal(of: StageName(cloud: cloud, kind: .encrypt))?.read {
            try $0.departureState(contribution(round, of: cloud), to: ground.topology.aggregate)
        }
    }

    /// Nobody knows another document of a round than publish, and all know the end.
    private func judgeCopies() throws {
        let publish = ground.topology.publish
        guard let key = ground.verifying[publish] else { return }
        let said = federation.ledger.published.said
        for process in federation.processes where process.stage != publish {
            try process.disk.journal.read { entry in
                let others = try (
                    entry.all(Opening.self, key: key, signer: publish),
                    entry.all(Release.self, key: key, signer: publish),
                    entry.all(Abandonment.self, key: key, signer: publish)
                )
                let known = Set(others.0.map(\.digest) + others.1.map(\.digest) + others.2.map(\.digest))
                if !known.isSubset(of: said) { violate("\(process.stage) knows what publish does not") }
                if process.hasEnded, others.1.last?.content.isFinal != true {
                    violate("\(process.stage) has left without the last release")
                }
            }
        }
    }

    /// Each cloud has helped with one sum of a round at most, all with the same, and never with one of too few clouds.
    private func judgeOpenedSums() throws {
        var sums: [RoundNumber: Digest] = [:]
        for process in federation.processes where process.stage.kind == .encrypt {
            let opened = try process.disk.journal.read { entry in
                try entry.factKeys(under: Judgement.openedPrefix).compactMap { key in
                    try entry.fact(Judgement.openedPrefix + key).map { try OpenedSum(bytes: $0) }
                }
            }
            for sum in opened {
                if sum.clouds.count < plan.minimum {
                    violate("\(process.stage) helped to open a sum of \(sum.clouds.count) clouds in round \(sum.round)")
                }
                if sums[sum.round, default: sum.sum] != sum.sum {
                    violate("clouds helped to open two sums of round \(sum.round)")
                }
                sums[sum.round] = sum.sum
            }
        }
    }

    /// As encrypt's journal has it.
    static let openedPrefix = "opened/"

    /// What a stage says only where something has gone wrong that must not.
    private static let forbidden = [
        "encrypt contribution_dropped", "encrypt release_inconsistent", "encrypt word_invented", "publish sum_unusable",
        "publish record_refused",
        "aggregate contribution_refused",
    ]
    /// Where rounds end early, what comes for them afterwards is refused too.
    private static let forbiddenIfMild = [
        "encrypt contribution_refused", "encrypt sum_refused", "encrypt vector_refused", "encrypt opening_refused",
        "encrypt masks_refused", "aggregate masks_refused", "publish masks_refused", "publish share_refused",
        "aggregate sum_refused", "local-train vector_refused",
    ]

    private static let recordRefused = "aggregate record_refused"

    private func judgeErrors() {
        let isMild = federation.schedule.kind == .mild
        for name in Judgement.forbidden + (isMild ? Judgement.forbiddenIfMild : []) {
            if let count = federation.ledger.errors[name] { violate("\(count) events \(name)") }
        }
        // Where two clouds' shares open a sum, the third may hear that the round is over before it has looked at the record.
        if isMild, plan.suite != .paillier, let count = federation.ledger.errors[Judgement.recordRefused] {
            violate("\(count) events \(Judgement.recordRefused)")
        }
        for (name, count) in federation.ledger.errors where name.hasSuffix("spool_unreadable") {
            violate("\(count) events \(name)")
        }
    }
}
