import Glibc

/// How much each cloud's update counts in a round: from what is known of the clouds before it (arXiv 2503.12226, equations 5 and 6,
/// with their corrections: docs/weights.md).
package struct Weighting: Hashable, Sendable {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// By records: federated averaging.
        case fedavg
        /// Each cloud alike.
        case uniform
        /// records / loss^beta, less for whoever came late: with beta 1 the best unbiased mean where losses are variances of one truth.
        case quality
        /// As the paper's words have it: more for many records, a small loss and a fast link.
        case reciprocal
        /// The paper's formula, whose directions are the opposite of its words.
        case literal
        /// records * loss^beta: fair to clouds that do badly (q-FFL, Li et al. 2020, arXiv 1905.10497).
        case qffl

        /// The exponent of the loss where a config gives none. Losses here are log losses in nats, which near the end of training are mostly what
        /// nobody can know of a label and not the variance of an update: `quality` is told by name to take them for it.
        package var standardBeta: Double { self == .quality ? 0 : 1 }
    }

    /// What is known of a cloud; capped and bucketed (`Weight.bucket`), since the others see it.
    package struct Input: Hashable, Sendable {
        package let cloud: CloudName
        /// Training records.
        package let records: UInt32
        /// Its mean loss on its validation patients, of the newest adapter that was scored, in 1/1024 nat; nil where it does not say.
        package let loss: UInt32?
        /// What its newest contribution took on the way, in milliseconds, as the receiver measured it; nil before the first.
        package let transfer: UInt32?

        package init(cloud: CloudName, records: UInt32, loss: UInt32?, transfer: UInt32?) {
            self.cloud = cloud
            self.records = records
            self.loss = loss
            self.transfer = transfer
        }
    }

    package let mode: Mode
    /// The exponent of the link's part.
    package let alpha: Double
    /// The exponent of the loss.
    package let beta: Double
    /// No cloud counts more than this times its share of the records, where the mode has a cap.
    package let cap: Double
    /// Milliseconds on the way that count as being on time.
    package let slack: Double

    package init(_ mode: Mode, alpha: Double = 0.5, beta: Double? = nil, cap: Double = 3, slack: Double = 10_000) {
        self.mode = mode
        self.alpha = alpha
        self.beta = beta ?? mode.standardBeta
        self.cap = cap
        self.slack = slack
    }

    /// Whether the weights depend on the clouds' losses.
    package var usesLosses: Bool {
        switch mode {
        case .fedavg, .uniform: false
        case .reciprocal, .literal: true
        case .quality, .qffl: beta > 0
        }
    }

    /// What is wrong with the rule, in words; nil if nothing is.
    package var warning: String? {
        guard mode == .literal else { return nil }
        return
            "weights by equation 5 of arXiv 2503.12226 to the letter give most to the cloud with the fewest records, the largest loss and the slowest link, the opposite of what its text says; a cloud that lies about its loss gains by it"
    }

    /// The names and values of what the rule goes by, and no others.
    package var parameters: [(name: String, value: Double)] {
        switch mode {
        case .fedavg, .uniform: []
        case .quality: [("alpha", alpha), ("beta", beta), ("cap", cap), ("slack_seconds", slack / 1000)]
        case .reciprocal, .literal: [("alpha", alpha)]
        case .qffl: [("beta", beta), ("cap", cap)]
        }
    }

    package static let exponents = 0...8.0
    package static let caps = 1...1e6
    package static let slacks = 1...1e9

    /// A loss in nats as it is told, in 1/1024 nat; nil where there is none to tell.
    package static func loss(_ nats: Double) -> UInt32? {
        guard nats.isFinite, nats > 0 else { return nil }
        return UInt32(max(1, min(nats * 1024, Double(Weight.maximum))))
    }

    /// The largest of the weights that `weights` answers.
    package static let unit: UInt32 = 1 << 16

    /// Each cloud's share of the sum, in the order of `inputs`; they add up to 1.
    package func shares(_ inputs: [Input]) -> [Double] {
        let records = inputs.map { Double(max($0.records, 1)) }
        let losses = filled(inputs.map(\.loss))
        let transfers = filled(inputs.map(\.transfer))
        // A loss of nearly nothing must not make a cloud count for all others.
        let floor = 0.05 * median(losses)
        let raw: [Double] = inputs.indices.map { index in
            let (count, loss, transfer) = (records[index], losses[index], transfers[index])
            switch mode {
            case .fedavg: return count
            case .uniform: return 1
            case .quality:
                let late = max(0, transfer / slack - 1)
                return count * pow(loss + floor, -beta) * pow(1 + late, -alpha)
            // What a link carries in a second is the inverse of the time that the same bytes take.
            case .reciprocal: return count * pow(1 / transfer, alpha) / loss
            case .literal: return loss / (count * pow(1 / transfer, alpha))
            case .qffl: return count * pow(loss + floor, beta)
            }
        }
        let shares = normalised(raw)
        return mode == .quality || mode == .qffl ? capped(shares, normalised(records).map { $0 * cap }) : shares
    }

    /// As an opening has them: whole numbers from 1 to `unit`, the largest of which is `unit`; under `fedavg` the records themselves.
    package func weights(_ inputs: [Input]) -> [UInt32] {
        if mode == .fedavg { return inputs.map(\.records) }
        let shares = shares(inputs)
        let largest = shares.max() ?? 1
        return shares.map { UInt32(max(1, ($0 / largest * Double(Self.unit)).rounded())) }
    }

    /// Where a cloud has said nothing, the median of what the others have; 1 where nobody has.
    private func filled(_ values: [UInt32?]) -> [Double] {
        let known = values.compactMap { $0.map { Double(max($0, 1)) } }
        let standard = known.isEmpty ? 1 : median(known)
        return values.map { $0.map { Double(max($0, 1)) } ?? standard }
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private func normalised(_ values: [Double]) -> [Double] {
        let total = values.reduce(0, +)
        return values.map { $0 / total }
    }

    /// Cuts shares down to their caps, and gives what is cut to the others in proportion; the caps add up to at least 1.
    private func capped(_ shares: [Double], _ caps: [Double]) -> [Double] {
        var result = shares
        var isCut = [Bool](repeating: false, count: shares.count)
        while let worst = result.indices.first(where: { !isCut[$0] && result[$0] > caps[$0] * (1 + 1e-12) }) {
            isCut[worst] = true
            for index in result.indices where !isCut[index] && result[index] > caps[index] { isCut[index] = true }
            let taken = result.indices.reduce(0.0) { $0 + (isCut[$1] ? caps[$1] : 0) }
            let rest = result.indices.reduce(0.0) { $0 + (isCut[$1] ? 0 : shares[$1]) }
            for index in result.indices {
                result[index] = isCut[index] ? caps[index] : shares[index] / rest * (1 - taken)
            }
        }
        return result
    }
}
