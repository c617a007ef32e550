import Configuration
import Federation
import Testing
import Topology

@Suite("Several local-train stages in one cloud")
struct CloudWorkersTests {
    private let north: CloudName
    private let south: CloudName

    init() throws {
        north = try CloudName("north")
        south = try CloudName("south")
    }

    @Test("Workers come in the order of their numbers, with their speeds; the other clouds have one of speed 1")
    func workers() throws {
        let topology = try Sample.load(
            Sample.workers(
                first: "speed: 2", [(10, ""), (3, ""), (2, "speed: 8.5")] + (4...9).map { ($0, "") },
                cloud: "    partition: {mode: proportional}\n"))
        let workers = topology.workers(of: north)
        #expect(
            workers.map(\.stage.description)
                == ["north/local-train"] + (2...10).map { "north/local-train-\($0)" })
        #expect(workers.map(\.speed) == [2, 8.5] + [Double](repeating: 1, count: 8))
        #expect(topology.partitioning(of: north) == Topology.Partitioning(.proportional))
        #expect(topology.workers(of: south) == [Topology.Worker(try StageName("south/local-train"))])
        #expect(topology.partitioning(of: south) == Topology.Partitioning())
        #expect(try topology.workers(of: CloudName("release")) == [])
        #expect(topology.trainers.count == 12)
        #expect(topology.warnings == [])
    }

    @Test("Parts are equal unless the cloud says otherwise; monitored ones are drawn anew beyond a fifth")
    func partitioning() throws {
        func read(_ text: String) throws -> Topology.Partitioning {
            try Sample.load(Sample.workers(cloud: text)).partitioning(of: north)
        }
        #expect(try read("") == Topology.Partitioning(.fixed))
        #expect(try read("    partition: {mode: monitored}\n") == Topology.Partitioning(.monitored, rebalance: 0.2))
        #expect(
            try read("    partition: {mode: monitored, rebalance: 0.5}\n")
                == Topology.Partitioning(.monitored, rebalance: 0.5))
    }

    @Test("Each worker is fed by ingest, feeds encrypt, and asks publish; nobody else may")
    func links() throws {
        let topology = try Sample.load(Sample.workers([(2, ""), (3, "")]))
        func names(_ stages: [StageName]) -> [String] { stages.map(\.description) }
        let (ingest, encrypt, third) = try (
            StageName("north/ingest"), StageName("north/encrypt"), StageName("north/local-train-3")
        )
        let workers = ["north/local-train", "north/local-train-2", "north/local-train-3"]
        #expect(names(topology.dials(of: ingest)) == workers + ["north/encrypt", "release/publish"])
        #expect(names(topology.dials(of: third)) == ["north/encrypt", "release/publish"])
        #expect(names(topology.allowedPeers(ofHub: third)) == ["north/ingest"])
        #expect(names(topology.allowedPeers(ofHub: encrypt)) == ["north/ingest"] + workers)
        #expect(names(topology.allowedPeers(ofHub: try StageName("south/encrypt"))).count == 2)
        #expect(Set(names(topology.allowedPeers(ofHub: topology.publish))).isSuperset(of: workers))
    }

    @Test("No two workers have a socket, a folder, a log or a metrics file in common")
    func apart() throws {
        let topology = try Sample.load(Sample.workers([(2, ""), (3, "")]))
        let workers = topology.workers(of: north).map(\.stage)
        for paths in try [
            workers.map { try #require(topology.hub(of: $0)).bind.work },
            workers.map { try #require(topology.hub(of: $0)).bind.news }, workers.map(topology.followersPath(of:)),
            workers.map(topology.stateFolder(of:)), workers.map(topology.logPath(of:)),
            workers.map(topology.metricsPath(of:)), workers.map(topology.eventSpool(of:)),
            workers.map(topology.auditTrail(of:)),
        ] {
            #expect(Set(paths).count == 3)
        }
        // The first keeps what it had when it was alone.
        #expect(topology.stateFolder(of: workers[0]) == "/var/lib/tributary/north/local-train")
        #expect(topology.stateFolder(of: workers[1]) == "/var/lib/tributary/north/local-train-2")
        #expect(workers[0].commandLine == ["--cloud", "north"])
        #expect(workers[1].commandLine == ["--cloud", "north", "--worker", "2"])
    }

    @Test(
        "What is wrong with workers is told with its line",
        arguments: [
            ([(3, "")], "", "12:7: local-train-3 of north without local-train-2: they are counted without gaps"),
            ([(2, ""), (5, "")], "", "13:7: local-train-5 of north without local-train-3"),
            ([(65, "")], "", "12:7: `local-train-65`: further ones are local-train-2 to local-train-64"),
            ([(1, "")], "", "12:7: `local-train-1`: further ones are local-train-2 to local-train-64"),
            (
                [(2, "speed: 0.5")], "",
                "`clouds.north.stages.local-train-2.speed`: expected 1.0 to 1000000.0, found 0.5"
            ),
            ([(2, "speed: 1000001")], "", "`clouds.north.stages.local-train-2.speed`: expected 1.0 to 1000000.0"),
            ([(2, "speed: fast")], "", "`clouds.north.stages.local-train-2.speed`: expected a number"),
            ([(2, "")], "    partition: {mode: even}\n", "9:23: `clouds.north.partition.mode`: expected one of fixed,"),
            (
                [(2, "")], "    partition: {mode: proportional, rebalance: 0.2}\n",
                "`clouds.north.partition.rebalance`: belongs to `mode: monitored`, here is `proportional`: remove it"
            ),
            (
                [(2, "")], "    partition: {mode: monitored, rebalance: 0}\n",
                "`clouds.north.partition.rebalance`: expected 0.01 to 10.0, found 0"
            ),
            ([(2, "")], "    partition: {mod: fixed}\n", "unknown key `mod` in `clouds.north.partition`"),
        ] as [([(Int, String)], String, String)])
    func refused(others: [(Int, String)], cloud: String, reason: String) {
        let problems = Sample.problems(Sample.workers(others, cloud: cloud))
        #expect(problems.count == 1 && problems[0].contains(reason), "\(problems)")
    }

    @Test("No other kind is numbered or has a speed, and without a first there is no second")
    func misplaced() {
        for kind in ["ingest", "encrypt", "aggregate", "publish"] {
            let numbered = Sample.problems(
                Sample.text.replacing("      local-train:", with: "      \(kind)-2: {config: x}\n      local-train:"))
            #expect(
                numbered.contains { $0.contains("`\(kind)-2`: a cloud has one \(kind); several it may have of") },
                "\(numbered)")
        }
        let (stage, fast) = ("encrypt: {config: \(Sample.config)}", "encrypt: {config: \(Sample.config), speed: 2}")
        #expect(
            Sample.problems(Sample.spoiled(stage, fast)).allSatisfy { $0.contains("belongs to local-train: remove it") }
        )
        #expect(Sample.problems(Sample.spoiled(stage, fast)).count == 3)
        let alone = Sample.problems(Sample.text.replacing("local-train:", with: "local-train-2:"))
        #expect(
            alone.contains { $0.contains("local-train-2 of north without local-train: they are counted") }, "\(alone)")
    }

    @Test("What nobody would heed is warned of: parts of one worker, speeds beside equal parts")
    func warnings() throws {
        let single = try Sample.load(Sample.workers([], cloud: "    partition: {mode: monitored}\n"))
        #expect(single.warnings.map(\.description).first?.contains("has nothing to part") == true)
        let equal = try Sample.load(Sample.workers([(2, "speed: 4")]))
        #expect(equal.warnings.map(\.description).first?.contains("equal parts whatever their `speed`") == true)
        #expect(try Sample.load(Sample.workers(first: "speed: 4", [(2, "speed: 4")])).warnings == [])
        #expect(try Sample.load(Sample.workers(first: "speed: 4", [])).warnings == [])
    }

    @Test("A worker of another owner needs both owners' consent, and an address")
    func consent() throws {
        let lent = [(2, "owner: Compute Ltd")]
        let problems = Sample.problems(Sample.workers(lent))
        #expect(
            problems.contains { $0.contains("ingest of north would send shards of North Hospital to Compute Ltd") },
            "\(problems)")
        #expect(
            problems.contains { $0.contains("local-train-2 of north would send clear deltas of Compute Ltd") })
        #expect(problems.contains { $0.contains("local-train-2 of north is run by Compute Ltd and fed by") })
        let agreed = "    consent: [North Hospital, Compute Ltd]\n"
        let remote = "owner: Compute Ltd, bind: 10.0.0.9, work: 7301, news: 7302"
        // Encrypt is fed by another owner then, and has to be dialled.
        let sound = Sample.workers([(2, remote)], cloud: agreed).replacing(
            "encrypt: {config: \(Sample.config)}\n  south",
            with: "encrypt: {config: \(Sample.config), bind: 10.0.0.8, work: 7201, news: 7202}\n  south")
        #expect(Sample.problems(sound) == [])
        let hub = try #require(try Sample.load(sound).hub(of: StageName("north/local-train-2")))
        #expect(hub.isRemote && hub.dial.work == "tcp://10.0.0.9:7301")
        #expect(
            Sample.problems(Sample.workers([(2, "owner: Compute Ltd")], cloud: agreed)).contains {
                $0.contains("give it bind, advertise, work and news")
            })
    }

    @Test("Drawn, every worker has its row and its speed")
    func drawn() throws {
        let topology = try Sample.load(
            Sample.workers([(2, "speed: 4"), (3, "")], cloud: "    partition: {mode: proportional}\n"))
        let text = topology.drawing
        #expect(text.contains("├─────shards──▶ local-train-2  ──delta────┤"))
        #expect(text.contains("├─────shards──▶ local-train-3  ──delta────┤"))
        #expect(text.contains("local-train-2: speed 4"))
        #expect(text.contains("records: parts by the declared speeds"))
        let picture = topology.picture
        for role in ["local-train-2", "local-train-3"] { #expect(picture.contains(">\(role)</text>")) }
        let plain = try Sample.load()
        #expect(!plain.drawing.contains("├") && !plain.picture.contains("local-train-"))
    }
}
