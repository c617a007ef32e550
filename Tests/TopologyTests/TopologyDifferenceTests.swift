import Configuration
import Federation
import Testing
import Topology

@Suite("What differs between two topologies")
struct TopologyDifferenceTests {
    private let sample: Topology

    init() throws { sample = try Sample.load() }

    private func difference(_ text: String) throws -> TopologyDifference {
        TopologyDifference(from: sample, to: try Sample.load(text))
    }

    private func stage(_ name: String) throws -> StageName { try StageName(name) }

    private func changes(_ difference: TopologyDifference, of name: String) throws -> [String]? {
        let stage = try stage(name)
        guard case .changed(let reasons)? = difference.steps.first(where: { $0.stage == stage })?.change else {
            return nil
        }
        return reasons
    }

    @Test("The same twice leaves nothing to do")
    func same() throws {
        #expect(try difference(Sample.text).isEmpty)
        // Comments, who agreed to what, and what an exported service may use are nothing that a process is started with.
        #expect(try difference("# changed\n" + Sample.text).isEmpty)
        #expect(try difference(Sample.spoiled("work: 7101", "memory: 1GiB, work: 7101")).isEmpty)
        #expect(
            try difference(Sample.spoiled("owner: North Hospital", "owner: North Hospital\n    consent: [A]")).isEmpty)
    }

    @Test("Another config, binary or owner concerns the stage that has it, and publish, which names owners")
    func single() throws {
        let (north, other) = (
            "owner: North Hospital\n    stages:\n      ingest: {config: ",
            Sample.config.replacing("Sample", with: "FakeStages")
        )
        let config = try difference(Sample.spoiled(north + Sample.config, north + other))
        #expect(config.steps.map(\.stage.description) == ["north/ingest"])
        #expect(try changes(config, of: "north/ingest") == ["config \(other), was \(Sample.config)"])
        let binary = try difference(
            Sample.spoiled(
                "aggregate: {config: \(Sample.config),", "aggregate: {config: \(Sample.config), binary: /bin/true,"))
        #expect(binary.steps.map(\.stage.description) == ["coordinator/aggregate"])
        #expect(try changes(binary, of: "coordinator/aggregate") == ["binary /bin/true, was as installed"])
        let owner = try difference(Sample.spoiled("owner: North Hospital", "owner: North Trust"))
        #expect(owner.steps.map(\.stage.description) == ["release/publish"])
    }

    @Test("Other ports of a hub concern it and all who dial it")
    func ports() throws {
        let moved = try difference(Sample.spoiled("bind: 10.0.0.1, work: 7101", "bind: 10.0.0.1, work: 7201"))
        #expect(
            moved.steps.map(\.stage.description) == [
                "coordinator/aggregate", "north/encrypt", "south/encrypt", "west/encrypt",
            ])
        #expect(try changes(moved, of: "north/encrypt")?.first?.contains("tcp://10.0.0.1:7201") == true)
        let publish = try difference(
            Sample.spoiled("publish.example, work: 7101, news: 7102", "publish.example, work: 7101, news: 7109"))
        #expect(publish.steps.count == sample.stages.count)
        #expect(
            publish.steps.first?.stage.kind == .aggregate && publish.steps.dropFirst().first?.stage == sample.publish)
    }

    @Test(
        "Aggregate in another cloud is started there first; publish says so, then who sends there; the former goes last"
    )
    func aggregate() throws {
        let text = Sample.without("coordinator").replacing(
            "owner: West Practices\n    stages:\n",
            with:
                "owner: West Practices\n    stages:\n      aggregate: {config: \(Sample.config), bind: 10.0.0.9, work: 7101, news: 7102}\n"
        )
        let moved = try difference(text)
        #expect(
            moved.steps.map(\.stage.description) == [
                "west/aggregate", "release/publish", "north/encrypt", "south/encrypt", "west/encrypt",
                "coordinator/aggregate",
            ])
        #expect(moved.steps.first?.change == .added)
        #expect(moved.steps.last?.change == .removed)
        #expect(moved.aggregate == .init(from: try stage("coordinator/aggregate"), to: try stage("west/aggregate")))
        #expect(
            try changes(moved, of: "south/encrypt") == ["dials west/aggregate instead of coordinator/aggregate"])
        #expect(!moved.changesCohort)
        #expect(moved.refusals.isEmpty)
    }

    @Test("A cloud with data that comes or goes concerns aggregate, publish and every encrypt stage, and its own")
    func clouds() throws {
        let east = """
              east:
                owner: East Clinic
                stages:
                  ingest: {config: \(Sample.config)}
                  local-train: {config: \(Sample.config)}
                  encrypt: {config: \(Sample.config)}

            """
        let more = try Sample.load(Sample.text + east)
        let added = TopologyDifference(from: sample, to: more)
        #expect(added.dataCloudsAdded.map(\.description) == ["east"] && added.dataCloudsRemoved.isEmpty)
        #expect(
            added.steps.map(\.stage.description) == [
                "coordinator/aggregate", "release/publish", "east/encrypt", "north/encrypt", "south/encrypt",
                "west/encrypt", "east/local-train", "east/ingest",
            ])
        #expect(
            try changes(added, of: "north/encrypt")?.contains { $0.hasPrefix("cohort east, north, south, west") }
                == true)
        let removed = TopologyDifference(from: more, to: sample)
        #expect(removed.dataCloudsRemoved.map(\.description) == ["east"])
        #expect(
            removed.steps.suffix(3).map(\.stage.description) == ["east/ingest", "east/local-train", "east/encrypt"])
        #expect(removed.steps.suffix(3).allSatisfy { $0.change == .removed })
    }

    @Test(
        "What no run can change is refused, with the reason and what to do",
        arguments: [
            ("federation: trial", "federation: other", "`federation` is trial in what runs and other in the file"),
            ("run: first", "run: second", "journals and signatures belong to one run"),
            ("suite: paillier\nkeys: publisher", "suite: secagg", "start a new run with it"),
            ("keys: publisher", "keys: threshold", "who can open sums is what clouds agreed to"),
        ])
    func refused(_ part: String, _ other: String, _ reason: String) throws {
        let refused = try difference(Sample.spoiled(part, other))
        #expect(refused.refusals.count == 1, "\(refused.refusals)")
        #expect(refused.refusals.first?.contains(reason) == true, "\(refused.refusals)")
        #expect(!refused.isEmpty)
    }

    @Test("Publish cannot be moved")
    func publish() throws {
        let moved = try difference(Sample.text.replacing("  release:\n", with: "  elsewhere:\n"))
        #expect(moved.refusals.count == 1)
        #expect(moved.refusals.first?.contains("publish cannot be moved") == true)
    }

    @Test("A binary must be there and may be executed")
    func binaries() {
        func problems(_ binary: String) -> [String] {
            Sample.problems(
                Sample.spoiled(
                    "aggregate: {config: \(Sample.config),", "aggregate: {config: \(Sample.config), binary: \(binary),")
            )
        }
        #expect(problems("/bin/true").isEmpty)
        #expect(
            problems("/bin/no-such").first?.contains("binary of coordinator/aggregate: there is no /bin/no-such")
                == true)
        #expect(problems("/bin").first?.contains("is not a file") == true)
        #expect(problems(Sample.config).first?.contains("may not be executed") == true)
    }

    @Test(
        "A worker more or less is a stage that comes or goes; those that part and put together what it trains are replaced"
    )
    func workers() throws {
        let parted = "    partition: {mode: proportional}\n"
        let more = try difference(Sample.workers([(2, "")]))
        #expect(
            more.steps.map { "\($0.stage)" } == [
                "release/publish", "north/encrypt", "north/local-train", "north/local-train-2", "north/ingest",
            ])
        #expect(more.steps[3].change == .added)
        let parts = "parts of records for 2 local-train"
        #expect(try changes(more, of: "north/encrypt") == ["admits north/local-train-2", parts])
        #expect(try changes(more, of: "north/local-train") == [parts])
        #expect(try changes(more, of: "north/ingest") == ["dials north/local-train-2", parts])
        #expect(!more.changesCohort)
        let two = try Sample.load(Sample.workers([(2, "")]))
        let less = TopologyDifference(from: two, to: sample)
        #expect(
            less.steps.map { "\($0.stage)" } == [
                "release/publish", "north/encrypt", "north/local-train", "north/ingest", "north/local-train-2",
            ])
        #expect(less.steps.last?.change == .removed)
        #expect(
            try changes(less, of: "north/encrypt") == [
                "admits north/local-train-2 no more", "one local-train has all records",
            ])
        let three = TopologyDifference(from: two, to: try Sample.load(Sample.workers([(2, ""), (3, "")])))
        #expect(
            try changes(three, of: "north/local-train-2") == ["parts of records for 3 local-train, were for 2"])
        // Speeds are ingest's business alone; encrypt tells it of those that it sees.
        let other = TopologyDifference(from: two, to: try Sample.load(Sample.workers([(2, "speed: 3")], cloud: parted)))
        #expect(other.steps.map { "\($0.stage)" } == ["north/encrypt", "north/ingest"])
        #expect(
            try changes(other, of: "north/ingest") == [
                "other speeds of local-train", "parts are proportional, were fixed",
            ])
        #expect(try changes(other, of: "north/encrypt") == ["parts are proportional, were fixed"])
        func monitored(_ rebalance: Double) throws -> Topology {
            try Sample.load(
                Sample.workers(cloud: "    partition: {mode: monitored, rebalance: \(rebalance)}\n"))
        }
        let sooner = TopologyDifference(from: try monitored(0.2), to: try monitored(0.1))
        #expect(sooner.steps.map { "\($0.stage)" } == ["north/ingest"])
        #expect(try changes(sooner, of: "north/ingest") == ["parts are drawn anew beyond 0.1, were beyond 0.2"])
        // Of a cloud's only worker nobody needs to know how fast it says it is.
        #expect(TopologyDifference(from: sample, to: try Sample.load(Sample.workers(first: "speed: 3", []))).isEmpty)
    }
}
