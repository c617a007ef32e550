package import Federation

/// Whose contributions a round is summed over, where not all who are here can be in one sum.
package struct CloudSelection: Equatable, Sendable {
    package let clouds: Set<CloudName>
    /// By whose word, in the order of their names; empty where it is those without a word that are left.
    package let heldBy: [CloudName]
    /// Who is here and is not in the sum, in the order of their names.
    package let leftOut: [CloudName]
    /// In words, for whoever asks why.
    package let reason: String
}

/// Chooses between what clouds can help with. Some have said (`HelpedSum`) that from the round's adapter they help with a sum
/// over one set of clouds alone: each such set is a choice if all its clouds are here and none of them is held to another; those
/// who have said nothing are one too. The largest that reaches the quorum is taken, of equal ones those without a word.
///
/// Words are not proved. But a set that leaves out m clouds without a word is larger than all of those together only if more
/// than m clouds have given their word for it: one that lies leaves out nobody but itself, and k that lie together fewer than k others
/// (as long as the others reach the quorum; and the selection names them).
///
/// No two sums from one adapter may differ in fewer clouds than the smallest cohort, or their difference would be a sum of
/// too few. A set that may have been opened, as enough clouds can have helped with it, is therefore no neighbour of the one
/// that is taken.
package struct CloudChoice: Sendable {
    private let cohort: Set<CloudName>
    private let present: Set<CloudName>
    private let words: [CloudName: HelpedSum]
    private let needed: Int
    private let minimum: Int
    private let helpers: Int

    /// - Parameters:
    ///   - cohort: the opening's.
    ///   - present: who can be in the sum.
    ///   - words: of those who are present.
    ///   - needed: contributions without which there is no sum.
    ///   - minimum: clouds that a sum must hide each other's part of.
    ///   - helpers: clouds that open a sum together.
    package init(
        cohort: Set<CloudName>, present: Set<CloudName>, words: [CloudName: HelpedSum], needed: Int, minimum: Int,
        helpers: Int
    ) {
        self.cohort = cohort
        self.present = present
        self.words = words.filter { present.contains($0.key) }
        self.needed = needed
        self.minimum = minimum
        self.helpers = helpers
    }

    private var free: Set<CloudName> { present.filter { words[$0] == nil } }

    /// Clouds that a cloud can help with, who has said so, and when it helped with them last.
    private struct Held {
        let clouds: Set<CloudName>
        let by: [CloudName]
        let round: RoundNumber

        var named: String { CloudChoice.named(clouds.sorted()) }
    }

    /// The likeliest first: what most have said, of that the newest.
    private var held: [Held] {
        Dictionary(grouping: words, by: { Set($0.value.clouds) }).map { clouds, said in
            Held(
                clouds: clouds, by: said.map(\.key).sorted(),
                round: said.map(\.value.round).max() ?? RoundNumber(0))
        }.sorted { left, right in
            if left.by.count != right.by.count { return left.by.count > right.by.count }
            if left.round != right.round { return left.round > right.round }
            return left.clouds.sorted().lexicographicallyPrecedes(right.clouds.sorted())
        }
    }

    /// Nil where no sum can be made of those who are present.
    package var selection: CloudSelection? {
        let (held, free) = (held, free)
        func isOpen(_ clouds: Set<CloudName>) -> Bool {
            clouds.count >= needed && held.allSatisfy { isApart($0, from: clouds, free) }
        }
        let whole = held.filter { way in
            way.clouds.isSubset(of: present)
                && way.clouds.allSatisfy { cloud in words[cloud].map { Set($0.clouds) == way.clouds } ?? true }
                && isOpen(way.clouds)
        }
        // `max` would give the last of equal ones.
        let largest = whole.reduce(nil as Held?) { best, way in
            best.map { $0.clouds.count >= way.clouds.count } ?? false ? best : way
        }
        if isOpen(free), free.count >= largest?.clouds.count ?? 0 { return withoutHelpers(held) }
        return largest.map(chosen)
    }

    /// Whether the difference of the two sums, if the one was opened, tells nothing of fewer clouds than a sum may.
    private func isApart(_ way: Held, from clouds: Set<CloudName>, _ free: Set<CloudName>) -> Bool {
        if way.clouds == clouds || way.clouds.symmetricDifference(clouds).count >= minimum { return true }
        // Whoever is here and has not said so has not helped with it.
        return way.clouds.count(where: { !present.contains($0) || way.by.contains($0) }) < helpers
    }

    private func chosen(_ way: Held) -> CloudSelection {
        CloudSelection(
            clouds: way.clouds, heldBy: way.by, leftOut: present.subtracting(way.clouds).sorted(),
            reason: "\(helped(way)) and can help with no other from the same adapter")
    }

    private func withoutHelpers(_ held: [Held]) -> CloudSelection {
        let reasons = held.map { "\(helped($0)) and can help with no other from the same adapter" }
        return CloudSelection(
            clouds: free, heldBy: [], leftOut: present.subtracting(free).sorted(),
            reason: reasons.joined(separator: "; ") + (held.isEmpty ? "" : ": the round goes on without them"))
    }

    private func helped(_ way: Held) -> String {
        "\(Self.named(way.by)) \(way.by.count == 1 ? "has" : "have") helped to open a sum over \(way.named) in round \(way.round)"
    }

    /// Who is missing, and why the round cannot be finished with those who are here.
    package var shortfall: (missing: [CloudName], reason: String) {
        guard let first = held.first else {
            return (cohort.subtracting(present).sorted(), "\(present.count) clouds are here, \(needed) are needed")
        }
        let missing = first.clouds.subtracting(present).sorted()
        let others =
            "without those who helped \(free.count) \(free.count == 1 ? "cloud is" : "clouds are") left, and \(needed) are needed"
        var reason = "\(helped(first)), which was given up, and can help with no other from the same adapter: "
        let gone = first.clouds.subtracting(cohort).sorted()
        if !gone.isEmpty {
            reason += "\(Self.named(gone)) \(gone.count == 1 ? "is" : "are") not in the federation any more; "
        } else if !missing.isEmpty {
            reason += "\(Self.named(missing)) must come back; "
        } else if first.clouds.count < needed {
            reason += "that is \(first.clouds.count) clouds; "
        } else {
            reason += "what the clouds have said does not go together; "
        }
        return (missing, reason + others)
    }

    /// A federation may have hundreds: a reason has a line.
    private static func named(_ clouds: [CloudName]) -> String {
        let shown = clouds.prefix(8).map(\.description)
        let more = clouds.count > shown.count ? ["\(clouds.count - shown.count) more"] : []
        let all = shown + more
        return all.count < 2 ? all.joined() : all.dropLast().joined(separator: ", ") + " and " + (all.last ?? "")
    }
}
