/// Writes generated stays as MIMIC-III tables. Around each true value lies what real charts have: readings nearer to
/// normal, readings after the first day, rows marked as errors, zeros of loose electrodes, the same value charted twice.
struct MIMICWriter {
    let folder: String
    let dialect: MIMICDialect

    private static let day = 86_400

    func write(_ stays: [GeneratedStay], _ random: inout SeededRandom) throws {
        try writePatients(stays)
        let starts = stays.map { start(of: $0) }
        try writeStays(stays, starts, &random)
        try writeCharts(stays, starts, &random)
        try writeLaboratory(stays, starts, &random)
        try writeOutput(stays, starts, &random)
    }

    /// Each patient lives at a time of its own between 2100 and 2200, as in MIMIC; stays follow each other by 60 days.
    private func start(of stay: GeneratedStay) -> Int {
        let base = CivilTime.days(year: 2100 + stay.patient % 90, month: 1 + stay.patient % 12, day: 3)
        return (base + stay.visit * 60) * MIMICWriter.day + (stay.index * 7919) % MIMICWriter.day
    }

    private func birth(_ stay: GeneratedStay) -> Int {
        let age = stay.measured["age"] ?? 62
        // MIMIC moves the birth of everybody over 89 so that the age comes out at about 300.
        let years = age >= 90 ? 300.5 : age + 0.5
        return start(of: stay) - Int(years * 365.2425 * Double(MIMICWriter.day))
    }

    private func time(_ seconds: Int) -> String { CivilTime.text(seconds: seconds) }

    // MARK: patients, admissions, stays

    private func writePatients(_ stays: [GeneratedStay]) throws {
        let table = try CSVWriter(
            path: "\(folder)/PATIENTS.csv",
            header: ["row_id", "subject_id", "gender", "dob", "dod", "dod_hosp", "dod_ssn", "expire_flag"])
        var seen: Set<String> = []
        let died = Set(stays.filter(\.died).map(\.patientID))
        for stay in stays where seen.insert(stay.patientID).inserted {
            let flag = died.contains(stay.patientID)
            let death =
                stays.last { $0.patientID == stay.patientID && $0.died }.map { time(start(of: $0) + 4 * 86_400) } ?? ""
            try table.row([
                "\(seen.count)", stay.patientID, stay.isMale ? "M" : "F", time(birth(stay)), death, death, "",
                flag ? "1" : "0",
            ])
        }
        try table.finish()
    }

    private func writeStays(_ stays: [GeneratedStay], _ starts: [Int], _ random: inout SeededRandom) throws {
        let admissions = try CSVWriter(
            path: "\(folder)/ADMISSIONS.csv",
            header: [
                "row_id", "subject_id", "hadm_id", "admittime", "dischtime", "deathtime", "admission_type",
                "admission_location", "discharge_location", "insurance", "language", "religion", "marital_status",
                "ethnicity", "edregtime", "edouttime", "diagnosis", "hospital_expire_flag", "has_chartevents_data",
            ])
        let units = try CSVWriter(
            path: "\(folder)/ICUSTAYS.csv",
            header: [
                "row_id", "subject_id", "hadm_id", "icustay_id", "dbsource", "first_careunit", "last_careunit",
                "first_wardid", "last_wardid", "intime", "outtime", "los",
            ])
        for (stay, start) in zip(stays, starts) {
            let length = random.uniform(1.2...9)
            let end = start + Int(length * 86_400)
            let leave = end + (stay.died ? 0 : 2 * 86_400)
            try admissions.row([
                "\(stay.index + 1)", stay.patientID, stay.admissionID, time(start - 7200), time(leave),
                stay.died ? time(leave) : "", "EMERGENCY", "EMERGENCY ROOM ADMIT",
                stay.died ? "DEAD/EXPIRED" : "HOME, SELF CARE", "Medicare", "", "UNOBTAINABLE", "",
                "UNKNOWN/NOT SPECIFIED",
                "", "", "SEPSIS; \"RULE OUT\"\nSHOCK", stay.died ? "1" : "0", "1",
            ])
            try units.row([
                "\(stay.index + 1)", stay.patientID, stay.admissionID, stay.stayID, dialect.source, "MICU", "MICU",
                "52",
                "52", time(start), time(end), "\(PatientModel.rounded(length, 4))",
            ])
        }
        try admissions.finish()
        try units.finish()
    }

    // MARK: charts

    private func writeCharts(_ stays: [GeneratedStay], _ starts: [Int], _ random: inout SeededRandom) throws {
        let table = try CSVWriter(
            path: "\(folder)/CHARTEVENTS.csv.gz",
            header: [
                "row_id", "subject_id", "hadm_id", "icustay_id", "itemid", "charttime", "storetime", "cgid", "value",
                "valuenum", "valueuom", "warning", "error", "resultstatus", "stopped",
            ])
        var row = 0
        for (stay, start) in zip(stays, starts) {
            func put(_ item: MIMICDialect.Item, _ at: Int, _ value: String, number: String? = nil, error: Bool = false)
                throws
            {
                row += 1
                // CareVue leaves the two flags blank.
                let flags = dialect.isCareVue ? ["", ""] : ["0", error ? "1" : "0"]
                try table.row(
                    [
                        "\(row)", stay.patientID, stay.admissionID, stay.stayID, item.id, time(start + at),
                        time(start + at + 600), "14000", value, number ?? value, item.unit,
                    ] + flags + ["", ""])
            }
            try writeVitals(stay, &random, put)
            try writeTemperature(stay, &random, put)
            try writeComa(stay, &random, put)
            try writeBody(stay, &random, put)
            try writeVentilation(stay, &random, put)
        }
        try table.finish()
    }

    private typealias Put = (MIMICDialect.Item, Int, String, String?, Bool) throws -> Void

    private func writeVitals(_ stay: GeneratedStay, _ random: inout SeededRandom, _ put: Put) throws {
        let normals = ["heartrate": 75.0, "meanbp": 90, "respiratoryrate": 19]
        for name in ["heartrate", "meanbp", "respiratoryrate"] {
            guard let worst = stay.measured[name], let normal = normals[name], let items = dialect.vitals[name] else {
                continue
            }
            let item = items[random.index(items.count)]
            let readings = Readings(worst: worst, normal: normal, decimals: 0, count: 6, &random)
            for (time, value) in readings.inside { try put(item, time, charted(value), nil, false) }
            // After the first day anything may come; none of it counts.
            try put(item, MIMICWriter.day + 5400, charted(worst * 1.3), nil, false)
            if random.chance(0.1) { try put(item, 8000, "0", nil, false) }
            if random.chance(0.05), let first = readings.inside.first {
                try put(item, first.time, charted(first.value), nil, false)
            }
            if !dialect.isCareVue, random.chance(0.05) { try put(item, 9000, charted(worst * 1.5), nil, true) }
            if dialect.isCareVue, random.chance(0.03) { try put(item, 9500, "", "", false) }
        }
    }

    private func writeTemperature(_ stay: GeneratedStay, _ random: inout SeededRandom, _ put: Put) throws {
        guard let worst = stay.measured["temperature"] else { return }
        let celsius = random.chance(dialect.isCareVue ? 0.4 : 0.1)
        // MetaVision's degree sign was lost on the way to the table.
        let item =
            switch (dialect.isCareVue, celsius) {
            case (true, true): MIMICDialect.Item(id: "676", unit: "Deg. C")
            case (true, false): MIMICDialect.Item(id: "678", unit: random.chance(0.1) ? "" : "Deg. F")
            case (false, true): MIMICDialect.Item(id: "223762", unit: "?C")
            case (false, false): MIMICDialect.Item(id: "223761", unit: "?F")
            }
        for (time, value) in Readings(worst: worst, normal: 37, decimals: 1, count: 4, &random).inside {
            try put(item, time, charted(celsius ? value : PatientModel.rounded(value * 1.8 + 32, 2)), nil, false)
        }
    }

    private func writeComa(_ stay: GeneratedStay, _ random: inout SeededRandom, _ put: Put) throws {
        guard let worst = stay.measured["gcs"] else { return }
        let tube = stay.measured["intubated"] == 1
        for (time, value) in Readings(worst: worst, normal: 15, decimals: 0, count: 3, &random).inside {
            let parts = ComaScale(total: Int(value))
            if dialect.isCareVue {
                try put(.init(id: "198", unit: "points"), time, charted(value), nil, false)
                try put(.init(id: "454", unit: ""), time, "\(parts.motor) Obeys Commands", "\(parts.motor)", false)
                let verbal = tube ? "1.0 ET/Trach" : "\(parts.verbal) Oriented"
                try put(.init(id: "723", unit: ""), time, verbal, tube ? "1" : "\(parts.verbal)", false)
            } else {
                // No total: the three parts, by name with the number beside. One charting in eight lacks a part.
                try put(.init(id: "220739", unit: ""), time, "To Speech", "\(parts.eyes)", false)
                try put(.init(id: "223901", unit: ""), time, "Obeys Commands", "\(parts.motor)", false)
                let verbal = tube ? "No Response-ETT" : "Confused"
                try put(.init(id: "223900", unit: ""), time, verbal, "\(parts.verbal)", false)
            }
        }
        if !dialect.isCareVue, random.chance(0.12) { try put(.init(id: "220739", unit: ""), 7000, "None", "1", false) }
    }

    private func writeBody(_ stay: GeneratedStay, _ random: inout SeededRandom, _ put: Put) throws {
        if let weight = stay.measured["weight"] {
            let pounds = PatientModel.rounded(weight / 0.45359237, 2)
            if dialect.isCareVue {
                if random.chance(0.1) { try put(.init(id: "763", unit: "kg"), 900, "0", nil, false) }
                try put(.init(id: "762", unit: random.chance(0.2) ? "" : "kg"), 1800, charted(weight), nil, false)
            } else if random.chance(0.6) {
                try put(.init(id: "226531", unit: ""), 1800, charted(pounds), nil, false)
            } else {
                try put(.init(id: "226512", unit: "kg"), 1800, charted(weight), nil, false)
            }
        }
        if let height = stay.measured["height"] {
            let inches = PatientModel.rounded(height / 2.54, 2)
            if dialect.isCareVue {
                try put(.init(id: "920", unit: random.chance(0.3) ? "" : "inches"), 1800, charted(inches), nil, false)
            } else {
                try put(.init(id: "226707", unit: "Inch"), 1800, charted(inches), nil, false)
                try put(.init(id: "226730", unit: "cm"), 1800, charted(height), nil, false)
            }
        }
    }

    private func writeVentilation(_ stay: GeneratedStay, _ random: inout SeededRandom, _ put: Put) throws {
        // A row that is always there, so that "not ventilated" is known and not just unsaid.
        if dialect.isCareVue {
            try put(
                .init(id: "720", unit: ""), 600, stay.measured["vent"] == 1 ? "Assist Control" : "Other/Remarks", "",
                false)
            if stay.measured["intubated"] == 1 { try put(.init(id: "723", unit: ""), 700, "1.0 ET/Trach", "1", false) }
        } else {
            try put(
                .init(id: "223849", unit: ""), 600, stay.measured["vent"] == 1 ? "CMV/ASSIST" : "Standby", "30", false)
            if stay.measured["intubated"] == 1 {
                try put(.init(id: "226732", unit: ""), 700, "Endotracheal tube", "", false)
            }
        }
        if let oxygen = stay.measured["fio2"] {
            for (time, value) in Readings(worst: oxygen, normal: 21, decimals: 0, count: 3, &random).inside {
                // A fraction under the unit "torr" in CareVue, percent without a unit in MetaVision.
                let item = MIMICDialect.Item(
                    id: dialect.isCareVue ? "190" : "223835", unit: dialect.isCareVue ? "torr" : "")
                try put(item, time, charted(dialect.isCareVue ? value / 100 : value), nil, false)
            }
            if !dialect.isCareVue, random.chance(0.1) { try put(.init(id: "223835", unit: ""), 4000, "0", nil, false) }
        }
        // CareVue charts the laboratory's glucose twice, under two ids.
        if dialect.isCareVue, let glucose = stay.measured["glucose"] {
            for id in ["811", "1529"] { try put(.init(id: id, unit: ""), 14_400, charted(glucose), nil, false) }
        }
    }

    // MARK: laboratory and urine

    private func writeLaboratory(_ stays: [GeneratedStay], _ starts: [Int], _ random: inout SeededRandom) throws {
        let table = try CSVWriter(
            path: "\(folder)/LABEVENTS.csv.gz",
            header: ["row_id", "subject_id", "hadm_id", "itemid", "charttime", "value", "valuenum", "valueuom", "flag"])
        let normals: [String: Double] = [
            "wbc": 7.5, "sodium": 140, "ph": 7.4, "hematocrit": 42, "creatinine": 0.9, "albumin": 4.2, "pao2": 500,
            "pco2": 40, "bun": 14, "glucose": 110, "bilirubin": 0.6,
        ]
        var row = 0
        for (stay, start) in zip(stays, starts) {
            func put(_ id: String, _ at: Int, _ value: String, _ number: String, _ unit: String, admission: Bool = true)
                throws
            {
                row += 1
                try table.row([
                    "\(row)", stay.patientID, admission ? stay.admissionID : "", id, time(start + at), value, number,
                    unit,
                    "abnormal",
                ])
            }
            for name in MIMICDialect.laboratory.keys.sorted() {
                guard let worst = stay.measured[name], let item = MIMICDialect.laboratory[name],
                    let normal = normals[name],
                    let driver = PatientModel.drivers.first(where: { $0.variable == name })
                else { continue }
                let unit = item.units[random.index(item.units.count)]
                let readings = Readings(worst: worst, normal: normal, decimals: driver.decimals, count: 2, &random)
                for (time, value) in readings.inside {
                    if name == "bilirubin", value <= 0.2 {
                        try put(item.id, time, "<0.2", "", unit)  // the assay's limit
                    } else {
                        try put(item.id, time, charted(value), charted(value), unit)
                    }
                }
                if random.chance(0.2) {
                    // Days later; and months earlier, as an outpatient without an admission.
                    try put(item.id, 3 * 86_400, charted(worst * 1.4), charted(worst * 1.4), unit)
                    try put(item.id, -60 * 86_400, charted(normal), charted(normal), unit, admission: false)
                }
                if random.chance(0.02) { try put(item.id, 5000, "UNABLE TO REPORT", "", "") }
                // A slip of the decimal point, of the kind that creatinine 138 mg/dL is in the real table.
                if name == "creatinine", random.chance(0.02) { try put(item.id, 6000, "138", "138", unit) }
            }
        }
        try table.finish()
    }

    private func writeOutput(_ stays: [GeneratedStay], _ starts: [Int], _ random: inout SeededRandom) throws {
        let table = try CSVWriter(
            path: "\(folder)/OUTPUTEVENTS.csv.gz",
            header: [
                "row_id", "subject_id", "hadm_id", "icustay_id", "charttime", "itemid", "value", "valueuom",
                "storetime",
                "cgid", "stopped", "newbottle", "iserror",
            ])
        var row = 0
        for (stay, start) in zip(stays, starts) {
            guard let total = stay.measured["urine"] else { continue }
            let item = dialect.urine[random.index(dialect.urine.count)]
            let share = (total / 6).rounded(.down)
            for hour in 0..<7 {
                // Six portions of the first day, and one of the second.
                let value = hour == 5 ? total - share * 5 : share
                row += 1
                let fields = [
                    stay.patientID, stay.admissionID, stay.stayID, time(start + 3600 + hour * 14_400), item.id,
                    charted(value),
                    item.unit, time(start + 3700 + hour * 14_400), "15000", "", "", "",
                ]
                try table.row(["\(row)"] + fields)
                if hour == 2, random.chance(0.1) {
                    row += 1
                    try table.row(["\(row)"] + fields)  // the same bag, charted twice
                }
            }
        }
        try table.finish()
    }
}

/// The readings of one day whose worst is known.
struct Readings {
    let inside: [(time: Int, value: Double)]

    /// The others lie between normal and `worst`, nearer to normal; times are spread over the first day.
    init(worst: Double, normal: Double, decimals: Int, count: Int, _ random: inout SeededRandom) {
        let place = random.index(count)
        inside = (0..<count).map { index in
            let time = 1200 + index * (80_000 / count) + random.index(1000)
            guard index != place else { return (time, worst) }
            return (time, PatientModel.rounded(normal + (worst - normal) * random.uniform(0.1...0.8), decimals))
        }
    }
}
