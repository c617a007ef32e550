package import MessagePack

/// What counted in the newest update rounds that were released: from which cloud, and of which round its vector was. An opening
/// carries it, so that a cloud which has missed a release does not offer again what that round has counted.
package struct RecentUpdates: Hashable, Sendable {
    /// A cloud's vector in a sum.
    package struct Part: Hashable, Sendable {
        package let cloud: CloudName
        /// The round whose opening it was trained for: the sum's own, or an earlier one.
        package let base: RoundNumber

        package init(cloud: CloudName, base: RoundNumber) {
            self.cloud = cloud
            self.base = base
        }
    }

    package struct Update: Hashable, Sendable {
        package let round: RoundNumber
        /// In the order of the clouds' names.
        package let parts: [Part]

        package init(round: RoundNumber, parts: [Part]) {
            self.round = round
            self.parts = parts
        }
    }

    /// The most that are kept, and that an opening can tell of.
    package static let most = 16

    /// In the order of rounds.
    package private(set) var updates: [Update]

    package init(_ updates: [Update] = []) { self.updates = updates }

    /// Takes in what a sum of round `round` counted, and lets go of all but the newest.
    package mutating func append(_ parts: [SumAbout.Part], of round: RoundNumber) {
        let counted = parts.map { Part(cloud: $0.cloud, base: $0.base ?? round) }
        updates = (updates + [Update(round: round, parts: counted)]).suffix(Self.most)
    }

    package func newest(_ count: Int) -> RecentUpdates { RecentUpdates(updates.suffix(count)) }

    /// How many updates were released since the adapter that round `base` started from.
    package func staleness(of base: RoundNumber) -> Int { updates.count { $0.round >= base } }

    /// The round that has counted a cloud's vector of round `base`; nil if none of these has.
    package func round(counting base: RoundNumber, of cloud: CloudName) -> RoundNumber? {
        let part = Part(cloud: cloud, base: base)
        return updates.first { $0.parts.contains(part) }?.round
    }

    package func wasReleased(_ round: RoundNumber) -> Bool { updates.contains { $0.round == round } }
}

extension RecentUpdates {
    package var bytes: [UInt8] { encode(value) }

    package init(bytes: [UInt8]) throws { try self.init(decodeDocument(bytes), at: "recent") }

    package var value: Value {
        .list(
            updates.map { update in
                .map([
                    ("round", .round(update.round)),
                    (
                        "parts",
                        .list(update.parts.map { .list([.text($0.cloud.description), .round($0.base)]) })
                    ),
                ])
            })
    }

    /// - Parameter place: for errors.
    package init(_ value: Value, at place: String) throws {
        func malformed(_ reason: String) -> FederationError { .malformed(place: place, reason) }
        guard case .list(let rows) = value, rows.count <= Self.most else {
            throw malformed("expected a list of at most \(Self.most) rounds")
        }
        updates = try rows.map { row in
            var fields = try Fields(row, at: place)
            let round = try fields.round("round")
            let parts = try fields.list("parts", limit: 1024).map { value -> Part in
                guard case .list(let pair) = value, pair.count == 2, case .text(let name) = pair[0],
                    case .unsigned(let number) = pair[1], let base = UInt32(exactly: number), base > 0,
                    base <= round.value
                else { throw malformed("a part is [cloud, base], its base no later than its round") }
                return Part(cloud: try CloudName(name), base: RoundNumber(base))
            }
            try fields.finish()
            guard zip(parts, parts.dropFirst()).allSatisfy({ $0.cloud < $1.cloud }) else {
                throw malformed("clouds are not in order, or one appears twice in a round")
            }
            return Update(round: round, parts: parts)
        }
        guard zip(updates, updates.dropFirst()).allSatisfy({ $0.round < $1.round }) else {
            throw malformed("rounds are not in order")
        }
        let counted = updates.flatMap(\.parts)
        guard Set(counted).count == counted.count else { throw malformed("a vector has been counted twice") }
    }
}
