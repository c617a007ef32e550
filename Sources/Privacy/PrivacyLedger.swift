package import Federation

/// What was said under noise, and what without: a list of mechanisms and how often each was used. Whoever spends writes it down before
/// anything leaves, so that no crash forgets it; what was written and never left counts all the same.
package struct PrivacyLedger: Hashable, Sendable {
    /// Steps under DP-SGD.
    package struct Steps: Hashable, Sendable {
        package let unit: PrivacyPlan.Unit
        package let rate: Double
        package let noise: Double
        package var count: Int
    }

    /// Sums under the clouds' noise.
    package struct Sums: Hashable, Sendable {
        package let mechanism: DistributedGaussian
        package var count: Int
    }

    package private(set) var steps: [Steps] = []
    package private(set) var sums: [Sums] = []
    /// Updates whose steps, and whose sums, had no noise.
    package private(set) var bareUpdates = 0
    package private(set) var bareSums = 0

    /// Different mechanisms that are kept apart; a run changes them by hand.
    package static let maximumEntries = 4096

    package init() {}

    /// Of updates that nobody counted.
    package static let unknown: PrivacyLedger = {
        var ledger = PrivacyLedger()
        (ledger.bareUpdates, ledger.bareSums) = (1, 1)
        return ledger
    }()

    package var updates: Int { bareSums + sums.reduce(0) { $0 + $1.count } }

    /// One more answer to such an opening; nothing of other rounds than updates.
    package mutating func spend(_ opening: Opening) {
        guard let plan = opening.training else { return }
        if let training = opening.privacy?.training {
            let same = steps.firstIndex {
                $0.unit == training.unit && $0.rate == training.rate && $0.noise == training.noise
            }
            if let same {
                steps[same].count += plan.steps
            } else {
                steps.append(
                    Steps(unit: training.unit, rate: training.rate, noise: training.noise, count: plan.steps))
            }
        } else {
            bareUpdates += 1
        }
        if let mechanism = opening.sumMechanism {
            if let same = sums.firstIndex(where: { $0.mechanism == mechanism }) {
                sums[same].count += 1
            } else {
                sums.append(Sums(mechanism: mechanism, count: 1))
            }
        } else {
            bareSums += 1
        }
    }

    package func spending(_ opening: Opening) -> PrivacyLedger {
        var ledger = self
        ledger.spend(opening)
        return ledger
    }

    /// Of a unit of training data, for everything that updates have told so far; infinity once an update was made without noise, or
    /// under one that protects less than the unit.
    package func epsilon(of unit: PrivacyPlan.Unit, delta: Double) -> Double {
        guard bareUpdates == 0 else { return .infinity }
        var curve = RenyiCurve.none
        for entry in steps {
            guard unit == .record || entry.unit == .patient else { return .infinity }
            curve = curve + SampledGaussian(rate: entry.rate, multiplier: entry.noise).curve * entry.count
        }
        return curve == .none ? 0 : curve.epsilon(delta: delta)
    }

    /// Of a whole cloud, its updates or zeros in their place; infinity once a sum had no noise.
    package func epsilonOfCloud(delta: Double) -> Double {
        guard bareSums == 0 else { return .infinity }
        var curve = RenyiCurve.none
        var cut = 0.0
        for entry in sums {
            curve = curve + entry.mechanism.curve * entry.count
            cut += entry.mechanism.cutTails * Double(entry.count)
        }
        guard delta > 2 * cut else { return .infinity }
        return curve == .none ? 0 : curve.epsilon(delta: delta - cut)
    }
}

extension DistributedGaussian {
    /// What the sampler's end of tails can cost of delta: a share's value lies beyond twelve deviations with a chance of 2 exp(-72),
    /// 1.1e-31, at most; a thousand times that for both of two neighbours, at any epsilon below 6.
    package var cutTails: Double { 1e-28 * Double(dimension) * Double(shares) }
}

// MARK: In a journal

extension PrivacyLedger {
    /// Words between blanks, an entry a line.
    package var encoded: [UInt8] {
        var lines = ["bare \(bareUpdates) \(bareSums)"]
        lines += steps.map { "steps \($0.unit) \($0.rate) \($0.noise) \($0.count)" }
        lines += sums.map {
            "sum \($0.mechanism.shares) \($0.mechanism.variance) \($0.mechanism.sensitivity) \($0.mechanism.dimension) \($0.count)"
        }
        return Array(lines.joined(separator: "\n").utf8)
    }

    /// - Returns: nil if the bytes are no ledger.
    package init?(encoded bytes: [UInt8]) {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.split(separator: " ")
            func real(_ index: Int) -> Double? { Double(words[index]).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } }
            func whole(_ index: Int) -> Int? { Int(words[index]).flatMap { $0 >= 0 ? $0 : nil } }
            switch words.first {
            case "bare" where words.count == 3:
                guard let updates = whole(1), let sums = whole(2) else { return nil }
                (bareUpdates, bareSums) = (updates, sums)
            case "steps" where words.count == 5:
                guard let unit = PrivacyPlan.Unit(rawValue: String(words[1])), let rate = real(2),
                    PrivacyPlan.rates.contains(rate), let noise = real(3), let count = whole(4)
                else { return nil }
                steps.append(Steps(unit: unit, rate: rate, noise: noise, count: count))
            case "sum" where words.count == 6:
                guard let shares = whole(1), shares > 0, let variance = real(2), let sensitivity = real(3),
                    let dimension = whole(4), dimension > 0, let count = whole(5)
                else { return nil }
                sums.append(
                    Sums(
                        mechanism: DistributedGaussian(
                            shares: shares, variance: variance, sensitivity: sensitivity, dimension: dimension),
                        count: count))
            default: return nil
            }
            guard steps.count + sums.count <= PrivacyLedger.maximumEntries else { return nil }
        }
    }
}
