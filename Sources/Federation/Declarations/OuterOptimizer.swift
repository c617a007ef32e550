package import MessagePack

/// How publish moves the adapter by the weighted mean of the cohort's deltas, which stands for the negative of a gradient (FedOpt,
/// Reddi et al. 2021, arXiv 2003.00295).
package enum OuterOptimizer: Hashable, Sendable {
    /// w + rate * mean: federated averaging (McMahan et al. 2017) at rate 1.
    case average(rate: Double)
    /// Nesterov's momentum as in torch.optim.SGD, and as DiLoCo uses it (Douillard et al. 2023, arXiv 2311.08105).
    case nesterov(rate: Double, momentum: Double)
    /// FedAdam: moments without correction of their bias, the second one begun at `epsilon` squared.
    case adam(rate: Double, momentum: Double, secondMomentum: Double, epsilon: Double)

    package enum Name: String, Hashable, Sendable, CaseIterable {
        case average
        case nesterov
        case adam
    }

    package static let rates = Double.leastNormalMagnitude...10
    package static let momenta = 0...0.9999
    package static let epsilons = 1e-12...1.0

    package var name: Name {
        switch self {
        case .average: .average
        case .nesterov: .nesterov
        case .adam: .adam
        }
    }

    package var rate: Double {
        switch self {
        case .average(let rate), .nesterov(let rate, _), .adam(let rate, _, _, _): rate
        }
    }

    /// What each moment is before the first step: as many vectors of the adapter's length go from round to round.
    package var initialMoments: [Double] {
        switch self {
        case .average: []
        case .nesterov: [0]
        case .adam(_, _, _, let epsilon): [0, epsilon * epsilon]
        }
    }

    /// In words, for people: `nesterov, rate 0.7, momentum 0.9`.
    package var summary: String {
        switch self {
        case .average(let rate): rate == 1 ? "average" : "average, rate \(rate)"
        case .nesterov(let rate, let momentum): "nesterov, rate \(rate), momentum \(momentum)"
        case .adam(let rate, let momentum, let second, let epsilon):
            "adam, rate \(rate), momenta \(momentum) and \(second), epsilon \(epsilon)"
        }
    }
}

extension OuterOptimizer {
    package var value: Value {
        var (momentum, second, epsilon): (Double?, Double?, Double?)
        switch self {
        case .average: break
        case .nesterov(_, let given): momentum = given
        case .adam(_, let first, let other, let least): (momentum, second, epsilon) = (first, other, least)
        }
        return .map([
            ("optimizer", .text(name.rawValue)), ("rate", .double(rate)),
            ("momentum", momentum.map(Value.double) ?? .none), ("second-momentum", second.map(Value.double) ?? .none),
            ("epsilon", epsilon.map(Value.double) ?? .none),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "outer")
        let name: Name = try fields.choice("optimizer")
        let rate = try fields.real("rate", in: Self.rates)
        switch name {
        case .average:
            self = .average(rate: rate)
            for unused in ["momentum", "second-momentum", "epsilon"] { try fields.empty(unused) }
        case .nesterov:
            self = .nesterov(rate: rate, momentum: try fields.real("momentum", in: Self.momenta))
            for unused in ["second-momentum", "epsilon"] { try fields.empty(unused) }
        case .adam:
            self = .adam(
                rate: rate, momentum: try fields.real("momentum", in: Self.momenta),
                secondMomentum: try fields.real("second-momentum", in: Self.momenta),
                epsilon: try fields.real("epsilon", in: Self.epsilons))
        }
        try fields.finish()
    }
}
