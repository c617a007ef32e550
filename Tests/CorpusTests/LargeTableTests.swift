import Corpus
import Gzip
import Testing

/// A table larger than memory passes: what ingest keeps grows with its stays, not with its rows.
@Suite("Large tables", .serialized, .timeLimit(.minutes(5)))
struct LargeTableTests {
    private let folder: TemporaryFolder
    private let mapping: Mapping
    private static let stays = 50

    init() throws {
        folder = try TemporaryFolder()
        mapping = try Sample.read()
        var (stays, admissions) = ("ICUSTAY_ID,SUBJECT_ID,HADM_ID,INTIME,DBSOURCE\n", "HADM_ID,HOSPITAL_EXPIRE_FLAG\n")
        var patients = "SUBJECT_ID,DOB\n"
        for stay in 1...Self.stays {
            stays += "\(stay),\(stay),\(stay),2150-01-01 00:00:00,x\n"
            admissions += "\(stay),\(stay % 4 == 0 ? 1 : 0)\n"
            patients += "\(stay),2090-01-02 00:00:00\n"
        }
        try folder.write("ICUSTAYS.csv", stays)
        try folder.write("ADMISSIONS.csv", admissions)
        try folder.write("PATIENTS.csv", patients)
        try folder.write("LABEVENTS.csv", "hadm_id,itemid,charttime,value,valuenum,valueuom\n")
    }

    /// Charts of every kind that a variable is made of, and rows that nothing is made of; written piece by piece.
    private func write(rows: Int) throws {
        let sink = try FileSink(path: "\(folder.path)/CHARTEVENTS.csv.gz", packed: true)
        try sink.write("icustay_id,itemid,charttime,value,valuenum,valueuom,error\n")
        let items = [211, 212, 676, 762, 40055, 1, 2, 3, 999]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        var piece = ""
        for row in 0..<rows {
            let minute = row / 7 % 1440
            piece +=
                "\(row % Self.stays + 1),\(items[row / Self.stays % items.count]),2150-01-0\(row % 11 == 0 ? 2 : 1) "
            piece +=
                "\(two(minute / 60)):\(two(minute % 60)):\(two(row / 50 % 60)),x,\(20 + row &* 2_654_435_761 % 23).\(row % 10),,\n"
            if row % 20_000 == 19_999 {
                try sink.write(piece)
                piece = ""
            }
        }
        try sink.write(piece)
        try sink.finish()
    }

    private func harmonise() throws -> (growth: Int, counts: IngestCounts) {
        let peak = try PeakMemory()
        let result = try Harmoniser(mapping: mapping, variables: Sample.variables)
            .harmonise(try TableFolder(path: folder.path), keep: [:])
        #expect(result.stays.count == Self.stays)
        return (try peak.growth(), result.counts)
    }

    @Test("Fifty stays take the same memory under a hundred thousand rows of charts and under three million")
    func rows() throws {
        try write(rows: 100_000)
        let few = try harmonise()
        try write(rows: 3_000_000)
        let many = try harmonise()
        for (result, rows) in [(few, 100_000), (many, 3_000_000)] {
            let table = result.counts.tables[0]
            #expect(table.rows == rows && table.used > rows / 2)
        }
        #expect(abs(many.growth - few.growth) < 16 << 20, "\(few.growth) and \(many.growth) bytes")

        // The control: eight bytes kept of a row would show.
        let peak = try PeakMemory()
        var times: [Int] = []
        let reader = try CSVReader(path: "\(folder.path)/CHARTEVENTS.csv.gz")
        let (item, time) = (try reader.column("itemid"), try reader.column("charttime"))
        try reader.forEachRow { row in times.append((row.seconds(time) ?? 0) &+ (row.integer(item) ?? 0)) }
        #expect(times.count == 3_000_000)
        let control = try peak.growth()
        #expect(control > few.growth + 16 << 20, "\(control) bytes")
    }
}
