package import Federation
package import Planning

/// How fast each cloud has been in update rounds, as aggregate measured it and as the clouds told of their training; and what publish
/// itself took.
package struct CloudPaces: Sendable, Equatable {
    /// Seconds of the newest rounds, of which the one in the middle counts: the round in which an engine starts, again after each swap,
    /// takes many times as long, and says nothing of the next. Of two the lesser, for the same reason.
    package struct Recent: Sendable, Equatable {
        /// The newest last.
        fileprivate var values: [Double] = []

        fileprivate static let most = 3

        package var typical: Double? { values.isEmpty ? nil : values.sorted()[(values.count - 1) / 2] }

        fileprivate mutating func take(_ value: Double) { values = (values + [value]).suffix(Self.most) }
    }

    package struct Pace: Sendable, Equatable {
        /// Seconds of a local step.
        package var step: Double
        /// Seconds before and after the steps that are not on the way: reading, judging, sealing.
        package var fixed: Double
        /// Seconds on the way for each bit of a slot.
        package var transferPerBit: Double
    }

    private struct History: Equatable {
        var step = Recent()
        var fixed = Recent()
        var transferPerBit = Recent()

        mutating func take(_ pace: Pace) {
            step.take(pace.step)
            fixed.take(pace.fixed)
            transferPerBit.take(pace.transferPerBit)
        }

        var paces: [Pace] {
            zip(step.values, zip(fixed.values, transferPerBit.values)).map {
                Pace(step: $0, fixed: $1.0, transferPerBit: $1.1)
            }
        }
    }

    private var histories: [CloudName: History] = [:]
    private var closings = Recent()
    private var openings = Recent()

    package var clouds: [CloudName: Pace] {
        histories.compactMapValues { history in
            guard let step = history.step.typical, let fixed = history.fixed.typical,
                let transfer = history.transferPerBit.typical
            else { return nil }
            return Pace(step: step, fixed: fixed, transferPerBit: transfer)
        }
    }
    /// From the last contribution's arrival until the sum is at publish, and from then to the release.
    package var closing: Double? { closings.typical }
    package var opening: Double? { openings.typical }

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
            histories[part.cloud, default: History()].take(
                Pace(step: train / steps, fixed: arrival - transfer - train, transferPerBit: transfer / Double(slot)))
        }
    }

    /// - Parameters:
    ///   - gathered: seconds from the opening until the sum was here; nil after a restart.
    ///   - released: from then to the release.
    package mutating func take(_ parts: [SumAbout.Part], gathered: Double?, released: Double?) {
        if let gathered, let last = parts.compactMap(\.arrival).max() {
            closings.take(max(0, gathered - Double(last) / 1000))
        }
        if let released { openings.take(released) }
    }

    /// Nil while nothing is known. A cloud of which nothing is known counts as the slowest.
    ///
    /// - Parameter slots: bits of a slot at each number of bits that may be chosen.
    package func figures(_ cohort: [Member], slots: [Int: Int]) -> RoundFigures? {
        let clouds = clouds
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

    /// A line for publish's own two, each with commas between, -1 for what is not known, and one for each of a cloud's rounds.
    package var encoded: [UInt8] {
        func joined(_ recent: Recent) -> String {
            recent.values.isEmpty ? "-1" : recent.values.map { "\($0)" }.joined(separator: ",")
        }
        var lines = ["\(joined(closings)) \(joined(openings))"]
        for (cloud, history) in histories.sorted(by: { $0.key < $1.key }) {
            lines += history.paces.map { "\(cloud) \($0.step) \($0.fixed) \($0.transferPerBit)" }
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
                for value in try parts[0].split(separator: ",").map(number) where value >= 0 { closings.take(value) }
                for value in try parts[1].split(separator: ",").map(number) where value >= 0 { openings.take(value) }
            } else {
                histories[try CloudName(String(parts[0])), default: History()].take(
                    Pace(step: try number(parts[1]), fixed: try number(parts[2]), transferPerBit: try number(parts[3])))
            }
        }
    }
}
