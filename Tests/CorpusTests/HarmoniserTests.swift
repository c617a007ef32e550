import Corpus
import Testing

@Suite("Harmonising")
struct HarmoniserTests {
    let folder: TemporaryFolder
    private let chartHeader = "icustay_id,itemid,charttime,value,valuenum,valueuom,error\n"
    private let labHeader = "hadm_id,itemid,charttime,value,valuenum,valueuom\n"

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(
            "ICUSTAYS.csv",
            """
            ICUSTAY_ID,SUBJECT_ID,HADM_ID,INTIME,DBSOURCE
            1,10,100,2150-01-01 12:00:00,carevue
            2,11,101,2150-01-01 12:00:00,carevue
            3,12,102,2150-01-01 12:00:00,metavision
            4,13,103,2150-01-01 12:00:00,carevue
            5,14,104,2150-01-01 12:00:00,carevue
            6,10,105,2150-06-01 12:00:00,carevue

            """)
        try folder.write(
            "ADMISSIONS.csv", "HADM_ID,HOSPITAL_EXPIRE_FLAG\n100,0\n101,1\n102,1\n103,0\n104,\n105,1\n")
        try folder.write(
            "PATIENTS.csv",
            """
            SUBJECT_ID,DOB
            10,2090-01-02 00:00:00
            11,1850-01-01 00:00:00
            12,2100-01-01 00:00:00
            13,2140-01-01 00:00:00
            14,2100-01-01 00:00:00

            """)
        try folder.write("CHARTEVENTS.csv", chartHeader)
        try folder.write("LABEVENTS.csv", labHeader)
    }

    func harmonise(
        charts: String = "", labs: String = "", keep: [String: Set<String>] = [:], mapping: String = Sample.mapping
    ) throws -> (stays: [Stay], counts: IngestCounts) {
        try folder.write("CHARTEVENTS.csv", chartHeader + charts)
        try folder.write("LABEVENTS.csv", labHeader + labs)
        return try Harmoniser(mapping: Sample.read(mapping), variables: Sample.variables)
            .harmonise(try TableFolder(path: folder.path), keep: keep)
    }

    func value(_ name: String, of stay: String, in result: (stays: [Stay], counts: IngestCounts)) throws
        -> Double
    {
        let stay = try #require(result.stays.first { $0.id == stay })
        return stay.values[try #require(Sample.variables.index(of: name))]
    }

    func counts(_ name: String, in result: (stays: [Stay], counts: IngestCounts)) throws -> VariableCounts {
        result.counts.variables[try #require(Sample.variables.index(of: name))]
    }

    @Test("The cohort is adults with a known outcome; everybody over 89 is 90")
    func cohort() throws {
        let result = try harmonise()
        #expect(result.stays.map(\.id) == ["1", "2", "3", "6"])
        #expect(result.stays.map(\.died) == [false, true, true, true])
        #expect(result.counts.stayRows == 6)
        #expect(result.counts.excluded == [.tooYoung: 1, .noOutcome: 1])
        #expect(try value("age", of: "1", in: result) == 59)
        #expect(try value("age", of: "6", in: result) == 60)
        #expect(try value("age", of: "2", in: result) == 90)
    }

    @Test("An attribute narrows the cohort")
    func keep() throws {
        let result = try harmonise(keep: ["source": ["metavision"]])
        #expect(result.stays.map(\.id) == ["3"])
        #expect(result.counts.excluded[.notKept] == 5)
        #expect(throws: IngestError.unknownAttribute("ward", "sample")) { try harmonise(keep: ["ward": ["x"]]) }
    }

    @Test("The value farthest from normal counts, inside the window only")
    func worst() throws {
        let result = try harmonise(
            charts: """
                1,211,2150-01-01 13:00:00,80,80,BPM,
                1,212,2150-01-01 14:00:00,50,50,BPM,
                1,211,2150-01-02 11:59:59,95,95,BPM,
                1,211,2150-01-02 12:00:00,200,200,BPM,
                1,211,2150-01-01 11:59:59,200,200,BPM,
                9,211,2150-01-01 13:00:00,200,200,BPM,
                ,211,2150-01-01 13:00:00,200,200,BPM,
                1,999,2150-01-01 13:00:00,200,200,BPM,
                1,211,soon,200,200,BPM,

                """)
        #expect(try value("heartrate", of: "1", in: result) == 50)
        let table = result.counts.tables[0]
        #expect(table.used == 3)
        #expect(table.dropped == [.outsideWindow: 2, .otherStay: 1, .noKey: 1, .notMapped: 1, .noTime: 1])
        #expect(table.used + table.dropped.values.reduce(0, +) == table.rows)
    }

    @Test("Errors, missing codes, artefacts, repetitions and words are dropped, each counted")
    func drops() throws {
        let result = try harmonise(
            charts: """
                1,211,2150-01-01 13:00:00,180,180,BPM,1
                1,211,2150-01-01 13:01:00,0,0,BPM,
                1,211,2150-01-01 13:02:00,-1,-1,BPM,
                1,211,2150-01-01 13:03:00,,,BPM,
                1,211,2150-01-01 13:04:00,.,,BPM,
                1,211,2150-01-01 13:05:00,>200,,BPM,
                1,211,2150-01-01 13:06:00,77,77,BPM,
                1,212,2150-01-01 13:06:00,77,77,BPM,

                """)
        #expect(try value("heartrate", of: "1", in: result) == 77)
        #expect(result.counts.tables[0].dropped == [.markedAsError: 1])
        let counts = try counts("heartrate", in: result)
        #expect(counts.used == 1)
        #expect(
            counts.dropped == [.implausible: 1, .missing: 2, .notANumber: 1, .censored: 1, .duplicate: 1])
    }

    @Test("Units are decided by the item where it knows, by the table's spelling where not")
    func units() throws {
        let result = try harmonise(
            charts: """
                1,678,2150-01-01 13:00:00,104,104,?F,
                2,676,2150-01-01 13:00:00,36.5,36.5,,
                1,763,2150-01-01 13:00:00,150,150,,
                1,762,2150-01-01 14:00:00,70,70,kg,
                2,762,2150-01-01 14:00:00,0,0,kg,

                """,
            labs: """
                100,51301,2150-01-01 13:00:00,12,12,k / UL
                100,51301,2150-01-01 14:00:00,50,50,10
                101,51301,2150-01-01 13:00:00,9,9,THOU/CUMM
                105,51301,2150-06-01 13:00:00,9,9,

                """)
        #expect(abs(try value("temperature", of: "1", in: result) - 40) < 1e-9)
        #expect(try value("temperature", of: "2", in: result) == 36.5)
        #expect(abs(try value("weight", of: "1", in: result) - 68.0388555) < 1e-6)
        #expect(try value("weight", of: "2", in: result).isNaN)
        #expect(try value("wbc", of: "1", in: result) == 12)
        #expect(try value("wbc", of: "2", in: result) == 9)
        #expect(try value("wbc", of: "6", in: result).isNaN)
        let counts = try counts("wbc", in: result)
        #expect(counts.dropped == [.unknownUnit: 2])
        #expect(counts.units == ["k / UL": 1, "10": 1, "THOU/CUMM": 1, "": 1])
        #expect(try self.counts("temperature", in: result).converted == 1)
    }

    @Test("A censored text gives its limit where the mapping says so")
    func censored() throws {
        let result = try harmonise(
            labs: """
                100,51301,2150-01-01 13:00:00,<0.1,,K/uL
                101,51301,2150-01-01 13:00:00,GREATER THAN 400,,K/uL
                102,51301,2150-01-01 13:00:00,UNABLE TO REPORT,,K/uL

                """)
        #expect(try value("wbc", of: "1", in: result) == 0.1)
        #expect(try value("wbc", of: "2", in: result) == 400)
        #expect(try value("wbc", of: "3", in: result).isNaN)
        #expect(try counts("wbc", in: result).limits == 2)
        #expect(try counts("wbc", in: result).dropped == [.notANumber: 1])
    }

    @Test("Parts charted at one time are summed; a sum that lacks a part is none")
    func parts() throws {
        let result = try harmonise(
            charts: """
                1,1,2150-01-01 13:00:00,x,4,,
                1,2,2150-01-01 14:00:00,x,1,,
                1,2,2150-01-01 13:00:00,x,6,,
                1,3,2150-01-01 13:00:00,x,5,,
                2,1,2150-01-01 13:00:00,x,1,,
                2,2,2150-01-01 13:00:00,x,2,,
                2,3,2150-01-01 13:00:00,x,1,,
                2,1,2150-01-01 15:00:00,x,4,,
                2,2,2150-01-01 15:00:00,x,6,,
                2,3,2150-01-01 15:00:00,x,5,,
                3,1,2150-01-01 13:00:00,x,9,,
                3,2,2150-01-01 13:00:00,x,9,,
                3,3,2150-01-01 13:00:00,x,9,,

                """)
        #expect(try value("gcs", of: "1", in: result) == 15)
        #expect(try value("gcs", of: "2", in: result) == 4)
        #expect(try value("gcs", of: "3", in: result).isNaN)
        #expect(try counts("gcs", in: result).dropped == [.incomplete: 1, .implausible: 1])
    }

    @Test("Amounts are added up, and an amount charted twice counts once")
    func sums() throws {
        let result = try harmonise(
            charts: """
                1,40055,2150-01-01 13:00:00,100,100,ml,
                1,40055,2150-01-01 13:00:00,100,100,ml,
                1,40055,2150-01-01 17:00:00,100,100,ml,
                1,40055,2150-01-01 18:00:00,0,0,ml,

                """)
        #expect(try value("urine", of: "1", in: result) == 200)
    }

    @Test("Presence is yes, no, or nothing said")
    func presence() throws {
        let result = try harmonise(
            charts: """
                1,720,2150-01-01 13:00:00,ASSIST CONTROL,,,
                2,720,2150-01-01 13:00:00,Other/Remarks,,,

                """)
        #expect(try value("vent", of: "1", in: result) == 1)
        #expect(try value("vent", of: "2", in: result) == 0)
        #expect(try value("vent", of: "3", in: result).isNaN)
    }

    @Test("Laboratory rows find the stay of their admission, drawn up to six hours before it")
    func admissions() throws {
        let result = try harmonise(
            labs: """
                100,51301,2150-01-01 06:30:00,20,20,K/uL
                101,51301,2150-01-01 05:30:00,20,20,K/uL
                ,51301,2150-01-01 13:00:00,20,20,K/uL

                """)
        #expect(try value("wbc", of: "1", in: result) == 20)
        #expect(try value("wbc", of: "2", in: result).isNaN)
        #expect(result.counts.tables[1].dropped == [.outsideWindow: 1, .noKey: 1])
    }

    @Test("A missing table or column is named; an optional table may be missing")
    func missingTables() throws {
        _ = try harmonise()
        let renamed = Sample.mapping.replacing("- table: LABEVENTS", with: "- table: LABS")
        #expect(throws: TableFolder.Failure.missing(table: "LABS", folder: folder.path)) {
            try harmonise(mapping: renamed)
        }
        let optional = renamed.replacing("- table: LABS", with: "- table: LABS\n    optional: true")
        #expect(try harmonise(mapping: optional).counts.tables[1].rows == nil)
        let column = Sample.mapping.replacing("item: itemid", with: "item: item")
        #expect(throws: CSVError.self) { try harmonise(mapping: column) }
        try folder.write("labevents.csv.gz", labHeader)
        #expect(throws: TableFolder.Failure.self) { try harmonise() }
    }

    @Test("Headers alone tell what is missing as the tables themselves would, and no row is read")
    func headers() throws {
        // A row that would be refused were it read.
        let spoiled = "1,211,2150-01-01 13:00:00,80,80\n"
        #expect(throws: CSVError.self) { try harmonise(charts: spoiled) }
        func read(_ headersAlone: Bool) throws -> IngestCounts {
            try Harmoniser(mapping: Sample.read(Sample.mapping), variables: Sample.variables)
                .harmonise(try TableFolder(path: folder.path, isOfHeaders: headersAlone)).counts
        }
        #expect(try read(true).stayRows == 0)
        try folder.write("CHARTEVENTS.csv", chartHeader)
        // Whichever column goes, both say the same of it.
        var missed = 0
        for name in ["ICUSTAYS", "ADMISSIONS", "PATIENTS", "CHARTEVENTS", "LABEVENTS"] {
            let table = String(decoding: try folder.read("\(name).csv"), as: UTF8.self)
            let header = table.prefix { $0 != "\n" }
            for column in header.split(separator: ",") {
                let others = header.split(separator: ",").map { $0 == column ? "other" : String($0) }
                try folder.write(
                    "\(name).csv", others.joined(separator: ",") + table.dropFirst(header.count))
                func failure(_ headersAlone: Bool) -> CSVError? {
                    do { _ = try read(headersAlone) } catch { return error as? CSVError }
                    return nil
                }
                #expect(failure(true) == failure(false), "\(name).\(column)")
                if failure(true) != nil { missed += 1 }
            }
            try folder.write("\(name).csv", table)
            try folder.remove("\(name).csv")
            #expect(throws: TableFolder.Failure.missing(table: name, folder: folder.path)) { try read(true) }
            try folder.write("\(name).csv", table)
        }
        #expect(missed > 10)
    }

    @Test("A stay without a row in a required table is left out")
    func required() throws {
        let mapping = Sample.mapping.replacing("- table: CHARTEVENTS", with: "- table: CHARTEVENTS\n    required: true")
        let result = try harmonise(charts: "1,211,2150-01-01 13:00:00,80,80,BPM,\n", mapping: mapping)
        #expect(result.stays.map(\.id) == ["1"])
        #expect(result.counts.excluded[.noRow] == 3)
    }
}
