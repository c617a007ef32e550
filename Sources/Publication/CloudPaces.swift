package import Federation
package import Planning

/// How fast each cloud has been in update rounds, as aggregate measured it and as the clouds told of their training; and what publish
/// itself took. The newest round counts as much as all before it.
package struct CloudPaces: Sendable, Equatable {
    package struct Pace: Sendable, Equatable {
        /// Seconds of a local step.
        package var step: Double
        /// Seconds before and after the steps that are not on the way: reading, judging, sealing.
        package var fixed: Double
        /// Seconds on the way for each bit of a slot.
        package var transferPerBit: Double
    }

    package private(set) var clouds: [CloudName: Pace] = [:]
    /// From the last contribution's arrival until the sum is at publish, and from then to the release.
    package private(set) var closing: Double?
    package private(set) var opening: Double?

    package static let fact = "paces"

    package init() {}

    /// - Parameters:
    ///   - parts: what aggregate told with the sum.
    ///   - trained: what the clouds told of their training, in milliseconds.
    ///   - slot: bits of a slot in the round.
    package mutating func take(
        _ parts: [SumAbout.Part], trained: [CloudName: UInt32], training: TrainingPlan, slot: Int
    ) {
        for part in parts {
            guard let arrival = part.arrival.map({ Double($0) / 1000 }), arrival > 0 else { continue }
            let steps = Double(training.steps(of: part.cloud))
            let transfer = min(Double(part.transfer ?? 1) / 1000, arrival)
            // A cloud that tells nothing counts as one that does nothing but train; none can have trained for longer than that.
            let train = min(trained[part.cloud].map { Double($0) / 1000 } ?? .infinity, arrival - transfer)
            let now = Pace(
                step: train / steps, fixed: arrival - transfer - train, transferPerBit: transfer / Double(slot))
            clouds[part.cloud] = clouds[part.cloud].map { Self.mean($0, now) } ?? now
        }
    }

    /// - Parameters:
    ///   - gathered: seconds from the opening until the sum was here; nil after a restart.
    ///   - released: from then to the release.
    package mutating func take(_ parts: [SumAbout.Part], gathered: Double?, released: Double?) {
        func mix(_ old: Double?, _ new: Double) -> Double { old.map { ($0 + new) / 2 } ?? new }
        if let gathered, let last = parts.compactMap(\.arrival).max() {
            closing = mix(closing, max(0, gathered - Double(last) / 1000))
        }
        if let released { opening = mix(opening, released) }
    }

    private static func mean(_ old: Pace, _ new: Pace) -> Pace {
        Pace(
            step: (old.step + new.step) / 2, fixed: (old.fixed + new.fixed) / 2,
            transferPerBit: (old.transferPerBit + new.transferPerBit) / 2)
    }

    /// Nil while nothing is known. A cloud of which nothing is known counts as the slowest.
    ///
    /// - Parameter slots: bits of a slot at each number of bits that may be chosen.
    package func figures(_ cohort: [Member], slots: [Int: Int]) -> RoundFigures? {
        guard let slowest = clouds.values.max(by: { $0.step < $1.step }) else { return nil }
        return RoundFigures(
            clouds: cohort.map { member in
                let pace = clouds[member.cloud] ?? slowest
                // Bytes are counted in bits of a slot: only their ratio matters.
                return CloudFigures(
                    cloud: member.cloud, weight: Double(member.weight), secondsPerStep: pace.step,
                    fixedSeconds: pace.fixed,
                    up: LinkRate(bytesPerSecond: 1 / max(pace.transferPerBit, 1e-9), latency: 0),
                    down: LinkRate(bytesPerSecond: 1, latency: 0))
            }, contributionBytes: slots.mapValues(Double.init),
            // Clouds fetch the release when the next round is open: it is in what they take besides.
            releaseBytes: 0, aggregateSeconds: closing ?? 0, openSeconds: opening ?? 0)
    }

    // MARK: As the journal keeps it

    /// A line for publish's own two, 0 for what is not known, and one for each cloud.
    package var encoded: [UInt8] {
        var lines = ["\(closing ?? -1) \(opening ?? -1)"]
        for (cloud, pace) in clouds.sorted(by: { $0.key < $1.key }) {
            lines.append("\(cloud) \(pace.step) \(pace.fixed) \(pace.transferPerBit)")
        }
        return Array(lines.joined(separator: "\n").utf8)
    }

    package init(encoded: [UInt8]) throws {
        let damaged = PublicationError.paces
        func number(_ text: Substring) throws -> Double {
            guard let value = Double(text), value.isFinite else { throw damaged }
            return value
        }
        let lines = String(decoding: encoded, as: UTF8.self).split(separator: "\n")
        for (index, line) in lines.enumerated() {
            let parts = line.split(separator: " ")
            guard parts.count == (index == 0 ? 2 : 4) else { throw damaged }
            if index == 0 {
                let own = try parts.map(number)
                (closing, opening) = (own[0] < 0 ? nil : own[0], own[1] < 0 ? nil : own[1])
            } else {
                clouds[try CloudName(String(parts[0]))] = Pace(
                    step: try number(parts[1]), fixed: try number(parts[2]), transferPerBit: try number(parts[3]))
            }
        }
    }
}
