import Corpus
import Gzip
import Testing

/// What tables may make ingest keep, compare and search through.
@Suite("Hostile cohorts", .serialized, .timeLimit(.minutes(5)))
struct HostileCohortTests {
    private let folder: TemporaryFolder
    private let stayHeader = "ICUSTAY_ID,SUBJECT_ID,HADM_ID,INTIME,DBSOURCE\n"
    private let chartHeader = "icustay_id,itemid,charttime,value,valuenum,valueuom,error\n"
    /// 2150-01-01 00:00:00.
    private let origin = CivilTime.days(year: 2150, month: 1, day: 1) * 86_400
    private let labHeader = "hadm_id,itemid,charttime,value,valuenum,valueuom\n"

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("ADMISSIONS.csv", "HADM_ID,HOSPITAL_EXPIRE_FLAG\n100,0\n")
        try folder.write("PATIENTS.csv", "SUBJECT_ID,DOB\n10,2090-01-02 00:00:00\n")
        try write()
    }

    private func write(stays: String = "1,10,100,2150-01-01 12:00:00,x\n", charts: String = "", labs: String = "")
        throws
    {
        try folder.write("ICUSTAYS.csv", stayHeader + stays)
        try folder.write("CHARTEVENTS.csv", chartHeader + charts)
        try folder.write("LABEVENTS.csv", labHeader + labs)
    }

    @discardableResult
    private func harmonise(
        _ limits: TableLimits = TableLimits(), mapping: String = Sample.mapping, keep: [String: Set<String>] = [:]
    ) throws -> (stays: [Stay], counts: IngestCounts) {
        try Harmoniser(mapping: Sample.read(mapping), variables: Sample.variables)
            .harmonise(try TableFolder(path: folder.path, limits: limits), keep: keep)
    }

    private func stay(_ id: Int, patient: Int = 10, admission: Int = 100) -> String {
        "\(id),\(patient),\(admission),2150-01-01 12:00:00,x\n"
    }

    @Test("An identifier of a stay, a patient or an admission, or a column's name, may have 256 bytes and no more")
    func identifiers() throws {
        let (longest, longer) = (String(repeating: "7", count: 256), String(repeating: "7", count: 257))
        let file = "\(folder.path)/ICUSTAYS.csv"
        for (column, row) in [
            ("ICUSTAY_ID", { "\($0),10,100,2150-01-01 12:00:00,x\n" }),
            ("SUBJECT_ID", { "2,\($0),100,2150-01-01 12:00:00,x\n" }),
            ("HADM_ID", { "2,10,\($0),2150-01-01 12:00:00,x\n" }),
        ] as [(String, (String) -> String)] {
            try write(stays: stay(1) + row(longest))
            #expect(try harmonise().counts.stayRows == 2)
            try write(stays: stay(1) + row(longer))
            #expect(throws: CSVError.textTooLong(file: file, line: 3, column: column, limit: 256)) { try harmonise() }
        }
        try folder.write("ICUSTAYS.csv", "\(longest),\(stayHeader)x,\(stay(1))")
        #expect(try harmonise().stays.count == 1)
        try folder.write("ICUSTAYS.csv", "\(longer),\(stayHeader)x,\(stay(1))")
        #expect(throws: CSVError.nameTooLong(file: file, column: 1, limit: 256)) { try harmonise() }
    }

    @Test("A cell of a megabyte of combining marks is looked at by its length alone, wherever it stands")
    func marks() throws {
        // Two classes in turn: to put a run of them in canonical order costs the square of its length.
        let marks = "a" + String(repeating: "\u{301}\u{323}", count: 1 << 18 - 64)
        let time = "2150-01-01 13:00:00"
        try write(
            charts: """
                \(marks),211,\(time),80,80,BPM,
                1,\(marks),\(time),80,80,BPM,
                1,211,\(time),\(marks),,BPM,
                1,720,\(time),\(marks),,,
                1,676,\(time),36.5,36.5,\(marks),
                1,211,\(time),80,80,BPM,\(marks)
                1,211,\(time),80,80,BPM,

                """,
            labs: """
                \(marks),51301,\(time),20,20,K/uL
                100,51301,\(time),\(marks),,K/uL
                100,51301,\(time),20,20,\(marks)
                100,51301,\(time),20,20,K/uL

                """)
        let began = ContinuousClock.now
        let result = try harmonise()
        // One such cell takes minutes to compare.
        #expect(ContinuousClock.now - began < .seconds(60))
        #expect(result.counts.tables.map(\.rows) == [7, 4])
        #expect(result.counts.tables[1].dropped == [.otherStay: 1])
        let rate = try #require(Sample.variables.index(of: "heartrate"))
        let cells = try #require(Sample.variables.index(of: "wbc"))
        #expect(result.stays[0].values[rate] == 80)
        #expect(result.stays[0].values[cells] == 20)
        #expect(result.counts.variables[cells].dropped == [.notANumber: 1, .unknownUnit: 1])
        for variable in result.counts.variables {
            #expect(variable.units.keys.allSatisfy { $0.utf8.count <= 256 })
        }
        // The controls: marks that fit are text like any other, and where an identifier must stand, they are refused.
        try write(stays: "\(marks),10,100,2150-01-01 12:00:00,x\n")
        #expect(throws: CSVError.self) { try harmonise() }
        try write(stays: "a\u{301}\u{323},10,100,2150-01-01 12:00:00,x\n")
        #expect(try harmonise().stays.map(\.id) == ["a\u{301}\u{323}"])
        try folder.write("ADMISSIONS.csv", "HADM_ID,HOSPITAL_EXPIRE_FLAG\n\(marks),1\n100,0\n")
        #expect(try harmonise().stays.count == 1)
    }

    @Test("A patient, and an admission, has as many stays as the limit and no more")
    func staysPerKey() throws {
        let limits = TableLimits(staysPerKey: 3)
        let file = "\(folder.path)/ICUSTAYS.csv"
        try write(stays: (1...3).map { stay($0) }.joined() + stay(4, patient: 11, admission: 101))
        #expect(try harmonise(limits).counts.stayRows == 4)
        try write(stays: (1...4).map { stay($0, admission: 100 + $0) }.joined())
        #expect(throws: CSVError.tooManyStays(file: file, line: 5, column: "SUBJECT_ID", limit: 3)) {
            try harmonise(limits)
        }
        try write(stays: (1...4).map { stay($0, patient: 10 + $0) }.joined())
        #expect(throws: CSVError.tooManyStays(file: file, line: 5, column: "HADM_ID", limit: 3)) {
            try harmonise(limits)
        }
        #expect(try harmonise().counts.stayRows == 4)
    }

    /// The least `kept` that the tables are read with.
    private func least(mapping: String, keep: [String: Set<String>]) throws -> Int {
        var (refused, accepted) = (0, 1 << 24)
        while accepted - refused > 1 {
            let middle = (refused + accepted) / 2
            do {
                try harmonise(TableLimits(kept: middle), mapping: mapping, keep: keep)
                accepted = middle
            } catch is CSVError { refused = middle }
        }
        return accepted
    }

    @Test(
        "Stays, readings, sums under way and attributes' tables are kept to the limit; the row that goes beyond it is named",
        arguments: ["stays", "readings", "sums", "attributes"])
    func kept(_ what: String) throws {
        let rows = 1...200
        var table = "CHARTEVENTS"
        var mapping = Sample.mapping
        var keep: [String: Set<String>] = [:]
        switch what {
        case "stays":
            table = "ICUSTAYS"
            try write(stays: rows.map { stay($0) }.joined())
        case "readings":
            try write(charts: rows.map { "1,211,2150-01-01 13:00:00,80,\($0 + 20),BPM,\n" }.joined())
        case "sums":
            try write(
                charts: rows.map { "1,1,\(CivilTime.text(seconds: origin + 13 * 3600 + 60 * $0)),4,4,,\n" }.joined())
        default:
            table = "SOURCES"
            mapping = mapping.replacing(
                "{column: dbsource}", with: "{column: dbsource, table: SOURCES, key: name, value: kind}")
            keep = ["source": ["good"]]
            try folder.write(
                "SOURCES.csv", "name,kind\nx,good\n" + rows.map { "\($0),bad\n" }.joined())
        }
        let least = try least(mapping: mapping, keep: keep)
        #expect(try harmonise(TableLimits(kept: least), mapping: mapping, keep: keep).stays.count > 0)
        // An attribute's table is read before the stays, which then need the rest.
        let needed = what == "attributes" ? least / 2 : least - 1
        let error = try #require(throws: CSVError.self) {
            try harmonise(TableLimits(kept: needed), mapping: mapping, keep: keep)
        }
        guard case .tooMuchKept(let file, let line, needed) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(file == "\(folder.path)/\(table).csv")
        #expect(what == "attributes" ? line > 2 : line >= 201)
        // The control: what is dropped is not kept, however much of it there is.
        if what == "readings" {
            try write(charts: String(repeating: "1,211,2150-01-01 13:00:00,80,80,BPM,\n", count: 10_000))
            #expect(try harmonise(TableLimits(kept: needed)).counts.tables[0].rows == 10_000)
        }
    }

    @Test("Of windows that overlap, the first stay of the table has a row, as by going through them all")
    func windows() throws {
        var random = SystemRandomNumberGenerator()
        let mapping = Sample.mapping.replacing("wbc: {aggregate: worst", with: "wbc: {aggregate: maximum")
        for count in [1, 2, 3, 40, 400] {
            // Whole hours, so that windows open and close at one instant, and several stays begin at one.
            let starts = (0..<count).map { _ in origin + 3600 * Int.random(in: 0..<24 * 60, using: &random) }
            let rows = (0..<4000).map { index in
                let time = origin + 1800 * Int.random(in: -24...2 * 24 * 62, using: &random)
                return (time: time, value: Double(index + 1) / 10)
            }
            try write(
                stays: starts.enumerated().map { "\($0),10,100,\(CivilTime.text(seconds: $1)),x\n" }.joined(),
                labs: rows.map { "100,51301,\(CivilTime.text(seconds: $0.time)),,\($0.value),K/uL\n" }.joined())
            var expected = [Double](repeating: .nan, count: count)
            var outside = 0
            for row in rows {
                let inside = starts.firstIndex { $0 - 6 * 3600 <= row.time && row.time < $0 + 24 * 3600 }
                guard let stay = inside else {
                    outside += 1
                    continue
                }
                expected[stay] = expected[stay].isNaN ? row.value : max(expected[stay], row.value)
            }
            let result = try harmonise(mapping: mapping)
            let column = try #require(Sample.variables.index(of: "wbc"))
            let found = result.stays.map { $0.values[column] }
            #expect(
                found.count == count && zip(found, expected).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) },
                "starts \(starts)")
            #expect(result.counts.tables[1].dropped[.outsideWindow, default: 0] == outside)
        }
    }

    @Test("The first usable value that a patient's rows give is that of all the patient's stays")
    func columns() throws {
        try write(stays: stay(1) + stay(2))
        try folder.write("SCORES.csv", "subject_id,pulse\n11,50\n10,\n10,70\n10,90\n")
        let result = try harmonise(mapping: Sample.mapping + HostileCohortTests.scores)
        let column = try #require(Sample.variables.index(of: "heartrate"))
        #expect(result.stays.map { $0.values[column] } == [70, 70])
        #expect(result.counts.tables[2].used == 3)
        #expect(result.counts.variables[column].used == 2)
    }

    private static let scores = """

          - table: SCORES
            of: patient
            key: subject_id
            columns:
              heartrate: {column: pulse, unit: /min}
        """

    @Test(
        "Stays that share nothing, with the longest identifiers, a reading and a sum under way each, need no more than is allowed"
    )
    func account() throws {
        let stays = 60_000
        let long = String(repeating: "x", count: 245)
        func rows(_ header: String, _ row: (Int) -> String) -> String { header + (0..<stays).map(row).joined() }
        let time = "2150-01-01 12:00:00"
        try folder.write("ICUSTAYS.csv", rows(stayHeader) { "\(long)\($0),\(long)\($0),\(long)\($0),\(time),x\n" })
        try folder.write("ADMISSIONS.csv", rows("HADM_ID,HOSPITAL_EXPIRE_FLAG\n") { "\(long)\($0),0\n" })
        try folder.write("PATIENTS.csv", rows("SUBJECT_ID,DOB\n") { "\(long)\($0),2090-01-02 00:00:00\n" })
        try folder.write(
            "CHARTEVENTS.csv",
            rows(chartHeader) { "\(long)\($0),211,\(time),80,80,BPM,\n\(long)\($0),1,\(time),4,4,,\n" })
        let limit = 144 << 20
        let peak = try PeakMemory()
        let result = try harmonise(TableLimits(kept: limit))
        let growth = try peak.growth()
        print("\(stays) stays, \(limit >> 20) MiB to keep: grew by \(growth >> 20) MiB")
        #expect(result.stays.count == stays)
        #expect(growth < limit)
        // Not much more was allowed than the account says.
        #expect(throws: CSVError.self) { try harmonise(TableLimits(kept: limit - 24 << 20)) }
    }

    @Test(
        "Ten thousand stays of each patient times all rows of the patient: read in bounded time and memory, or refused in less"
    )
    func product() throws {
        // The measure itself.
        let measure = try PeakMemory()
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 20, alignment: 16)
        for offset in stride(from: 0, to: block.count, by: 4096) { block[offset] = 1 }
        block.deallocate()
        #expect(try measure.growth() > 60 << 20)

        let (patients, each, rows) = (10, 10_000, 200_000)
        var size = 0
        func pack(_ name: String, _ header: String, _ count: Int, _ row: (Int) -> String) throws {
            let path = "\(folder.path)/\(name).csv.gz"
            let sink = try FileSink(path: path, packed: true)
            var text = header
            for index in 0..<count {
                text += row(index)
                if text.utf8.count > 1 << 16 {
                    try sink.write(text)
                    text = ""
                }
            }
            try sink.write(text)
            try sink.finish()
            size += try readFile(path).count
        }
        try folder.remove("ICUSTAYS.csv")
        try folder.remove("LABEVENTS.csv")
        try pack("ICUSTAYS", stayHeader, patients * each) { stay($0, patient: $0 / each, admission: $0 / each) }
        // A day after all windows: as many stays to go through as there are.
        try pack("LABEVENTS", labHeader, rows) {
            "\($0 % patients),51301,2150-01-03 13:00:00,,\($0 &* 7919 % 10_007),K/uL\n"
        }
        try pack("SCORES", "subject_id,pulse\n", rows) { "\($0 % patients),\(50 + $0 &* 7919 % 101)\n" }
        try folder.write(
            "ADMISSIONS.csv", "HADM_ID,HOSPITAL_EXPIRE_FLAG\n" + (0..<patients).map { "\($0),0\n" }.joined())
        try folder.write(
            "PATIENTS.csv", "SUBJECT_ID,DOB\n" + (0..<patients).map { "\($0),2090-01-02 00:00:00\n" }.joined())
        #expect(size < 2 << 20)

        let mapping = Sample.mapping + HostileCohortTests.scores
        for limit in [256 << 20, 96 << 20] {
            let (peak, began) = (try PeakMemory(), ContinuousClock.now)
            if limit == 256 << 20 {
                let result = try harmonise(TableLimits(kept: limit), mapping: mapping)
                #expect(result.stays.count == patients * each)
                #expect(result.counts.tables[1].dropped == [.outsideWindow: rows])
                #expect(result.counts.tables[2].used == rows)
            } else {
                let error = try #require(throws: CSVError.self) {
                    try harmonise(TableLimits(kept: limit), mapping: mapping)
                }
                guard case .tooMuchKept(_, _, limit) = error else {
                    Issue.record("\(error)")
                    return
                }
            }
            let (growth, time) = (try peak.growth(), ContinuousClock.now - began)
            print("\(size) bytes of packed tables, \(limit >> 20) MiB to keep: grew by \(growth >> 20) MiB in \(time)")
            // Every stay of a patient times every row of the patient would be 2 billion values, 48 GB.
            #expect(growth < 2 * limit + 64 << 20)
            #expect(time < .seconds(120))
        }
    }
}
