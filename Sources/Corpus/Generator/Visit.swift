/// What is drawn of one stay, before it is some cloud's.
struct Visit {
    let measured: [String: Double]
    let probability: Double
    let died: Bool

    /// - Parameters:
    ///   - fixed: what stays with the patient; taken, and given back.
    ///   - seldom: variables that are missing in `Generator.seldomMissing` of stays.
    init(_ random: inout SeededRandom, _ fixed: inout [String: Double], seldom: Set<String>) {
        let drawn = PatientModel.draw(&random, fixed: fixed)
        for name in ["age", "weight", "height"] { fixed[name] = drawn.values[name] }
        var measured = drawn.values
        for driver in PatientModel.drivers where driver.variable != "age" {
            let share = seldom.contains(driver.variable) ? Generator.seldomMissing : Generator.otherMissing
            if random.chance(share) { measured[driver.variable] = nil }
        }
        // The motor score is part of the coma scale: charted with it or not at all.
        if measured["gcs"] == nil { measured["motor"] = nil }
        self.measured = measured
        probability = drawn.probability
        died = drawn.died
    }

    /// Whether another stay of the same patient follows.
    func comesBack(_ random: inout SeededRandom, visits: Int) -> Bool {
        !died && visits < 3 && random.chance(Generator.returning)
    }

    func stay(index: Int, patient: Int, visit: Int, schema: Generator.Schema) -> GeneratedStay {
        GeneratedStay(
            index: index, patient: patient, visit: visit, isMale: (patient * 7) % 13 < 7, measured: measured,
            probability: probability, died: died, schema: schema)
    }
}
