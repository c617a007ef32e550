internal import Glibc
package import MessagePack

/// When an update round closes before its deadline, and what becomes of an update that comes after that (docs/pace.md). An opening
/// without one is synchronous: it waits for the whole cohort until its deadline, and what comes later is lost.
package struct Pace: Hashable, Sendable {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        case synchronous
        /// The round closes some time after its quorum is there.
        case grace
        /// It closes with its quorum: a buffer of so many distinct clouds (FedBuff, Nguyen et al. 2022, arXiv 2106.06639).
        case buffered
    }

    /// Never synchronous.
    package let mode: Mode
    /// Milliseconds that a round stays open once its quorum is there; 0 under `buffered`.
    package let window: Int
    /// The most updates that may have been released since the adapter a vector was trained from.
    package let oldest: Int
    /// A vector counts (1 + its staleness) to minus this. FedBuff has 0.5.
    package let discount: Double
    /// What the newest `oldest` updates have counted.
    package let recent: RecentUpdates

    package static let windows = 0...86_400_000
    package static let ages = 1...RecentUpdates.most
    package static let discounts = 0.0...16.0

    package init(mode: Mode, window: Int, oldest: Int, discount: Double, recent: RecentUpdates) {
        self.mode = mode
        self.window = window
        self.oldest = oldest
        self.discount = discount
        self.recent = recent
    }

    /// In a few words, for whoever looks.
    package var summary: String {
        let window = mode == .grace ? "grace \(Double(window) / 1000) s" : mode.rawValue
        return "\(window), late updates of \(oldest) round\(oldest == 1 ? "" : "s")"
    }

    /// What a vector of that staleness counts, of 1.
    package func factor(ofStaleness staleness: Int) -> Double { pow(1 + Double(staleness), -discount) }

    /// Why a cloud's vector of round `base` has no place in round `round`; nil if it has.
    package func fault(inVectorOf cloud: CloudName, base: RoundNumber, for round: RoundNumber) -> String? {
        guard base.value > 0, base < round else {
            return "it says that it is late, of round \(base), which is not over"
        }
        if recent.updates.count >= oldest, let first = recent.updates.suffix(oldest).first, base < first.round {
            return "it is of round \(base), more than \(oldest) updates ago"
        }
        return recent.round(counting: base, of: cloud).map {
            "round \($0) has counted \(cloud)'s update of round \(base) already"
        }
    }

    /// Why a vector that was handed over for the sum of round `earlier` cannot be handed over again; nil if it can, since that round was
    /// released without it. One that was given up may have been opened all the same, and the same vector in two opened sums would
    /// show what the others changed between them.
    package func fault(inVectorOf cloud: CloudName, base: RoundNumber, sealedFor earlier: RoundNumber) -> String? {
        guard !recent.wasReleased(earlier) else { return nil }
        return "it was in a contribution to round \(earlier), which was given up and may have been opened"
    }
}

extension Opening {
    /// How many updates were released since the adapter that a vector was trained from.
    ///
    /// - Parameter base: the round that it was trained for; nil for this one.
    package func staleness(of base: RoundNumber?) -> Int {
        guard let pace, let base else { return 0 }
        return pace.recent.staleness(of: base)
    }

    /// The factor that a cloud folds into a vector before quantising: its own (`foldedWeight(of:)`), and less for a late one. The sum is
    /// divided by the clouds' factors without that discount, as FedBuff divides by the size of its buffer: a stale update moves the
    /// adapter less, whoever else is in the sum.
    package func foldedWeight(of cloud: CloudName, base: RoundNumber?) -> Double {
        guard let pace, let base else { return foldedWeight(of: cloud) }
        return foldedWeight(of: cloud) * pace.factor(ofStaleness: staleness(of: base))
    }

    /// Why a late vector has no place in this round; nil if it has, or if it is this round's own.
    package func fault(inVectorOf cloud: CloudName, base: RoundNumber?) -> String? {
        guard let base else { return nil }
        guard let pace else { return "it is of round \(base), and round \(round) takes no late updates" }
        return pace.fault(inVectorOf: cloud, base: base, for: round)
    }
}

extension Pace {
    package var value: Value {
        .map([
            ("mode", .text(mode.rawValue)), ("window", .number(window)), ("oldest", .number(oldest)),
            ("discount", .double(discount)), ("recent", recent.value),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "pace")
        mode = try fields.choice("mode")
        window = try fields.integer("window", in: Pace.windows)
        oldest = try fields.integer("oldest", in: Pace.ages)
        discount = try fields.real("discount", in: Pace.discounts)
        recent = try RecentUpdates(fields.take("recent"), at: "pace.recent")
        try fields.finish()
        guard mode != .synchronous, mode == .grace || window == 0 else {
            throw FederationError.malformed(
                place: "pace.mode", "a synchronous round has no pace, and a buffered one no window")
        }
        guard recent.updates.count <= oldest else {
            throw FederationError.malformed(
                place: "pace.recent", "\(recent.updates.count) rounds, where at most \(oldest) matter")
        }
    }

    /// Throws unless it is one of this round.
    func check(_ opening: Opening) throws {
        func malformed(_ reason: String) -> FederationError { .malformed(place: "opening.pace", reason) }
        guard opening.purpose == .update, opening.suite != .secagg, opening.encryption == nil else {
            throw malformed("only updates that are sealed whole, and without masks, take late ones")
        }
        guard opening.compression?.feedback ?? 0 == 0 else {
            throw malformed("what is left out of a late update cannot be kept for the next")
        }
        guard recent.updates.allSatisfy({ $0.round < opening.round }) else {
            throw malformed("it tells of rounds that are not over")
        }
    }
}

extension Value {
    /// The round that a late vector is of.
    static func optional(_ base: RoundNumber?) -> Value { base.map(Value.round) ?? .none }
}

extension Fields {
    /// The round that a late vector is of; nil where it is not late.
    mutating func base() throws(FederationError) -> RoundNumber? {
        try optionalCount("base", in: 1...Int(UInt32.max)).map { RoundNumber($0) }
    }
}
