import Configuration
import Corpus
import Testing

/// A variable table and mapping small enough to read at a glance.
enum Sample {
    static let variables = VariableTable(
        variables: [
            Variable(name: "age", unit: "years", range: 16...90, normal: 50),
            Variable(name: "heartrate", unit: "/min", range: 10...300, normal: 75),
            Variable(
                name: "temperature", unit: "degC", range: 20...45, normal: 37, conversions: ["degF": .fahrenheit]),
            Variable(
                name: "weight", unit: "kg", range: 20...300, normal: 75, missing: .mean,
                conversions: ["lb": .factor(0.45359237)]),
            Variable(name: "gcs", unit: "points", range: 3...15, normal: 15, missing: .normal),
            Variable(name: "urine", unit: "mL", range: 0...20_000, normal: 2000, transform: .log1p),
            Variable(name: "wbc", unit: "10^9/L", range: 0.05...1000, normal: 7.5, transform: .log),
            Variable(name: "vent", unit: "flag", range: 0...1, normal: 0),
        ], edges: [-1, 0, 1])

    static let mapping = """
        version: 1
        name: sample
        window: 24h
        minimumAge: 16
        stays: {table: ICUSTAYS, stay: icustay_id, patient: subject_id, admission: hadm_id, start: intime}
        attributes:
          source: {column: dbsource}
        outcome: {table: ADMISSIONS, key: hadm_id, of: admission, column: hospital_expire_flag, died: ["1"], survived: ["0"]}
        age: {table: PATIENTS, key: subject_id, of: patient, birth: dob}
        units:
          10^9/L: [K/uL, thou/cumm]
        sources:
          - table: CHARTEVENTS
            key: icustay_id
            time: charttime
            item: itemid
            value: valuenum
            text: value
            unit: valueuom
            errors: {error: ["1"]}
            missing: ["-1"]
            variables:
              heartrate: {aggregate: worst, unit: /min, items: [211, 212]}
              temperature: {aggregate: worst, items: [{id: 678, unit: degF}, {id: 676, unit: degC}]}
              weight: {aggregate: first, items: [{id: 762, unit: kg}, {id: 763, unit: lb}]}
              gcs: {aggregate: worst, unit: points, parts: [1, 2, 3]}
              vent: {aggregate: presence, items: [{id: 720, texts: [Assist Control]}]}
              urine: {aggregate: sum, unit: mL, items: [40055]}
          - table: LABEVENTS
            of: admission
            key: hadm_id
            time: charttime
            before: 6h
            item: itemid
            value: valuenum
            text: value
            unit: valueuom
            censored: limit
            variables:
              wbc: {aggregate: worst, items: [51301]}
        """

    static func read(_ text: String = mapping) throws -> Mapping {
        try ConfigurationFile.decode(text: text, file: "sample.yaml") { try Mapping(from: $0, variables: variables) }
    }
}

@Suite("Variables and mappings")
struct MappingTests {
    @Test(
        "The mappings of configs/ agree with its variables",
        arguments: ["mimic-carevue", "mimic-metavision", "eicu"])
    func shipped(_ name: String) throws {
        let variables = try VariableTable.read(at: "\(checkout)/configs/variables.yaml")
        #expect((20...25).contains(variables.count))
        #expect(try Mapping.read(at: "\(checkout)/configs/mappings/\(name).yaml", variables: variables).name == name)
    }

    @Test(
        "The ingest configs that are shipped are read, and their mappings with them",
        arguments: [
            "demo/ingest-north", "demo/ingest-west", "demo/ingest-east", "real/ingest-carevue",
            "real/ingest-metavision",
            "real/ingest-eicu", "real/ingest-region-midwest", "real/ingest-region-south", "real/ingest-region-west",
            "real/ingest-region-northeast", "real/ingest-region-unnamed",
        ])
    func shippedConfigs(_ name: String) throws {
        let ingest = try Ingest(IngestConfiguration.read(at: "\(checkout)/configs/\(name).yaml"))
        #expect(ingest.configuration.keep.keys.allSatisfy { ingest.mapping.attributes[$0] != nil })
    }

    @Test("A sum has at most 16 parts")
    func manyParts() throws {
        func text(_ count: Int) -> String {
            Sample.mapping.replacing("parts: [1, 2, 3]", with: "parts: \(Array(1...count))")
        }
        _ = try Sample.read(text(16))
        #expect(throws: ConfigurationError.self) { try Sample.read(text(40)) }
    }

    @Test(
        "A column that gives the outcome away is refused wherever it stands; unspoiled the mapping is read",
        arguments: [
            (
                "time: charttime\n    item: itemid\n    value: valuenum\n    text: value\n    unit: valueuom\n    errors",
                "time: deathtime\n    item: itemid\n    value: valuenum\n    text: value\n    unit: valueuom\n    errors"
            ),
            (
                "value: valuenum\n    text: value\n    unit: valueuom\n    censored",
                "value: los\n    text: value\n    unit: valueuom\n    censored"
            ),
            ("{column: dbsource}", "{column: last_careunit}"),
            ("start: intime", "start: outtime"),
            ("birth: dob", "birth: dod"),
            ("errors: {error:", "errors: {HOSPITAL_EXPIRE_FLAG:"),
            ("table: LABEVENTS", "table: DIAGNOSES_ICD"),
            ("unit: valueuom\n    censored", "unit: discharge_location\n    censored"),
        ])
    func leaks(_ found: String, _ planted: String) throws {
        _ = try Sample.read()
        #expect(Sample.mapping.contains(found))
        let error = #expect(throws: ConfigurationError.self) {
            try Sample.read(Sample.mapping.replacing(found, with: planted))
        }
        #expect("\(try #require(error))".contains("gives the outcome away"))
    }

    @Test("The leak guard knows the outcome's columns of MIMIC-III and eICU")
    func leakColumns() {
        for column in [
            "deathtime", "discharge_location", "dod", "dod_hosp", "dischtime", "los", "hospital_expire_flag",
            "DEATHTIME",
            "actualhospitalmortality", "actualiculos", "hospitaldischargestatus", "unitdischargeoffset",
            "diedinhospital",
            "ventday1", "oobventday1", "dischargeweight", "hospitaldischargelocation", "unitdischargestatus",
        ] {
            #expect(LeakGuard.refusal(table: "any", column: column) != nil, "\(column)")
        }
        #expect(LeakGuard.refusal(table: "apachePatientResult", column: "physicianspeciality") != nil)
        for column in ["heartrate", "valuenum", "intime", "dob", "vent", "admissionweight", "uniquepid"] {
            #expect(LeakGuard.refusal(table: "apacheapsvar", column: column) == nil, "\(column)")
        }
    }

    @Test(
        "A wrong mapping is refused with the reason",
        arguments: [
            ("heartrate: {", "hartrate: {", "did you mean \"heartrate\""),
            ("unit: degF", "unit: degR", "cannot become temperature's degC; known: degC, degF"),
            ("aggregate: sum", "aggregate: total", "expected one of worst"),
            ("start: intime}", "}", "a source has a `time` column"),
            (
                "wbc: {aggregate: worst, items: [51301]}", "wbc: {aggregate: worst, items: [51301], unt: x}",
                "unknown key `unt`"
            ),
            ("10^9/L: [K/uL, thou/cumm]", "10^9/L: [K/uL]\n  K/uL: [K/uL]", "is given for both"),
        ])
    func wrong(_ found: String, _ planted: String, _ reason: String) throws {
        _ = try Sample.read()
        let error = #expect(throws: ConfigurationError.self) {
            try Sample.read(Sample.mapping.replacing(found, with: planted))
        }
        #expect("\(try #require(error))".contains(reason), "\(String(describing: error))")
    }

    @Test(
        "A wrong variable table is refused with the reason",
        arguments: [
            ("range: [0.1, 60]", "range: [60, 0.1]", "lower bound first"),
            ("range: [0.1, 60]", "range: [0, 60]", "a logarithm needs a lower bound above 0"),
            ("normal: 0.9", "normal: 90", "lies outside the range"),
            ("edges: [-1, 1]", "edges: [1, -1]", "ascending"),
            ("name: creatinine", "name: Creatinine", "lower-case"),
            ("umol/L: 0.0113", "umol/L: celsius", "expected a number"),
        ])
    func wrongVariables(_ found: String, _ planted: String, _ reason: String) throws {
        let good = """
            version: 1
            edges: [-1, 1]
            variables:
              - {name: creatinine, unit: mg/dL, range: [0.1, 60], normal: 0.9, transform: log, also: {umol/L: 0.0113}}
            """
        func read(_ text: String) throws -> VariableTable { try ConfigurationFile.decode(text: text, file: "v.yaml") }
        #expect(try read(good).count == 1)
        let error = #expect(throws: ConfigurationError.self) { try read(good.replacing(found, with: planted)) }
        #expect("\(try #require(error))".contains(reason), "\(String(describing: error))")
    }

    @Test("Units are converted as they should be")
    func conversions() throws {
        let variables = try VariableTable.read(at: "\(checkout)/configs/variables.yaml")
        func value(_ name: String, _ value: Double, _ unit: String) throws -> Double {
            let index = try #require(variables.index(of: name))
            return try #require(variables.variables[index].converted(value, from: unit))
        }
        #expect(abs(try value("temperature", 98.6, "degF") - 37) < 1e-9)
        #expect(abs(try value("weight", 150, "lb") - 68.038_855_5) < 1e-9)
        #expect(abs(try value("height", 70, "in") - 177.8) < 1e-9)
        #expect(abs(try value("fio2", 0.4, "fraction") - 40) < 1e-9)
        #expect(abs(try value("glucose", 5.5, "mmol/L") - 99.088) < 1e-9)
        #expect(abs(try value("creatinine", 88.4, "umol/L") - 1) < 1e-4)
    }
}
