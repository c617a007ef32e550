/// Writes generated stays as eICU tables: worst values of the first day with -1 for missing, and laboratory rows in which
/// each hospital spells its units in its own way.
struct EICUWriter {
    let folder: String

    /// The 25 spellings of one unit that the eICU demo holds for the white cell count.
    static let cellCountUnits = [
        "K/MM3", "K/mm3", "K/CMM", "x10 3/uL", "thou/cumm", "K/cmm", "K/uL", "K/mcL", "10*3/uL", "THS/uL", "k/mm cu",
        "th/uL", "TH/uL", "THOU/UL", "10E3/mcL", "k/uL", "th/cumm", "TH/cmm", "x10 (3)", "10(3)/mcL", "x10(3)/mcL",
        "10*9/l", "k/MM3", "10", "X 10 3",
    ]

    private static let hospitals = [
        ("71", "100 - 249", "FALSE", "Midwest"), ("142", ">= 500", "TRUE", "South"), ("205", "<100", "FALSE", ""),
    ]

    /// Columns of apacheapsvar that hold a variable; the others are written apart.
    private static let scored: Set<String> = [
        "urine", "wbc", "temperature", "respiratoryrate", "sodium", "heartrate", "meanbp", "ph", "hematocrit",
        "creatinine", "albumin", "pao2", "pco2", "bun", "glucose", "bilirubin", "fio2",
    ]

    func write(_ stays: [GeneratedStay], _ random: inout SeededRandom) throws {
        let hospital = try CSVWriter(
            path: "\(folder)/hospital.csv.gz", header: ["hospitalid", "numbedscategory", "teachingstatus", "region"])
        for (id, beds, teaching, region) in EICUWriter.hospitals { try hospital.row([id, beds, teaching, region]) }
        try hospital.finish()
        try writePatients(stays, &random)
        let unscored = try writeScores(stays, &random)
        try writeLaboratory(stays, unscored, &random)
    }

    private func writePatients(_ stays: [GeneratedStay], _ random: inout SeededRandom) throws {
        let table = try CSVWriter(
            path: "\(folder)/patient.csv.gz",
            header: [
                "patientunitstayid", "patienthealthsystemstayid", "gender", "age", "ethnicity", "hospitalid", "wardid",
                "apacheadmissiondx", "admissionheight", "hospitaladmittime24", "hospitaladmitoffset",
                "hospitaladmitsource",
                "hospitaldischargeyear", "hospitaldischargetime24", "hospitaldischargeoffset",
                "hospitaldischargelocation",
                "hospitaldischargestatus", "unittype", "unitadmittime24", "unitadmitsource", "unitvisitnumber",
                "unitstaytype", "admissionweight", "dischargeweight", "unitdischargetime24", "unitdischargeoffset",
                "unitdischargelocation", "unitdischargestatus", "uniquepid",
            ])
        for stay in stays {
            let age = stay.measured["age"] ?? 62
            // Slips of unit: metres for centimetres, grams for kilograms.
            var height = stay.measured["height"].map { charted($0) } ?? ""
            if let value = stay.measured["height"], random.chance(0.01) { height = charted(value / 100) }
            var weight = stay.measured["weight"].map { charted($0) } ?? ""
            if let value = stay.measured["weight"], random.chance(0.01) { weight = charted(value * 10) }
            let outcome = stay.died ? "Expired" : "Alive"
            try table.row([
                stay.stayID, "\(129_000 + stay.index)", stay.isMale ? "Male" : "Female",
                age > 89 ? "> 89" : charted(age), "", EICUWriter.hospitals[stay.patient % 3].0, "91",
                "Rhythm disturbance (atrial, supraventricular)", height, "13:10:00", "-8", "Emergency Department",
                "2015",
                "19:20:00", "4000", stay.died ? "Death" : "Home", outcome, "Med-Surg ICU", "13:14:00",
                "Emergency Department", "1", "admit", weight, "", "13:14:00", "2250", stay.died ? "Death" : "Floor",
                outcome,
                stay.patientID,
            ])
        }
        try table.finish()
    }

    /// Returns the stays whose white cells and sodium are left to the laboratory table.
    private func writeScores(_ stays: [GeneratedStay], _ random: inout SeededRandom) throws -> Set<Int> {
        let header = [
            "apacheapsvarid", "patientunitstayid", "intubated", "vent", "dialysis", "eyes", "motor", "verbal", "meds",
            "urine", "wbc", "temperature", "respiratoryrate", "sodium", "heartrate", "meanbp", "ph", "hematocrit",
            "creatinine", "albumin", "pao2", "pco2", "bun", "glucose", "bilirubin", "fio2",
        ]
        let table = try CSVWriter(path: "\(folder)/apacheapsvar.csv.gz", header: header)
        var unscored: Set<Int> = []
        for stay in stays {
            let isUnscored = random.chance(0.3)
            if isUnscored { unscored.insert(stay.index) }
            let coma = stay.measured["gcs"].map { ComaScale(total: Int($0)) }
            try table.row(
                header.map { column in
                    switch column {
                    case "apacheapsvarid": return "\(90_000 + stay.index)"
                    case "patientunitstayid": return stay.stayID
                    case "intubated", "vent": return charted(stay.measured[column] ?? 0)
                    case "eyes": return coma.map { "\($0.eyes)" } ?? "-1"
                    case "motor": return coma.map { "\($0.motor)" } ?? "-1"
                    case "verbal": return coma.map { "\($0.verbal)" } ?? "-1"
                    case "wbc" where isUnscored, "sodium" where isUnscored: return "-1"
                    default:
                        guard EICUWriter.scored.contains(column) else { return "0" }
                        return stay.measured[column].map { charted($0) } ?? "-1"
                    }
                })
        }
        try table.finish()
        return unscored
    }

    private func writeLaboratory(_ stays: [GeneratedStay], _ unscored: Set<Int>, _ random: inout SeededRandom) throws {
        let table = try CSVWriter(
            path: "\(folder)/lab.csv.gz",
            header: [
                "labid", "patientunitstayid", "labresultoffset", "labtypeid", "labname", "labresult", "labresulttext",
                "labmeasurenamesystem", "labmeasurenameinterface", "labresultrevisedoffset",
            ])
        var row = 0
        for stay in stays {
            func put(_ name: String, _ minutes: Int, _ value: Double, _ system: String, _ unit: String) throws {
                row += 1
                try table.row([
                    "\(row)", stay.stayID, "\(minutes)", "1", name, charted(value), charted(value), system, unit,
                    "\(minutes + 30)",
                ])
            }
            if let cells = stay.measured["wbc"] {
                var unit = EICUWriter.cellCountUnits[random.index(EICUWriter.cellCountUnits.count)]
                // A bare "10" cannot be told from 10^9: written only where the score has the value already.
                if unit == "10", unscored.contains(stay.index) { unit = "K/uL" }
                try put("WBC x 1000", 90, cells, "K/mcL", unit)
                try put("WBC x 1000", 2900, cells * 2, "K/mcL", unit)
                try put("WBC x 1000", -4000, cells * 2, "K/mcL", unit)
            }
            if let sodium = stay.measured["sodium"] {
                let units = ["mmol/L", "mEq/L", "MEQ/L", "meq/L"]
                try put("sodium", 90, sodium, "mmol/L", units[random.index(units.count)])
            }
        }
        try table.finish()
    }
}
