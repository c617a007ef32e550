package import MessagePack
package import Sodium

/// What an offer says of an adapter's values: the release that they belong to, and, where it is only what its round has
/// changed, which adapter that changes.
package struct AdapterAbout: OfferAbout, Equatable, Sendable {
    package struct Change: Equatable, Sendable {
        /// The round of the adapter that is changed, at the places of the release's opening.
        package let from: RoundNumber
        /// The digest of all values, once they are.
        package let whole: Digest
        /// Where the round's opened sums are sent, for each cloud to take the step itself; nil for the new values.
        package let sums: Sums?

        package init(from: RoundNumber, whole: Digest, sums: Sums? = nil) {
            self.from = from
            self.whole = whole
            self.sums = sums
        }
    }

    /// What it takes to make values of the sums, beside the round's opening.
    package struct Sums: Equatable, Sendable {
        /// How many are in them.
        package let contributions: Int
        /// Of those, as folded in (`OuterStep`).
        package let totalWeight: Double

        package init(contributions: Int, totalWeight: Double) {
            self.contributions = contributions
            self.totalWeight = totalWeight
        }

        var value: Value {
            .map([("contributions", .number(contributions)), ("weight", .double(totalWeight))])
        }

        init(_ value: Value) throws {
            var fields = try Fields(value, at: "offer.about.change.sums")
            contributions = try fields.integer("contributions", in: 1...4096)
            totalWeight = try fields.real("weight", in: Double.leastNormalMagnitude...1e18)
            try fields.finish()
        }
    }

    package let release: Digest
    /// Nil where all values are sent.
    package let change: Change?

    package init(release: Digest, change: Change? = nil) {
        self.release = release
        self.change = change
    }

    package var value: Value {
        .map([
            ("release", .digest(release)),
            (
                "change",
                change.map {
                    .map([
                        ("from", .round($0.from)), ("whole", .digest($0.whole)),
                        ("sums", $0.sums.map(\.value) ?? .none),
                    ])
                } ?? .none
            ),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        release = try fields.digest("release")
        change = try fields.optional("change").map { value in
            var fields = try Fields(value, at: "offer.about.change")
            let change = Change(
                from: try fields.round("from"), whole: try fields.digest("whole"),
                sums: try fields.optional("sums").map(Sums.init))
            try fields.finish()
            return change
        }
        try fields.finish()
    }
}
