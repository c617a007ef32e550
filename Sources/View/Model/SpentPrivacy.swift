internal import Federation
import JSONText
internal import Monitoring

/// What publish has said last of what the run's updates tell at most.
package struct SpentPrivacy: Equatable, Sendable {
    /// Whom the noise of the clouds' steps protects; nil without such noise.
    package let unit: String?
    package let epsilon: Double?
    package let cloudEpsilon: Double?
    package let delta: Double?
    package let budget: Double?

    init(_ event: Event) {
        unit = event.fields.text(.unit).map { EventNote.printable($0, atMost: 16) }
        epsilon = event.fields.amount(.epsilon)
        cloudEpsilon = event.fields.amount(.cloudEpsilon)
        delta = event.fields.amount(.delta)
        budget = event.fields.amount(.budget)
    }

    /// `epsilon 3.21 of 8 (patient), 12.3 (cloud), delta 1e-05`.
    package var words: String {
        var parts: [String] = []
        let limit = budget.map { " of \(Self.short($0))" } ?? ""
        if let unit { parts.append("\(epsilon.map(Self.short) ?? "unbounded")\(limit) (\(unit))") }
        if let cloudEpsilon { parts.append("\(Self.short(cloudEpsilon))\(unit == nil ? limit : "") (cloud)") }
        return "epsilon \(parts.joined(separator: ", "))\(delta.map { ", delta \($0)" } ?? "")"
    }

    private static func short(_ value: Double) -> String {
        guard value.magnitude < 1e9 else { return "\(value)" }
        let hundredths = (value * 100).rounded(.up) / 100
        return hundredths == hundredths.rounded() ? "\(Int(hundredths))" : "\(hundredths)"
    }

    var document: JSON {
        .object([
            "unit": unit.map(JSON.string) ?? .null, "epsilon": JSON.finite(epsilon),
            "cloud_epsilon": JSON.finite(cloudEpsilon), "delta": JSON.finite(delta), "budget": JSON.finite(budget),
            "words": .string(words),
        ])
    }
}
