import Configuration
import Federation
import Testing
import Topology

@Suite("What a topology must keep")
struct TopologyRulesTests {
    @Test("a sound topology loads without a warning")
    func sound() throws {
        let topology = try Sample.load()
        #expect(topology.warnings == [])
        #expect(topology.run.description == "first")
        #expect(topology.dataClouds.map(\.description) == ["north", "south", "west"])
        #expect(topology.aggregate.description == "coordinator/aggregate")
        #expect(topology.publish.description == "release/publish")
    }

    @Test("a stage's memory is a size with a unit, from 64 MiB on; without it none is stated")
    func memory() throws {
        let part = "aggregate: {config: \(Sample.config),"
        let topology = try Sample.load(Sample.spoiled(part, "\(part) memory: 1.5GiB,"))
        #expect(topology.stage(topology.aggregate)?.memory == 3 << 29)
        #expect(topology.stage(topology.publish)?.memory == nil)
        for text in ["63MiB", "1024", "much"] {
            let problems = Sample.problems(Sample.spoiled(part, "\(part) memory: \(text),"))
            #expect(
                problems.contains { $0.contains("`clouds.coordinator.stages.aggregate.memory`: expected") }, "\(text)")
        }
    }

    @Test("without `run` the run is named after the federation")
    func run() throws {
        #expect(try Sample.load(Sample.spoiled("run: first\n", "")).run.description == "trial")
    }

    @Test(
        "a spoiled topology is refused with its line and what to do",
        arguments: [
            ("version: 1", "version: 2", "1:10: `version`: expected 1, found 2"),
            ("version: 1\n", "", "1:1: `version` is missing"),
            ("federation: trial", "federation: Trial!", "2:13: `federation`: \"Trial!\" is not a run name"),
            (
                "paillier", "pailier",
                "4:8: `suite`: expected one of paillier, secagg, clear, found \"pailier\" (did you mean \"paillier\"?)"
            ),
            ("publisher", "cloud", "5:7: `keys`: expected one of threshold, publisher, clouds, found \"cloud\""),
            ("clouds:", "cluods:", "6:1: unknown key `cluods` (did you mean \"clouds\"?)"),
            (
                "  north:", "  North:",
                "7:3: \"North\" is not a cloud name: use lower-case letters, digits and hyphens, at most 32, a letter first"
            ),
            (
                "owner: North Hospital", "ower: North Hospital",
                "8:5: unknown key `ower` in `clouds.north` (did you mean \"owner\"?)"
            ),
            (
                "owner: North Hospital", "owner: \"\"",
                "8:12: `clouds.north.owner`: expected the name of an organisation"
            ),
            (
                "aggregate: {", "agregate: {",
                "28:7: unknown stage `agregate` (did you mean \"aggregate\"?); stages are ingest, local-train"
            ),
            ("aggregate: {", "publish: {", "6:1: there is no aggregate stage: exactly one cloud runs it"),
            ("aggregate: {", "publish: {", "32:7: a second publish stage, in release; coordinator has one already"),
            ("10.0.0.1", "10.0.0.256", "28:"),
            (
                "10.0.0.1", "tcp://10.0.0.1",
                "`clouds.coordinator.stages.aggregate.bind`: write the address alone: tcp is understood"
            ),
            ("bind: 10.0.0.1", "bind: \"10.0.0.1:7101\"", "write the address alone: ports go under `work` and `news`"),
            ("bind: 10.0.0.1", "bind: 0.0.0.0", "`advertise` is missing: nobody can dial 0.0.0.0"),
            (
                "publish.example", "publish..example",
                "expected an IPv4 or IPv6 address or a host name, found \"publish..example\""
            ),
            ("publish.example", "0.0.0.0", "nobody can dial 0.0.0.0: write the address that the other clouds reach"),
            (
                "bind: 10.0.0.1, work: 7101, ", "bind: 10.0.0.1, ",
                "`work` is missing in `clouds.coordinator.stages.aggregate`"
            ),
            ("bind: 10.0.0.1, work: 7101", "bind: 10.0.0.1, work: 0", "expected 1 to 65535, found 0"),
            (
                "work: 7101, news: 7102}\n  release", "work: 7101, news: 7101}\n  release",
                "port 7101 (`news` of coordinator/aggregate) is taken by `work` of coordinator/aggregate"
            ),
            (
                "bind: 10.0.0.1, work: 7101", "bind: 10.0.0.1, advertise: publish.example, work: 7101",
                "port 7101 (`work` of release/publish) is taken by `work` of coordinator/aggregate"
            ),
        ])
    func refused(part: String, spoiled: String, expected: String) {
        #expect(Sample.problems(Sample.text) == [])
        let problems = Sample.problems(Sample.spoiled(part, spoiled))
        #expect(problems.contains { $0.contains(expected) }, "\(problems)")
    }

    @Test("all problems are told at once")
    func allAtOnce() {
        let text = Sample.spoiled("paillier", "pailier").replacing("South Clinic", with: "\"\"")
            .replacing("work: 7101", with: "work: 71010")
        #expect(Sample.problems(text).count == 4)
    }

    @Test("a config file that is not there is refused at its line, for the clouds present")
    func configs() throws {
        let text = Sample.spoiled("aggregate: {config: \(Sample.config)", "aggregate: {config: nowhere.yaml")
        #expect(
            Sample.problems(text) == ["28:19: config of coordinator/aggregate: there is no /etc/tributary/nowhere.yaml"]
        )
        let north = try CloudName("north")
        _ = try Topology.load(text: text, file: "/etc/tributary/t.yaml", state: "/s", present: [north])
        let error = #expect(throws: ConfigurationError.self) {
            try Topology.load(text: Sample.text, file: "/t.yaml", state: "/s", present: [try CloudName("nort")])
        }
        #expect(error?.description.contains("has no cloud nort (did you mean \"north\"?)") == true)
    }

    @Test("two data clouds, and one, are refused under paillier: the sum gives an update away")
    func cohort() {
        #expect(Sample.problems(Sample.without("west")).first?.contains("two data clouds") == true)
        let one = Sample.without("west").split(separator: "  south:")
        #expect(one.count == 2)
        let alone = Sample.problems(Sample.without("west").replacing("south", with: "north"))
        #expect(alone.first?.contains("given more than once") == true)
    }

    @Test("one data cloud is refused under paillier and may run under clear")
    func oneCloud() throws {
        let text = """
            version: 1
            federation: alone
            suite: clear
            clouds:
              north:
                owner: North Hospital
                stages:
                  ingest: {config: \(Sample.config)}
                  local-train: {config: \(Sample.config)}
                  encrypt: {config: \(Sample.config)}
                  aggregate: {config: \(Sample.config), bind: 127.0.0.1, work: 7101, news: 7102}
                  publish: {config: \(Sample.config), bind: 127.0.0.1, work: 7111, news: 7112}

            """
        _ = try Sample.load(text)
        #expect(
            Sample.problems(text.replacing("clear", with: "paillier")).contains { $0.contains("one data cloud alone") })
        // With another owner's aggregate, clear must be asked for by name.
        let shared = text.replacing("aggregate: {", with: "aggregate: {owner: Trial Office, ")
        #expect(Sample.problems(shared).contains { $0.contains("`allow-clear: true`") })
        let allowed = try Sample.load(shared.replacing("suite: clear\n", with: "suite: clear\nallow-clear: true\n"))
        #expect(allowed.warnings.contains { $0.message.contains("for tests only") })
    }

    @Test("secagg needs no key: a key mode, a threshold or a profile beside it is refused, and so are two clouds")
    func secagg() throws {
        let masked = Sample.spoiled("suite: paillier", "suite: secagg")
        let unkeyed = masked.replacing("keys: publisher\n", with: "")
        let topology = try Sample.load(unkeyed)
        #expect(topology.trust.hasPrefix("aggregate and publish together cannot open one cloud's update"))
        #expect(!topology.cloudsOpen)
        #expect(topology.drawing.contains("contributions and sums masked (secagg)"))
        for line in ["keys: publisher", "keys: threshold", "threshold: 2", "profile: turbo"] {
            let found = Sample.problems(unkeyed.replacing("suite: secagg\n", with: "suite: secagg\n\(line)\n"))
            let key = line.prefix { $0 != ":" }
            #expect(found.contains { $0.contains("`\(key)` belongs to `suite: paillier`") }, "\(found)")
        }
    }

    @Test("clear between clouds must be asked for by name, and is warned of")
    func clear() throws {
        let clear = Sample.spoiled("suite: paillier", "suite: clear")
        #expect(Sample.problems(clear).contains { $0.hasPrefix("4:1: `suite: clear` would show every cloud's update") })
        let allowed = try Sample.load(clear.replacing("version: 1\n", with: "version: 1\nallow-clear: true\n"))
        #expect(allowed.warnings.count == 1)
    }

    @Test("a data cloud without one of its three stages is refused")
    func incompleteCloud() {
        let text = Sample.text.replacing(
            "  south:\n    owner: South Clinic\n    stages:\n      ingest: {config: \(Sample.config)}\n",
            with: "  south:\n    owner: South Clinic\n    stages:\n")
        #expect(text != Sample.text)
        #expect(Sample.problems(text).contains { $0.contains("cloud south lacks ingest") })
    }

    @Test("under one key, publish and aggregate with one owner, or on one host, are refused with who can open what")
    func trust() throws {
        let row = "publish and aggregate together can open one cloud's update"
        let ofOne = Sample.spoiled("Release Board", "Trial Office")
        let owner = Sample.problems(ofOne)
        #expect(owner.count == 1)
        #expect(owner[0].hasPrefix("5:1: `keys: publisher`: \(row), and here both belong to Trial Office"), "\(owner)")
        let host = Sample.problems(
            Sample.spoiled(
                "advertise: publish.example, work: 7101, news: 7102", "advertise: 10.0.0.1, work: 7103, news: 7104"))
        #expect(host.count == 1)
        #expect(host[0].hasPrefix("5:1: `keys: publisher`: \(row), and here both run on 10.0.0.1"), "\(host)")
        // One that is bound by both, whatever names it has; and one cloud, whoever owns the stages in it.
        let bound = Sample.problems(
            Sample.spoiled(
                "bind: 0.0.0.0, advertise: publish.example, work: 7101, news: 7102",
                "bind: 10.0.0.1, advertise: publish.example, work: 7103, news: 7104"))
        #expect(bound.count == 1)
        #expect(bound[0].hasPrefix("5:1: `keys: publisher`: \(row), and here both run on 10.0.0.1"), "\(bound)")
        let inOne = Sample.problems(
            Sample.spoiled(
                "  release:\n    owner: Release Board\n    stages:\n      publish: {",
                "      publish: {owner: Release Board, "))
        #expect(inOne.count == 1)
        #expect(inOne[0].hasPrefix("5:1: `keys: publisher`: \(row), and here both are in coordinator"), "\(inOne)")
        let allowed = try Sample.load(ofOne.replacing("version: 1\n", with: "version: 1\nallow-one-operator: true\n"))
        #expect(
            allowed.warnings.map(\.message) == [
                "`keys: publisher`: \(row); here both belong to Trial Office: for tests only"
            ])
    }

    @Test("three clouds or more share the key unless the file says otherwise, and more than half of them open a sum")
    func shared() throws {
        let silent = Sample.spoiled("keys: publisher\n", "")
        let topology = try Sample.load(silent)
        #expect(topology.keys == .threshold)
        #expect(topology.cloudsOpen)
        #expect(topology.threshold == 2)
        #expect(topology.parties.sorted { $0.value < $1.value }.map(\.key.description) == ["north", "south", "west"])
        #expect(topology.trust.hasPrefix("any 2 of the 3 clouds together"))
        // One owner, one host: neither aggregate nor publish has a key.
        #expect(try Sample.load(silent.replacing("Release Board", with: "Trial Office")).warnings.isEmpty)
        #expect(try Sample.load().keys == .publisher)
        #expect(try Sample.load().threshold == 0)
    }

    @Test("one key in every cloud's hands is taken with a warning of who can open what, and takes no threshold")
    func oneKeyOfAll() throws {
        let text = Sample.spoiled("keys: publisher\n", "keys: clouds\n")
        let topology = try Sample.load(text)
        #expect(topology.keys == .clouds && topology.cloudsOpen && topology.threshold == 1)
        #expect(topology.trust.hasPrefix("any one of the 3 clouds alone can open another cloud's update"))
        #expect(topology.warnings.count == 1)
        #expect(
            topology.warnings[0].description.contains(
                "`keys: clouds`: every cloud holds the whole key of sums and is shown what the others sent, so any one of them alone"
            ), "\(topology.warnings)")
        #expect(topology.drawing.contains("keys clouds: any one of the 3 clouds alone"))
        // Neither aggregate nor publish has a key, whosever they are.
        #expect(try Sample.load(text.replacing("Release Board", with: "Trial Office")).warnings.count == 1)
        for threshold in [2, 3] {
            #expect(
                Sample.problems(text.replacing("keys: clouds\n", with: "keys: clouds\nthreshold: \(threshold)\n")) == [
                    "6:1: `threshold` belongs to `keys: threshold`: under `keys: clouds` each cloud opens sums alone"
                ])
        }
    }

    @Test("Damgard and Jurik's s is for a key that publish holds alone, and 3 at most")
    func damgardJurik() throws {
        func text(_ keys: String, _ degree: Int) -> String {
            Sample.spoiled("keys: publisher\n", "keys: \(keys)\ndamgard-jurik: \(degree)\n")
        }
        #expect(try Sample.load().damgardJurik == 1)
        for degree in 1...3 { #expect(try Sample.load(text("publisher", degree)).damgardJurik == degree) }
        #expect(try Sample.load(text("threshold", 1)).damgardJurik == 1)
        for keys in ["threshold", "clouds"] {
            let problems = Sample.problems(text(keys, 2))
            #expect(problems.count == 1)
            let reason = "a key that clouds share opens plaintexts mod n alone, s = 1; here is `keys: \(keys)`"
            #expect(
                problems[0] == "6:1: `damgard-jurik: 2` needs `keys: publisher`: \(reason)", "\(problems)")
        }
        let inClear = Sample.spoiled(
            "suite: paillier\nkeys: publisher\n", "suite: clear\nallow-clear: true\ndamgard-jurik: 2\n")
        #expect(
            Sample.problems(inClear) == ["6:1: `damgard-jurik` belongs to `suite: paillier`, here is `suite: clear`"])
        for degree in [0, 4] { #expect(Sample.problems(text("publisher", degree)).count == 1) }
    }

    @Test("a threshold that all clouds are needed for, or that belongs to no shared key, is refused")
    func threshold() throws {
        let silent = Sample.spoiled("keys: publisher\n", "threshold: 2\n")
        #expect(try Sample.load(silent).threshold == 2)
        #expect(
            Sample.problems(silent.replacing("threshold: 2", with: "threshold: 3")) == [
                "5:1: `threshold: 3`: fewer than all 3 clouds with data must be able to open a sum"
            ])
        #expect(
            Sample.problems(Sample.spoiled("keys: publisher\n", "keys: publisher\nthreshold: 2\n")) == [
                "6:1: `threshold` belongs to `keys: threshold`"
            ])
    }

    @Test("shards, statistics and deltas do not go to another owner unless both agreed")
    func consent() throws {
        let rented = Sample.text.replacing(
            "    owner: North Hospital\n    stages:\n      ingest: {config: \(Sample.config)}\n      local-train: {config: \(Sample.config)}",
            with:
                "    owner: North Hospital\n    stages:\n      ingest: {config: \(Sample.config)}\n      local-train: {config: \(Sample.config), owner: GPU Rental, bind: 10.1.0.1, work: 7201, news: 7202}"
        )
        #expect(rented != Sample.text)
        let problems = Sample.problems(rented)
        #expect(problems.contains { $0.contains("would send shards of North Hospital to GPU Rental; both must agree") })
        #expect(problems.contains { $0.contains("would send clear deltas of GPU Rental to North Hospital") })
        #expect(problems.contains { $0.contains("give it bind, advertise, work and news") })

        let agreed = rented.replacing(
            "    owner: North Hospital\n",
            with: "    owner: North Hospital\n    consent: [North Hospital, GPU Rental]\n")
        #expect(Sample.problems(agreed).allSatisfy { $0.contains("give it bind") })
        let half = rented.replacing(
            "    owner: North Hospital\n", with: "    owner: North Hospital\n    consent: [North Hospital]\n")
        #expect(Sample.problems(half).contains { $0.contains("add \"GPU Rental\" to `consent` of north") })
    }
}
