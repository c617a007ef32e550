import Corpus
import Encryption
import Federation
import Monitoring
import Publication
import StageKit
import Topology

// A sum is opened, and what follows from it released.
extension PublishStage {
    func open(_ arrival: Arrival, of opening: Signed<Opening>) async throws {
        let content = opening.content
        let told = try closing.closed?.record.contributions(to: opening, key: context.identity.key) ?? []
        let about = based(try SumAbout(arrival.offer.about), told)
        let began = ContinuousClock.now
        guard let shares = try await verifiedShares(of: arrival, opening) else { return }
        let cohort = about.parts.map { Member(cloud: $0.cloud, weight: $0.weight) }
        let said = unmasking?.heldBy ?? told.filter { $0.about.helped != nil }.map(\.cloud)
        let heldBy = cohort.count < content.cohort.count ? said : []
        var sums: [Double]
        var next: SteppedModel?
        do {
            let threads = configuration.threads
            let opener = try unmasking?.opener(for: content) ?? opener
            if let training = content.training {
                let places = try model.places(content)
                let total = content.foldedTotal(of: cohort.map(\.cloud))
                // The last one goes out as a folder alone.
                let row = plan.isLast(releases.count) ? nil : try SumRow(content, contributions: about.parts.count)
                let changeName = adapterName(content.round, part: 1)
                let change = row.map {
                    SumsWriter(row: $0, totalWeight: total) { [context] in context.payloadWriter(for: changeName) }
                }
                let spooled =
                    plan.isLast(releases.count) || places != nil || change != nil
                    ? nil : context.spoolPath(for: adapterName(content.round))
                let step = try OuterStep(training.outer, totalWeight: total)
                let stepping = model.stepping(step, at: places, round: content.round, linkedAs: spooled, sums: change)
                sums = []
                next = try await context.offload {
                    try stepping.run { whole, take in
                        try opener.open(
                            arrival.payload, with: shares, of: content, contributions: about.parts.count,
                            threads: threads, whole: whole, take)
                    }
                }
            } else {
                sums = try await context.offload {
                    try opener.open(
                        arrival.payload, with: shares, of: content, contributions: about.parts.count, threads: threads)
                }
            }
        } catch  where error is EncryptionError || error is ThresholdError || error is MaskingError {
            // What was written of the next adapter is of no use.
            let change = context.spoolPath(for: adapterName(content.round, part: 1))
            for path in model.paths(of: content.round) + [change] { context.discard(.file(path: path, count: 0)) }
            context.log.tell(.sumUnusable, round: content.round, [.reason: .text("\(error)")])
            try abandon(
                opening, missing: [], reason: "the sum could not be opened: \(error)", settling: arrival.offer.name)
            return
        }
        let opened = ContinuousClock.now - began
        let adapter = next?.adapter
        var metrics: [String: Double] = [:]
        switch content.purpose {
        case .statistics: sums = StatisticsVector.withheld(sums, variables: try variables())
        case .evaluation: metrics = EvaluationFigures.metrics(of: sums, split: content.split)
        case .sensitivity: mask = try chooseMask(from: sums, round: content.round)
        case .update: break
        }
        if content.purpose == .update {
            worth.take(transfersOf: about.parts)
            try learn(from: about.parts, told: told, content)
        }
        if content.split == .validation { worth.take(losses: told) }
        let release = Signed(
            Release(
                run: context.run, round: content.round, purpose: content.purpose, opening: opening.digest,
                cohort: cohort,
                sums: content.purpose == .statistics ? sums : [], metrics: metrics, adapterDigest: adapter?.digest,
                heldBy: heldBy, isFinal: plan.isLast(releases.count)), by: context.identity.signing)
        let folder = try store?.write(
            release: release.content, opening: content, parts: about.parts,
            past: releases.since(model.round).map(\.content),
            adapter: adapter ?? (release.content.isFinal ? model.current : nil), account: privacyAccount)
        try conclude(release, next: next, settling: arrival.offer.name, parts: about)
        var fields: EventFields = [
            .opening: .name(opening.digest), .digest: .name(release.digest),
            .purpose: .name(content.purpose), .cohort: .list(cohort.map { .name($0.cloud) }),
            .openSeconds: .seconds(opened), .seconds: .seconds(ContinuousClock.now - began),
            .isFinal: .flag(release.content.isFinal), .split: .text(content.split?.rawValue ?? ""),
        ]
        if about.parts.contains(where: { $0.base != nil }) { fields[.bases] = about.lateParts }
        if !heldBy.isEmpty { fields[.heldBy] = .list(heldBy.map { .name($0) }) }
        for field in EventField.figures { if let value = metrics[field.name] { fields[field] = .real(value) } }
        if let next {
            fields[.adapter] = .name(next.adapter.digest)
            fields[.adapterBytes] = .number(release.content.isFinal ? 0 : next.byteCount)
        }
        if let folder { fields[.folder] = .text(folder) }
        context.log.tell(.roundReleased, round: content.round, fields)
    }

    /// Makes a release durable with all that follows from it, then announces it.
    func conclude(
        _ release: Signed<Release>, next: SteppedModel?, settling name: TransferName, parts: SumAbout
    ) throws {
        var departures: [Departure] = []
        if let adapter = next?.adapter {
            let trainers = topology.trainers
            departures =
                release.content.isFinal
                ? [] : try adapterDepartures(adapter, next?.change, release: release.digest, to: trainers)
            // An older adapter that somebody still lacks is of no use any more: whoever lacks it is sent the whole new one.
            if model.round.value > 0 {
                for trainer in trainers {
                    for part in 0..<2 as Range<UInt32> {
                        try context.cancel(adapterName(model.round, part: part), to: trainer)
                    }
                }
            }
        }
        var recent = recent
        if release.content.purpose == .update { recent.append(parts.parts, of: release.content.round) }
        try context.send(departures) { [recent] entry in
            if next != nil { try entry.setFact(Self.recentFact, recent.bytes) }
            try entry.insert(release, round: release.content.round)
            try entry.settle(name)
            try entry.setFact("\(Self.sumPrefix)\(release.content.round)", parts.encoded)
            if let next { try model.note(next, in: entry) }
            if let mask { try entry.setFact(Self.maskFact, mask.bytes) }
            try entry.setFact(PublishedReleases.countFact, releases.countAfterNext)
            try entry.setFact(CloudWorth.fact, worth.encoded)
            try entry.setFact(CloudPaces.fact, paces.encoded)
            for arrival in closing.unanswered { try entry.spend(arrival) }
        }
        answerAll()
        if let next { model.take(next) }
        self.recent = recent
        releases.append(release, adapter: model.round)
        try endUnmasking(release.content.round)
        current = nil
        attempts = StepAttempts(after: release.content.round)
        context.announce(release)
    }
}
