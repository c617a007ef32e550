import Corpus
import Testing

// The rules of docs/mappings.md, one by one.
extension HarmoniserTests {
    @Test(
        "Several readings become one by the rule that the mapping names, whatever the order of the rows",
        arguments: [
            // The larger of two at one time; a heart rate's normal is 75.
            ("first", 72.0), ("last", 100), ("mean", 80), ("minimum", 60), ("maximum", 100), ("worst", 100),
        ])
    func aggregates(rule: String, expected: Double) throws {
        let rows = [("14:00", 80), ("13:00", 70), ("16:00", 100), ("15:00", 60), ("13:00", 72), ("16:00", 98)]
        let mapping = Sample.mapping.replacing(
            "{aggregate: worst, unit: /min,", with: "{aggregate: \(rule), unit: /min,")
        for order in [rows, rows.reversed(), [rows[3], rows[1], rows[5], rows[0], rows[2], rows[4]]] {
            // Another stay's readings, between them, are its own.
            let charts = order.map { time, value in
                "1,211,2150-01-01 \(time):00,\(value),\(value),BPM,\n2,212,2150-01-01 \(time):00,50,50,BPM,\n"
            }.joined()
            let result = try harmonise(charts: charts, mapping: mapping)
            #expect(abs(try value("heartrate", of: "1", in: result) - expected) < 1e-9)
            // Four times for another stay, two of them twice: a repetition counts once.
            #expect(try value("heartrate", of: "2", in: result) == 50)
            #expect(try value("heartrate", of: "3", in: result).isNaN)
            #expect(try counts("heartrate", in: result).dropped == [.duplicate: 2])
        }
    }

    @Test("A blank unit is the one that the mapping says, and another spelling that nobody knows stays unknown")
    func blankUnit() throws {
        let rows = """
            1,678,2150-01-01 13:00:00,104,104,,
            2,678,2150-01-01 13:00:00,104,104,   ,
            3,678,2150-01-01 13:00:00,104,104,?F,
            6,678,2150-06-01 13:00:00,104,104,K/uL,

            """
        let open = Sample.mapping.replacing(
            "items: [{id: 678, unit: degF}, {id: 676, unit: degC}]", with: "items: [678]")
        let without = try harmonise(charts: rows, mapping: open)
        #expect(try counts("temperature", in: without).dropped == [.unknownUnit: 4])
        let filled = open.replacing("errors: {error", with: "blankUnit: degF\n    errors: {error")
        let result = try harmonise(charts: rows, mapping: filled)
        #expect(abs(try value("temperature", of: "1", in: result) - 40) < 1e-9)
        #expect(abs(try value("temperature", of: "2", in: result) - 40) < 1e-9)
        #expect(try value("temperature", of: "3", in: result).isNaN)
        // A unit that is known and is none of a temperature's.
        #expect(try value("temperature", of: "6", in: result).isNaN)
        let found = try counts("temperature", in: result)
        #expect(found.used == 2 && found.converted == 2 && found.dropped == [.unknownUnit: 2])
    }

    @Test("A sum of columns wants every part, and is checked when it is whole")
    func columnSums() throws {
        try folder.write(
            "SCORES.csv",
            """
            icustay_id,eyes,motor,verbal
            1,4,6,5
            2,4,-1,5
            3,-1,-1,-1
            6,9,9,9
            9,4,6,5

            """)
        let mapping =
            Sample.mapping.replacing("      gcs: {aggregate: worst, unit: points, parts: [1, 2, 3]}\n", with: "") + """

                  - table: SCORES
                    key: icustay_id
                    missing: ["-1"]
                    columns:
                      gcs: {sum: [eyes, motor, verbal], unit: points}
                """
        let result = try harmonise(mapping: mapping)
        #expect(try value("gcs", of: "1", in: result) == 15)
        for stay in ["2", "3", "6"] { #expect(try value("gcs", of: stay, in: result).isNaN, "\(stay)") }
        let found = try counts("gcs", in: result)
        #expect(found.used == 1 && found.dropped == [.incomplete: 1, .missing: 1, .implausible: 1])
        #expect(result.counts.tables[2].dropped == [.otherStay: 1])
        // The first usable row of a stay counts, and a blank part is a missing one.
        try folder.write("SCORES.csv", "icustay_id,eyes,motor,verbal\n1,4,,5\n1,1,2,3\n1,4,6,5\n")
        let second = try harmonise(mapping: mapping)
        #expect(try value("gcs", of: "1", in: second) == 6)
        #expect(try counts("gcs", in: second).dropped == [.incomplete: 1])
    }

    @Test("Minutes count from the start of the stay, inside its window and as long before as the mapping says")
    func minutes() throws {
        try folder.write(
            "OFFSETS.csv",
            """
            icustay_id,name,offset,result
            1,white cells,0,8
            1,white cells,1439.9,9
            1,white cells,1440,30
            1,white cells,-0.6,40
            2,WHITE CELLS,-360,12
            2,white cells,-361,50
            3,white cells,soon,60
            3,red cells,10,61

            """)
        func mapping(_ more: String) -> String {
            Sample.mapping + """

                  - table: OFFSETS
                    key: icustay_id
                    minutes: offset\(more)
                    item: name
                    value: result
                    variables:
                      wbc: {aggregate: maximum, unit: 10^9/L, items: [white cells]}
                """
        }
        let result = try harmonise(mapping: mapping(""))
        #expect(try value("wbc", of: "1", in: result) == 9)
        #expect(try value("wbc", of: "2", in: result).isNaN && value("wbc", of: "3", in: result).isNaN)
        let table = try #require(result.counts.tables.last)
        #expect(table.used == 2 && table.dropped == [.outsideWindow: 4, .noTime: 1, .notMapped: 1])
        let earlier = try harmonise(mapping: mapping("\n    before: 6h"))
        #expect(try value("wbc", of: "1", in: earlier) == 40)
        #expect(try value("wbc", of: "2", in: earlier) == 12)
        #expect(earlier.counts.tables.last?.dropped == [.outsideWindow: 2, .noTime: 1, .notMapped: 1])
    }
}
