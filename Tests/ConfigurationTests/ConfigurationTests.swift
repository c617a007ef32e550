import Configuration
import Testing

@Suite("Configuration files")
struct ConfigurationFileTests {
    @Test("a sound file gives typed values, units resolved and paths taken from its folder")
    func sound() throws {
        let sample = try Sample.decode(Sample.text)
        #expect(sample.name == "north")
        #expect(sample.rank == 16)
        #expect(sample.rate == 0.002)
        #expect(sample.frozen == false)
        #expect(sample.schedule == .cosine)
        #expect(sample.patience == .seconds(30))
        #expect(sample.spool == 64 * 1_048_576)
        #expect(sample.model == "/etc/tributary/models/base")
        #expect(sample.items == [678, 223_761])
        #expect(sample.units == ["degF": 0.5556])
        #expect(sample.clip.norm == 1.5)
    }

    @Test("a default stands where a key is absent")
    func defaults() throws {
        let sample = try Sample.decode(
            Sample.text.replacing("rank: 16\n", with: "").replacing("frozen: false\n", with: ""))
        #expect(sample.rank == 8)
        #expect(sample.frozen)
    }

    @Test(
        "a wrong value is refused with its line, its column, what was found and what was expected",
        arguments: [
            ("rank: 16", "rank: 65", "2:7: `rank`: expected 1 to 64, found 65"),
            ("rank: 16", "rank: 1.5", "2:7: `rank`: expected a whole number, found \"1.5\""),
            ("rank: 16", "rank: \"16\"", "2:7: `rank`: expected a whole number, found \"16\""),
            (
                "rank: 16", "rank: 99999999999999999999",
                "2:7: `rank`: expected a whole number, found \"99999999999999999999\""
            ),
            ("rank: 16", "rank:", "2:6: `rank`: expected a whole number, found nothing"),
            ("2e-3", "nan", "3:16: `learning-rate`: expected a number, found \"nan\""),
            ("2e-3", "1e999", "3:16: `learning-rate`: expected a number, found \"1e999\""),
            ("2e-3", "0x1", "3:16: `learning-rate`: expected a number, found \"0x1\""),
            ("frozen: false", "frozen: no", "4:9: `frozen`: expected true or false, found \"no\""),
            (
                "cosine", "cosin",
                "5:11: `schedule`: expected one of constant, cosine, found \"cosin\" (did you mean \"cosine\"?)"
            ),
            ("30s", "30", "6:11: `patience`: expected a duration such as 250ms, 30s, 10m or 2h, found \"30\""),
            ("30s", "10ms", "6:11: `patience`: expected at least 1.0 seconds, found 10ms"),
            ("64MiB", "64", "7:8: `spool`: expected a size such as 500kB, 64MiB or 1GiB, found \"64\""),
            ("[678, 223761]", "[678, x]", "9:14: `items[1]`: expected a whole number, found \"x\""),
            ("[678, 223761]", "[]", "9:8: `items`: expected 1 to 4 elements, found 0"),
            ("[678, 223761]", "678", "9:8: `items`: expected a list, found \"678\""),
            ("degF: 0.5556", "degF: [1]", "11:9: `units.degF`: expected a number, found a list"),
            ("norm: 1.5", "norm: 0", "13:9: `clip.norm`: expected more than 0, found 0"),
            ("clip:\n  norm: 1.5", "clip: 3", "12:7: `clip`: expected a mapping, found \"3\""),
            ("name: north\n", "", "1:1: `name` is missing"),
            ("norm: 1.5", "norn: 1.5", "13:3: unknown key `norn` in `clip` (did you mean \"norm\"?)"),
        ])
    func wrongValue(part: String, spoiled: String, expected: String) {
        #expect(Sample.problems(Sample.text) == [])
        #expect(Sample.problems(replacing: part, with: spoiled).contains(expected))
    }

    @Test("all problems are told at once, in the order of the lines")
    func allAtOnce() {
        let text = Sample.text.replacing("rank: 16", with: "rnak: 16").replacing("30s", with: "soon")
            .replacing("norm: 1.5", with: "norm: -1")
        #expect(
            Sample.problems(text) == [
                "2:1: unknown key `rnak` (did you mean \"rank\"?)",
                "6:11: `patience`: expected a duration such as 250ms, 30s, 10m or 2h, found \"soon\"",
                "13:9: `clip.norm`: expected more than 0, found -1",
            ])
    }

    @Test("a key given twice is refused")
    func duplicates() {
        #expect(
            Sample.problems(replacing: "rank: 16", with: "rank: 16\nrank: 17") == [
                "2:1: `rank` is given more than once in one mapping"
            ])
    }

    @Test(
        "what is not YAML, or not a mapping, is refused with its place",
        arguments: [
            "rank: [1, 2", "rank: \"open", "a: b: c", "- 1\n- 2\n", "", "just words", "a: 1\n---\nb: 2\n", "\tx: 1",
        ])
    func notYAML(text: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try Sample.decode(text) }
        #expect(try #require(error).problems.first?.place != nil)
    }

    @Test("a text that a type's own initialiser refuses is a problem at its place")
    func parsed() throws {
        struct Odd: Error, CustomStringConvertible {
            let description = "is odd"
        }
        func decode(_ text: String) throws -> Int {
            try ConfigurationFile.decode(text: text, file: "x.yaml") { file in
                try file.parsed("even") { text throws -> Int in
                    guard let number = Int(text), number.isMultiple(of: 2) else { throw Odd() }
                    return number
                }
            }
        }
        #expect(try decode("even: 4") == 4)
        let error = #expect(throws: ConfigurationError.self) { try decode("even: 3") }
        #expect(error?.description == "x.yaml:1:7: `even`: is odd")
    }

    @Test("an error's description has one `path:line:column: message` line for each problem")
    func description() {
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile.decode(text: "a: 1\nb: 2\n", file: "/x/y.yaml") { $0.int("c") }
        }
        #expect(
            error?.description == """
                /x/y.yaml:1:1: `c` is missing
                /x/y.yaml:1:1: unknown key `a`; known here: c
                /x/y.yaml:2:1: unknown key `b`; known here: c
                """)
    }
}
