package import Federation
package import Sodium

/// A round as aggregate sees it: who has contributed, and whether it is time to close. A value without clock or socket: the
/// stage tells it what happened and does what it answers.
package struct Gathering: Sendable {
    private let signedOpening: Signed<Opening>
    /// What is complete, checked and in the product, by cloud, with what its cloud signed.
    package private(set) var parts: [CloudName: (part: SumAbout.Part, signed: RoundRecord.Part)] = [:]
    package private(set) var isClosed = false
    private var masks: Masks?
    /// What the clouds of `parts` have said of sums that they have helped to open.
    private var words: [CloudName: HelpedSum] = [:]
    /// Once it is decided that the round is over fewer clouds than were in the product.
    package private(set) var selection: CloudSelection?
    /// Whose contributions were counted and are not sound: in no sum of the round, and waited for no more.
    private var dropped: Set<CloudName> = []
    /// How many clouds open a sum of the round together.
    private let helpers: Int
    /// When the quorum was there, in milliseconds since 1970; nil before.
    private var quorumSince: UInt64?

    /// Under `secagg`: what the clouds have agreed on.
    package struct Masks: Sendable {
        /// Those whose contributions are waited for: of others there will be none.
        package let clouds: Set<CloudName>
        /// The agreement's digest.
        package let agreement: Digest
        /// Clouds without which the masks cannot be taken off.
        package let needed: Int
        /// Clouds that nobody waits for, as the round cannot be finished with them.
        package let leftOut: Set<CloudName>

        package init(clouds: Set<CloudName>, agreement: Digest, needed: Int, leftOut: Set<CloudName> = []) {
            self.clouds = clouds
            self.agreement = agreement
            self.needed = needed
            self.leftOut = leftOut
        }
    }

    /// - Parameter helpers: how many clouds open a sum together; 1 where that is not known, which is the most cautious.
    package init(_ opening: Signed<Opening>, helpers: Int = 1) {
        signedOpening = opening
        self.helpers = helpers
    }

    package var opening: Opening { signedOpening.content }

    /// Whether an offered contribution belongs here. A contribution for a round that is not this one is `later` while the
    /// round may still come, and refused once it is past.
    package enum Answer: Equatable, Sendable {
        case take
        case later
        case refuse(String)
        /// It has come too late, and nobody is to blame.
        case over(String)
    }

    package func answer(to offer: Offer, from sender: StageName) -> Answer {
        let name = offer.name
        guard name.kind == .contribution, sender.kind == .encrypt else {
            return .refuse("\(sender) may not send \(name.kind.rawValue)s here")
        }
        guard name.cloud == sender.cloud, name.part == 0 else {
            return .refuse("\(sender) contributes for \(sender.cloud) alone, not for \(name.cloud)")
        }
        guard name.round == opening.round else {
            if name.round < opening.round, opening.pace != nil { return .over(Receipt.roundOver) }
            return name.round > opening.round
                ? .later : .refuse("round \(name.round) is over, round \(opening.round) is open")
        }
        guard let member = opening.member(name.cloud) else {
            return .refuse("\(name.cloud) is not in the cohort of round \(opening.round)")
        }
        guard opening.pace == nil || !isClosed && selection == nil else { return .over(Receipt.roundOver) }
        guard !isClosed, selection == nil else { return .refuse("round \(opening.round) has been closed") }
        let about: ContributionAbout
        do { about = try ContributionAbout(offer.about) } catch { return .refuse("\(error)") }
        if let reason = about.misfit(with: signedOpening, member: member) { return .refuse(reason) }
        guard opening.suite == .secagg else { return .take }
        guard let masks else { return .later }
        guard masks.clouds.contains(name.cloud) else {
            return .refuse("\(name.cloud) has no part in the masks of round \(opening.round)")
        }
        guard about.keyID == MaskAgreement.name(masks.agreement) else {
            return .refuse("it is masked for another agreement than that of round \(opening.round)")
        }
        return .take
    }

    /// The clouds have agreed on masks, or one of those who had is lost.
    package mutating func expect(_ masks: Masks) { self.masks = masks }

    /// Counts a contribution that is in the product; the second one of a cloud is not counted.
    package mutating func count(
        _ part: SumAbout.Part, signed: RoundRecord.Part, helped: HelpedSum? = nil
    ) -> Bool {
        guard parts[part.cloud] == nil, !isClosed, selection == nil, !dropped.contains(part.cloud) else { return false }
        parts[part.cloud] = (part, signed)
        words[part.cloud] = helped
        return true
    }

    /// From here on only those of the selection are in the round, in a product without the others; nobody else is taken.
    package mutating func hold(to selection: CloudSelection) {
        self.selection = selection
        parts = parts.filter { selection.clouds.contains($0.key) }
    }

    /// What these clouds have sent turned out not to be sound.
    package mutating func drop(_ clouds: Set<CloudName>) {
        dropped.formUnion(clouds)
        for cloud in clouds {
            parts[cloud] = nil
            words[cloud] = nil
        }
        if parts.count < opening.quorum { quorumSince = nil }
    }

    package enum Decision: Equatable, Sendable {
        case wait
        /// Everyone is here, or the deadline has passed with a quorum.
        case close
        /// The same, but some of those who are in the product have to be left out of it first.
        case hold(CloudSelection)
        /// The deadline has passed without one; or all are here and cannot be in one sum, for that reason.
        case abandon(missing: [CloudName], reason: String? = nil)
    }

    /// - Parameter now: milliseconds since 1970, UTC, by the clock that the deadline is of; nil while nobody knows, and then nothing is due.
    package func decision(now: UInt64?) -> Decision {
        guard !isClosed else { return .wait }
        // What a selection was made for needs all of it.
        guard selection == nil else { return dropped.isEmpty ? .close : .abandon(missing: absent, reason: unsound) }
        let expected = (masks?.clouds ?? Set(opening.cohort.map(\.cloud))).subtracting(dropped)
        // What was counted of a cloud that is lost can be neither taken out nor unmasked.
        let isSpoiled = masks != nil && parts.keys.contains { !expected.contains($0) }
        let needed = max(opening.quorum, masks?.needed ?? 0)
        if isSpoiled || expected.count < needed { return .abandon(missing: absent, reason: unsound) }
        let isDue = parts.count == expected.count || (now ?? 0) >= opening.deadline
        guard isDue || hasWaited(now) else { return .wait }
        if !words.isEmpty {
            let choice = chosen(needed)
            // Who is missing from it may come until the deadline.
            if case .abandon = choice, !isDue { return .wait }
            return choice
        }
        return parts.count >= needed ? .close : .abandon(missing: missing)
    }

    /// In words, for whoever asks why there is no sum.
    private var unsound: String? {
        guard !dropped.isEmpty else { return nil }
        let names = dropped.sorted().map(\.description).joined(separator: ", ")
        return "what was sent is not sound: \(names); without that too few clouds are left"
    }

    /// To be told before it decides: from when the quorum is there the round's window counts.
    package mutating func look(now: UInt64?) {
        guard opening.pace != nil, quorumSince == nil, parts.count >= opening.quorum else { return }
        quorumSince = now
    }

    /// Whether the round has been open for as long as its pace asks, with its quorum.
    private func hasWaited(_ now: UInt64?) -> Bool {
        guard let pace = opening.pace, let quorumSince, let now else { return false }
        return now >= quorumSince + UInt64(pace.window)
    }

    private func chosen(_ needed: Int) -> Decision {
        let choice = CloudChoice(
            cohort: Set(opening.cohort.map(\.cloud)), present: Set(parts.keys), words: words, needed: needed,
            minimum: opening.minimumCohort, helpers: helpers)
        guard let selection = choice.selection else {
            let (missing, reason) = choice.shortfall
            return .abandon(missing: missing, reason: reason)
        }
        return selection.leftOut.isEmpty ? .close : .hold(selection)
    }

    /// Who is waited for, in the order of their names.
    package var missing: [CloudName] { absent.filter { !dropped.contains($0) } }

    /// The same, and whose contributions are not sound.
    private var absent: [CloudName] {
        opening.cohort.map(\.cloud).filter { cloud in
            guard let masks, !masks.clouds.contains(cloud) else { return parts[cloud] == nil }
            return !masks.leftOut.contains(cloud)
        }.sorted()
    }

    package mutating func close() { isClosed = true }

    /// Those in the product, in the order of their names.
    package var contributors: [CloudName] { parts.keys.sorted() }

    /// What is said of the sum whose payload has the digest `sum`: to publish, and to whoever checks it.
    package func closing(sum: Digest) -> (about: SumAbout, record: RoundRecord) {
        let parts = contributors.compactMap { self.parts[$0] }
        let record = RoundRecord(opening: signedOpening.digest, sum: sum, parts: parts.map(\.signed))
        return (SumAbout(opening: signedOpening.digest, root: record.root, parts: parts.map(\.part)), record)
    }
}
