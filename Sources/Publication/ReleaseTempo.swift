package import Federation
import JSONText

extension ReleaseManifest.Method {
    /// When the round that made the adapter closed, and what late updates counted in it (docs/pace.md).
    package struct Tempo: Equatable, Sendable {
        /// Never synchronous.
        package let mode: Pace.Mode
        /// Seconds for which the round stayed open once its quorum was there.
        package let grace: Double
        package let oldest: Int
        package let discount: Double

        package init(mode: Pace.Mode, grace: Double, oldest: Int, discount: Double) {
            self.mode = mode
            self.grace = grace
            self.oldest = oldest
            self.discount = discount
        }

        init(_ pace: Pace) {
            self.init(
                mode: pace.mode, grace: Double(pace.window) / 1000, oldest: pace.oldest, discount: pace.discount)
        }

        /// In words, for people.
        var summary: String {
            let closing =
                mode == .grace
                ? "The round closed \(Figure.short(grace)) s after its quorum was there"
                : "The round closed with its quorum"
            return
                "\(closing) (`\(mode.rawValue)`). An update that came late counted in a later round, for (1 + s)^-\(Figure.short(discount)) of its weight, where s updates had been released since the adapter that it was trained from, at most \(oldest)."
        }

        var json: JSON {
            .object([
                "mode": .string(mode.rawValue), "grace_seconds": .number(grace), "oldest": .integer(oldest),
                "discount": .number(discount),
            ])
        }

        init(_ field: JSONField) throws(JSONError) {
            try field.allow(only: ["mode", "grace_seconds", "oldest", "discount"])
            let named = try field.member("mode")
            guard let mode = Pace.Mode(rawValue: try named.string()), mode != .synchronous else {
                throw named.refused("\"\(try named.string())\" is no pace of late updates")
            }
            self.mode = mode
            grace = try field.member("grace_seconds").number(in: 0...Double(Pace.windows.upperBound) / 1000)
            oldest = try field.member("oldest").integer(in: Pace.ages)
            discount = try field.member("discount").number(in: Pace.discounts)
        }
    }
}
