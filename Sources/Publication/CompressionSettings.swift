package import Configuration
package import Federation

/// publish.yaml's `compression`: how much of an update is sent, and how finely (docs/compression.md).
package struct CompressionSettings: Equatable, Sendable {
    package let scales: CompressionPlan.Scales
    package let margin: Double
    package let feedback: Double
    package let fraction: Double
    package let rotation: Double
    /// All values are sent in every so many updates; 0 for the first alone.
    package let refresh: Int

    package static func read(_ file: Section, outer: OuterOptimizer, encryption: EncryptionPlan) -> CompressionSettings
    {
        let settings = CompressionSettings(
            scales: file.choice(
                "scales", default: .released,
                about:
                    "each tensor's range from its largest value in the last released step, or `fixed`: `range` for all"),
            margin: file.double(
                "margin", in: CompressionPlan.margins, default: 2,
                about: "ranges are so many times that value; what lies beyond them is sent later"),
            feedback: file.double(
                "error-feedback", in: 0...1, default: 1,
                about: "the part of what it could not send that a cloud adds to its next update; 0 loses it"),
            fraction: file.double(
                "fraction", in: Value.positive, default: 1,
                about: "the part of the values that is sent: those that moved most in the last released step"),
            rotation: file.double(
                "rotation", in: 0...1, default: 0.2, about: "the part of those that comes by turn instead"),
            refresh: file.int(
                "refresh", in: 0...100_000, default: 0,
                about: "all values are sent in every so many updates; 0 for the first one alone"))
        if settings.fraction > 1 { file.refuse("fraction", "expected a part of 1, found \(settings.fraction)") }
        if settings.needsStep, outer.name != .average {
            file.refuse(
                "a step of `outer: {optimizer: \(outer.name.rawValue)}` is not the mean of the clouds' updates, so neither their size nor their places can be told from it: take `average`, or `scales: fixed` and `fraction: 1`"
            )
        }
        if encryption != .full {
            file.refuse(
                "with `encryption` a part of each update goes in clear under noise that is counted for all of its values: compress, or encrypt a part, not both"
            )
        }
        return settings
    }

    init(
        scales: CompressionPlan.Scales, margin: Double, feedback: Double, fraction: Double, rotation: Double,
        refresh: Int
    ) {
        self.scales = scales
        self.margin = margin
        self.feedback = feedback
        self.fraction = fraction
        self.rotation = rotation
        self.refresh = refresh
    }

    /// Whether it asks how the last update moved the adapter.
    package var needsStep: Bool { scales == .released || fraction < 1 }

    /// Why it cannot be in a run of `values` values; nil if it can.
    package func problem(values: Int) -> String? {
        guard fraction < 1, !(2...ValueMask.maximumValues).contains(values) else { return nil }
        return
            "publish's `compression.fraction` chooses among 2 to \(ValueMask.maximumValues) values, the run's adapter has \(values)"
    }

    /// What the opening of update `turn` (from 1) says, and its layout.
    ///
    /// - Parameters:
    ///   - layout: the adapter's, every range at its limit.
    ///   - last: how the last update moved it, and the round of the adapter before; nil before there was one.
    package func plan(
        of turn: Int, layout: VectorLayout, limit: Double, after last: (since: RoundNumber, step: ReleasedStep)?
    ) throws(FederationError) -> (plan: CompressionPlan, layout: VectorLayout) {
        let isDue = refresh > 0 && (turn - 1) % refresh == 0
        let places =
            isDue || fraction == 1 ? nil : try last?.step.places(fraction: fraction, rotation: rotation, turn: turn)
        var ranged = layout
        if scales == .released, let last {
            ranged = try layout.ranging(over: last.step.ranges(of: layout, margin: margin, limit: limit))
        }
        return (
            CompressionPlan(
                scales: scales, margin: margin, limit: limit, feedback: feedback, fraction: fraction,
                rotation: rotation,
                turn: turn, since: needsStep ? last?.since : nil, places: places), ranged
        )
    }
}
