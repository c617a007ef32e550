/// What differs between the two charting systems of MIMIC-III: item ids, units, and their habits.
struct MIMICDialect {
    struct Item {
        let id: String
        let unit: String
    }

    let source: String
    let isCareVue: Bool
    /// Vital signs: several ids for one quantity, picked at random for each stay.
    let vitals: [String: [Item]]
    let urine: [Item]

    static let careVue = MIMICDialect(
        source: "carevue", isCareVue: true,
        vitals: [
            "heartrate": [Item(id: "211", unit: "BPM")],
            "meanbp": [Item(id: "52", unit: "mmHg"), Item(id: "456", unit: "mmHg"), Item(id: "443", unit: "")],
            // A respiratory rate that its own table calls beats per minute.
            "respiratoryrate": [Item(id: "618", unit: "BPM"), Item(id: "615", unit: "BPM")],
        ],
        urine: [Item(id: "40055", unit: "ml"), Item(id: "40069", unit: "")])

    static let metaVision = MIMICDialect(
        source: "metavision", isCareVue: false,
        vitals: [
            "heartrate": [Item(id: "220045", unit: "bpm")],
            "meanbp": [Item(id: "220052", unit: "mmHg"), Item(id: "220181", unit: "mmHg")],
            "respiratoryrate": [Item(id: "220210", unit: "insp/min"), Item(id: "224690", unit: "insp/min")],
        ],
        urine: [Item(id: "226559", unit: "mL"), Item(id: "226560", unit: "mL")])

    /// Laboratory items are the same in both; so is the disorder of their units.
    static let laboratory: [String: (id: String, units: [String])] = [
        "wbc": ("51301", ["K/uL", "K/UL"]), "sodium": ("50983", ["mEq/L", "MEQ/L"]),
        "ph": ("50820", ["units", "UNITS"]),
        "hematocrit": ("51221", ["%"]), "creatinine": ("50912", ["mg/dL", "MG/DL"]), "albumin": ("50862", ["g/dL"]),
        "pao2": ("50821", ["mm Hg", "MM HG"]), "pco2": ("50818", ["mm Hg", "MM HG"]), "bun": ("51006", ["mg/dL"]),
        "glucose": ("50931", ["mg/dL", "MG/DL"]), "bilirubin": ("50885", ["mg/dL"]),
    ]
}
