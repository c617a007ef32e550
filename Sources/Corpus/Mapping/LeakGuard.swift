/// Columns and tables that hold the outcome, or exist only because of it. A mapping that takes a variable, a time or a
/// filter from one of them is refused: a model would learn to read the answer.
///
/// In-hospital death is known from discharge on, so everything written at or after discharge gives it away, codes
/// assigned for billing included (MIMIC-III and eICU documentation; data leakage in mortality models: Ghassemi et al.,
/// "A Review of Challenges and Opportunities in Machine Learning for Health", 2020).
package enum LeakGuard {
    /// Lower-case column names.
    private static let columns: Set<String> = [
        // MIMIC-III
        "deathtime", "dischtime", "discharge_location", "hospital_expire_flag", "expire_flag", "dod", "dod_hosp",
        "dod_ssn",
        "los", "outtime", "icd9_code", "drg_code", "drg_severity", "drg_mortality", "last_careunit", "last_wardid",
        // eICU
        "diedinhospital", "ventday1", "oobventday1", "oobintubday1", "unabridgedunitlos", "unabridgedhosplos",
        "predictediculos", "predictedhospitallos", "predictedicumortality", "predictedhospitalmortality",
        "unabridgedactualventdays", "predventdays", "apachescore", "acutephysiologyscore",
        // OMOP
        "death_date", "death_datetime", "visit_end_date", "visit_end_datetime", "discharged_to_concept_id",
        "discharge_to_concept_id",
    ]
    /// Any column whose name holds one of these.
    private static let fragments = ["discharge", "expire", "death", "died", "mortality"]
    private static let prefixes = ["actual"]
    /// Tables that are filled at or after discharge.
    private static let tables: Set<String> = [
        "diagnoses_icd", "procedures_icd", "drgcodes", "cptevents", "apachepatientresult", "death", "careplaneol",
    ]

    /// Why `column` of `table` may not be used for anything but the outcome; nil if it may.
    package static func refusal(table: String, column: String) -> String? {
        let name = column.lowercased()
        if tables.contains(table.lowercased()) {
            return "table \(table) is written at or after discharge and gives the outcome away; it can hold no variable"
        }
        guard
            columns.contains(name) || fragments.contains(where: name.contains)
                || prefixes.contains(where: name.hasPrefix)
        else { return nil }
        return
            "column \(column) gives the outcome away (it is known only at or after discharge); it can hold no variable"
    }
}
