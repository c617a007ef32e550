package import Configuration
import Encryption
package import Federation

/// publish.yaml's `encryption`: how much of an update is encrypted. Everything, unless asked for by name.
package enum EncryptionPlan: Equatable, Sendable {
    case full
    /// The `fraction` of the values that are most sensitive; noise in units of (clip norm) / sqrt(number of values) on the rest.
    case selective(fraction: Double, noise: Double)
    /// Equation 4 of arXiv 2503.12226 to the letter, which hides nothing.
    case literal(omega: Double)

    /// What `formula` can be.
    private enum Name: String, CaseIterable {
        case full
        case selective
        case literal = "literal-eq4"
    }

    /// - Parameter clipNorm: the run's, in which noise is counted.
    package static func read(_ file: Section, clipNorm: Double) -> EncryptionPlan {
        /// What is used until the configuration is refused.
        func refuse(_ key: String?, _ reason: String) -> EncryptionPlan {
            if let key { file.refuse(key, reason) } else { file.refuse(reason) }
            return .full
        }
        let name: Name = file.choice(
            "formula", default: .full,
            about: "`selective`: a part goes in clear, with noise; `literal-eq4` hides nothing, and is to compare with")
        let fraction = file.optionalDouble(
            "fraction", in: Value.positive, about: "the part of the values that is encrypted; of `literal-eq4` omega")
        let noise = file.optionalDouble(
            "noise", in: 0...PartialEncryption.noises.upperBound,
            about: "standard deviation on each value in clear, in clip norms over the root of the number of values")
        if let fraction, fraction > 1 { return refuse("fraction", "expected a part of 1, found \(fraction)") }
        switch name {
        case .full:
            if let fraction, fraction < 1 {
                return refuse(
                    "fraction",
                    "\(fraction) of the values would be encrypted and the rest sent in clear: ask for it by name, `formula: selective`"
                )
            }
            guard noise == nil else {
                return refuse("noise", "with `formula: full` nothing is sent in clear that noise could hide")
            }
            return .full
        case .selective:
            guard let fraction else {
                return refuse(nil, "`formula: selective` needs `fraction`, the part of the values that is encrypted")
            }
            guard fraction < 1 else { return .full }
            guard let noise, PartialEncryption.noises.contains(noise) else {
                return refuse(
                    nil,
                    "`fraction` below 1 needs `noise` above 0: without it the values outside the mask would be sent in clear as they are"
                )
            }
            guard clipNorm > 0 else {
                return refuse("noise", "it is counted in clip norms: `clip-norm` must be above 0")
            }
            return .selective(fraction: fraction, noise: noise)
        case .literal:
            guard let omega = fraction, PartialEncryption.omegas.contains(omega) else {
                return refuse(nil, "`formula: literal-eq4` needs `fraction` between 0 and 1, the formula's omega")
            }
            guard noise == nil else {
                return refuse("noise", "the formula has none: `literal-eq4` is to the letter")
            }
            return .literal(omega: omega)
        }
    }

    /// Whether a round must find out first which values are sensitive.
    package var needsSensitivities: Bool { if case .selective = self { true } else { false } }

    /// Why it cannot be in a run of `values` values; nil if it can.
    package func problem(values: Int, range: Double, clipNorm: Double, suite: Suite) -> String? {
        guard self != .full else { return nil }
        guard suite == .paillier else {
            return "publish's `encryption` encrypts a part, which needs `suite: paillier`; the topology's is \(suite)"
        }
        let most = needsSensitivities ? ValueMask.maximumValues : ValueMask.maximumValues / 2
        guard (2...most).contains(values) else {
            return "publish's `encryption` divides a vector of 2 to \(most) values, the run's has \(values)"
        }
        guard case .selective(_, let noise) = self else { return nil }
        let deviation = noise * clipNorm / Double(values).squareRoot()
        guard deviation > range / 3 else { return nil }
        return
            "noise of standard deviation \(Figure.significant(deviation)) would often leave `range`, \(Figure.significant(range)), and be cut off there, which biases the sum: raise `range`, or lower `noise` or `clip-norm`"
    }

    /// What an update's opening says; nil where all is encrypted.
    ///
    /// - Parameter mask: of the run, from its sensitivity round.
    package func opening(mask: ValueMask?) -> PartialEncryption? {
        switch self {
        case .full: nil
        case .selective(_, let noise): mask.map { .selective($0, noise: noise) }
        case .literal(let omega): .literal(omega: omega)
        }
    }
}

extension ReleaseManifest {
    /// How much of the clouds' updates was encrypted, and what the rest carried.
    package struct PartEncrypted: Equatable, Sendable {
        /// `full`, `selective` or `literal-eq4`.
        package let formula: String
        /// Of the values; under `literal-eq4` the formula's omega.
        package let fraction: Double
        /// Of the noise on each value in clear, in clip norms over the root of the number of values, and in the value's own unit.
        package let noise: Double
        package let noiseDeviation: Double
        /// What the noise on the clear part is worth for a cloud's whole update in one round at delta `PartEncrypted.delta`, given the
        /// mask; nil where there is none.
        package let epsilon: Double?
        /// What is wrong with the formula; nil if nothing is.
        package let warning: String?

        package static let delta = 1e-5

        package init(
            formula: String, fraction: Double, noise: Double, noiseDeviation: Double, epsilon: Double?, warning: String?
        ) {
            self.formula = formula
            self.fraction = fraction
            self.noise = noise
            self.noiseDeviation = noiseDeviation
            self.epsilon = epsilon
            self.warning = warning
        }

        /// As an update's opening had it.
        package init(_ opening: Opening) {
            var noise = 0.0
            if case .selective(_, let found) = opening.encryption { noise = found }
            let multiplier = noise / Double(opening.layout.count).squareRoot()
            self.init(
                formula: opening.encryption?.formula.rawValue ?? "full", fraction: opening.encryptedFraction,
                noise: noise, noiseDeviation: opening.noiseDeviation,
                epsilon: multiplier > 0
                    ? GaussianMechanism(multiplier: multiplier).epsilon(delta: PartEncrypted.delta) : nil,
                warning: opening.encryption?.formula == .literal ? PartialEncryption.leak : nil)
        }

        /// In words, for people.
        package var summary: String {
            guard formula != "full" else {
                return fraction == 1 ? "all of every update" : "nothing of any update"
            }
            if let warning { return "formula \(formula), omega \(Figure.short(fraction)): \(warning)" }
            let worth = epsilon.map {
                "; for a cloud's whole update that is worth epsilon \(Figure.significant($0)) a round at delta \(Figure.significant(PartEncrypted.delta)), given which values are in clear"
            }
            return
                "\(Figure.significant(100 * fraction)) % of the values of every update, those that the loss depends on most (formula \(formula)); the others went in clear with Gaussian noise of standard deviation \(Figure.significant(noiseDeviation)) (\(Figure.significant(noise)) clip norms over the root of the number of values)\(worth ?? "")"
        }
    }
}
