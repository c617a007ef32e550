import Glibc

/// The population behind generated data, and how its patients die: docs/generator.md gives the table and the reasons.
/// Set before any model was trained on it; a change needs a reason written there.
package struct PatientModel: Sendable {
    /// How one variable is drawn and what it does to the odds of dying.
    package struct Driver: Sendable {
        package let variable: String
        /// Centre and spread on the variable's transformed scale.
        package let centre: Double
        package let spread: Double
        /// Change of the log odds of death for one spread.
        package let effect: Double
        /// Decimals that are charted.
        package let decimals: Int
        /// +1 or -1: which way severity moves it.
        package let severity: Double

        init(_ variable: String, _ centre: Double, _ spread: Double, effect: Double, decimals: Int, severity: Double) {
            self.variable = variable
            self.centre = centre
            self.spread = spread
            self.effect = effect
            self.decimals = decimals
            self.severity = severity
        }
    }

    /// One generated stay as it truly is, before any mess.
    package struct Patient: Sendable {
        /// By variable; everything has a true value, measured or not.
        package var values: [String: Double]
        package let probability: Double
        package let died: Bool
    }

    package static let intercept = -1.1
    /// What all drivers share: the correlation of any two is its square.
    package static let severityLoading = 0.25

    // Centres and spreads are set so that the bands of the APACHE III score (Knaus et al. 1991, figure 1) are all met, most
    // patients lying in the bands with few points: clinical judgement from that table, not from any table of patients.
    package static let drivers: [Driver] = [
        Driver("age", 62, 16, effect: 0.55, decimals: 0, severity: 0),
        Driver("weight", log(78), 0.22, effect: 0, decimals: 1, severity: 0),
        Driver("height", 169, 10, effect: 0, decimals: 0, severity: 0),
        Driver("heartrate", 98, 24, effect: 0.45, decimals: 0, severity: 1),
        Driver("meanbp", 72, 20, effect: -0.5, decimals: 0, severity: -1),
        Driver("respiratoryrate", 24, 8, effect: 0.45, decimals: 0, severity: 1),
        Driver("temperature", 37, 1, effect: -0.4, decimals: 1, severity: -1),
        Driver("gcs", 13, 3.5, effect: -0.6, decimals: 0, severity: -1),
        Driver("urine", log(1600), 0.6, effect: -0.55, decimals: 0, severity: -1),
        Driver("wbc", log(11.5), 0.5, effect: 0.35, decimals: 1, severity: 1),
        Driver("sodium", 139, 5, effect: 0, decimals: 0, severity: 0),
        Driver("ph", 7.37, 0.08, effect: -0.45, decimals: 2, severity: -1),
        Driver("hematocrit", 33, 6, effect: -0.15, decimals: 1, severity: -1),
        Driver("creatinine", log(1.2), 0.6, effect: 0.15, decimals: 1, severity: 1),
        Driver("albumin", 3.1, 0.7, effect: -0.55, decimals: 1, severity: -1),
        Driver("pao2", log(90), 0.4, effect: -0.15, decimals: 0, severity: -1),
        Driver("pco2", log(40), 0.25, effect: 0, decimals: 0, severity: 1),
        Driver("bun", log(22), 0.65, effect: 0.55, decimals: 0, severity: 1),
        Driver("glucose", log(140), 0.4, effect: 0.15, decimals: 0, severity: 1),
        Driver("bilirubin", log(0.9), 0.8, effect: 0.5, decimals: 1, severity: 1),
        Driver("fio2", 50, 22, effect: 0.45, decimals: 0, severity: 1),
    ]

    /// Limits of what is drawn, inside the plausible ranges of configs/variables.yaml.
    private static let limits: [String: ClosedRange<Double>] = [
        "age": 18...90, "weight": 40...180, "height": 140...205, "heartrate": 30...190, "meanbp": 30...160,
        "respiratoryrate": 6...55, "temperature": 32...41, "gcs": 3...15, "urine": 50...7000, "wbc": 0.5...80,
        "sodium": 115...165, "ph": 6.9...7.65, "hematocrit": 15...55, "creatinine": 0.2...12, "albumin": 1.2...5.2,
        "pao2": 35...420, "pco2": 15...110, "bun": 4...150, "glucose": 35...700, "bilirubin": 0.2...35,
        "fio2": 21...100,
    ]
    private static let logarithmic: Set<String> = [
        "weight", "urine", "wbc", "creatinine", "pao2", "pco2", "bun", "glucose", "bilirubin",
    ]

    /// `fixed`: values that stay with the patient from one stay to the next.
    package static func draw(_ random: inout SeededRandom, fixed: [String: Double]) -> Patient {
        let severity = random.normal()
        var values: [String: Double] = [:]
        var logOdds = intercept
        for driver in drivers {
            let loading = driver.severity * severityLoading
            let z = loading * severity + sqrt(1 - loading * loading) * random.normal()
            let isLogarithmic = logarithmic.contains(driver.variable)
            var value = driver.centre + driver.spread * z
            if isLogarithmic { value = exp(value) }
            if let known = fixed[driver.variable] { value = known }
            if let limit = limits[driver.variable] { value = min(max(value, limit.lowerBound), limit.upperBound) }
            value = rounded(value, driver.decimals)
            values[driver.variable] = value
            // The odds follow what is charted, limits and rounding included.
            let charted = isLogarithmic ? log(value) : value
            logOdds += driver.effect * (charted - driver.centre) / driver.spread
        }
        // No effect of their own: ventilation follows the oxygen that is needed.
        let needsVentilator = random.chance(1 / (1 + exp(-((values["fio2"] ?? 21) - 60) / 10)))
        values["vent"] = needsVentilator ? 1 : 0
        values["intubated"] = needsVentilator && random.chance(0.85) ? 1 : 0
        let gcs = Int(values["gcs"] ?? 15)
        values["motor"] = Double(ComaScale(total: gcs).motor)
        let probability = 1 / (1 + exp(-logOdds))
        return Patient(values: values, probability: probability, died: random.chance(probability))
    }

    package static func rounded(_ value: Double, _ decimals: Int) -> Double {
        let factor = pow(10, Double(decimals))
        return (value * factor).rounded() / factor
    }
}

/// The parts of a Glasgow Coma Scale total.
struct ComaScale {
    let eyes: Int
    let motor: Int
    let verbal: Int

    init(total: Int) {
        let share = Double(total - 3) / 12
        eyes = 1 + Int((share * 3).rounded())
        verbal = 1 + Int((share * 4).rounded())
        motor = total - eyes - verbal
    }
}
