package import Configuration
import Glibc

/// One harmonised variable: what every cloud's tables are brought to (configs/variables.yaml).
package struct Variable: Sendable, Hashable {
    package enum Transform: String, Sendable, CaseIterable {
        case none
        /// Natural logarithm: for what varies by factors (creatinine, bilirubin).
        case log
        /// ln(1 + x): the same for what may be 0 (urine).
        case log1p

        package func callAsFunction(_ value: Double) -> Double {
            switch self {
            case .none: value
            case .log: Glibc.log(value)
            case .log1p: Glibc.log1p(value)
            }
        }
    }

    /// What a record says where a stay has no value.
    package enum Missing: String, Sendable, CaseIterable {
        /// Nothing: the token is left out.
        case skip
        /// The variable's normal value, as APACHE assumes for what nobody thought worth measuring.
        case normal
        /// The federation's mean (z = 0).
        case mean
    }

    /// How another unit becomes this variable's.
    package enum Conversion: Sendable, Hashable {
        case factor(Double)
        /// (x - 32) / 1.8
        case fahrenheit

        package func callAsFunction(_ value: Double) -> Double {
            switch self {
            case .factor(let factor): value * factor
            case .fahrenheit: (value - 32) / 1.8
            }
        }
    }

    package let name: String
    package let unit: String
    /// Values outside are implausible and dropped.
    package let range: ClosedRange<Double>
    /// The middle of what is normal; "worst" means farthest from it.
    package let normal: Double
    package let transform: Transform
    package let missing: Missing
    /// Other units that tables may hold, by name.
    package let conversions: [String: Conversion]

    package init(
        name: String, unit: String, range: ClosedRange<Double>, normal: Double, transform: Transform = .none,
        missing: Missing = .skip, conversions: [String: Conversion] = [:]
    ) {
        self.name = name
        self.unit = unit
        self.range = range
        self.normal = normal
        self.transform = transform
        self.missing = missing
        self.conversions = conversions
    }

    /// The transformed value scaled so that the plausible range becomes [0, 1]: what the statistics sum.
    package func scaled(_ value: Double) -> Double {
        let low = transform(range.lowerBound)
        return (transform(value) - low) / (transform(range.upperBound) - low)
    }

    /// How far `value` is from normal on the transformed scale.
    package func distanceFromNormal(_ value: Double) -> Double { abs(transform(value) - transform(normal)) }

    /// The value in this variable's unit; nil where `unit` is not known to it.
    package func converted(_ value: Double, from unit: String) -> Double? {
        if unit == self.unit { return value }
        return conversions[unit].map { $0(value) }
    }
}

extension Variable: Configurable {
    package init(from file: Section) throws {
        let name = file.string("name")
        let first = name.utf8.first.map { (97...122).contains($0) } ?? false
        let rest = name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        if !first || !rest || name.utf8.count > 32 {
            file.refuse("name", "expected up to 32 lower-case letters, digits and underscores, a letter first")
        }
        let unit = file.string("unit")
        let bounds = file.required("range").list(count: 2...2) { $0.double() }
        let transform = file.choice("transform", default: Transform.none)
        var range = 0.0...1.0
        if bounds.count == 2 {
            if bounds[0] < bounds[1] {
                range = bounds[0]...bounds[1]
            } else {
                file.refuse("range", "expected the lower bound first")
            }
        }
        if transform == .log, range.lowerBound <= 0 { file.refuse("range", "a logarithm needs a lower bound above 0") }
        if transform == .log1p, range.lowerBound < 0 { file.refuse("range", "log1p needs a lower bound of at least 0") }
        let normal = file.double("normal")
        if !range.contains(normal) { file.refuse("normal", "lies outside the range") }
        let missing = file.choice("missing", default: Missing.skip)
        var conversions: [String: Conversion] = [:]
        if let also = file.value("also") {
            for (other, conversion) in also.entries(of: { _, value in try Variable.conversion(value) }) {
                conversions[other] = conversion
            }
        }
        self.init(
            name: name, unit: unit, range: range, normal: normal, transform: transform, missing: missing,
            conversions: conversions)
    }

    private static func conversion(_ value: Value) throws -> Conversion {
        if try value.parsed({ $0 == "fahrenheit" }) { return .fahrenheit }
        return .factor(value.double(in: Value.positive))
    }
}
