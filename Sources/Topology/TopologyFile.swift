internal import Configuration
internal import Federation

/// A topology as it is written, with places, read key by key but not yet checked as a whole.
struct TopologyFile {
    struct Stage {
        let role: StageRole
        let place: Place
        let owner: String?
        let config: String
        let configPlace: Place
        let binary: String?
        let binaryPlace: Place
        let memory: Int?
        let listener: Topology.Listener?
        let listenerPlace: Place
        /// Of local-train; 1 of the others.
        let speed: Double

        var kind: StageKind { role.kind }
    }

    struct Cloud {
        let name: CloudName
        let place: Place
        let owner: String
        let consent: [String]
        let stages: [Stage]
        let sinks: [TopologyFile.Sink]
        let probe: Topology.ProbeServer?
        let prices: Topology.Prices?
        /// Nil where the file does not say.
        let partitioning: Topology.Partitioning?
        let partitioningPlace: Place
        let isWhole: Bool

        /// The first, or only, stage of its kind.
        func stage(_ kind: StageKind) -> Stage? { stages.first { $0.role == StageRole(kind) } }

        var workers: [Stage] { stages.filter { $0.kind == .localTrain } }
    }

    let federation: String
    let run: RunName?
    let suite: Topology.Suite
    let suitePlace: Place
    /// Nil where the file leaves it to the number of clouds.
    let statedKeys: Topology.KeyMode?
    let keysPlace: Place
    let statedThreshold: Int?
    let thresholdPlace: Place
    let profile: Topology.Profile
    /// Where the file says a profile; nil where it leaves it to the default.
    let profilePlace: Place?
    let damgardJurik: Int
    let damgardJurikPlace: Place
    let allowsClear: Bool
    let allowsOneOperator: Bool
    let peerLimits: Topology.PeerLimits
    let sinks: [Sink]
    let spoolLimit: Int
    let currency: String
    let clouds: [Cloud]
    let cloudsPlace: Place
    /// False where a cloud or a stage could not be read at all: rules that count would tell tales.
    let isWhole: Bool

    init(from file: Section) {
        _ = file.int("version", in: 1...1, about: "of this format: 1")
        let federation = file.string(
            "federation", about: "its name: lower-case letters, digits and hyphens, at most 64")
        self.federation = federation
        func runName(_ key: String, _ text: String) -> RunName? {
            do { return try RunName(text) } catch {
                if file.has(key) { file.refuse(key, "\(error)") }
                return nil
            }
        }
        let ofFederation = runName("federation", federation)
        let run = file.optionalString(
            "run", about: "the run's name, in everything that is signed; without it the federation's")
        self.run = run.map { runName("run", $0) } ?? ofFederation
        suite = file.choice(
            "suite", default: .paillier, about: "how updates are protected; under `clear` nothing is encrypted")
        suitePlace = file.place(of: "suite")
        statedKeys = file.optionalChoice(
            "keys", about: "who can open a sum: some of the clouds together, publish alone, or each cloud alone")
        keysPlace = file.place(of: "keys")
        statedThreshold = file.optionalInt(
            "threshold", in: 2...63,
            about: "clouds that it takes to open a sum under `keys: threshold`; without it more than half")
        thresholdPlace = file.place(of: "threshold")
        profile = file.choice("profile", default: .standard, about: "how much blinding a ciphertext gets")
        profilePlace = file.has("profile") ? file.place(of: "profile") : nil
        damgardJurik = file.int(
            "damgard-jurik", in: 1...3, default: 1, about: "Damgård and Jurik's s: shorter contributions, slower sums")
        damgardJurikPlace = file.place(of: "damgard-jurik")
        allowsClear = file.bool(
            "allow-clear", default: false, about: "says that `suite: clear` between clouds is meant; for tests")
        allowsOneOperator = file.bool(
            "allow-one-operator", default: false,
            about: "says that `keys: publisher` beside aggregate is meant; for tests")
        peerLimits = Topology.PeerLimits(in: file)
        sinks = Self.sinks(in: file)
        spoolLimit = Self.spoolLimit(in: file)
        currency = file.string("currency", default: "EUR", about: "of all prices: three capital letters (ISO 4217)")
        if currency.utf8.count != 3 || !currency.utf8.allSatisfy({ (65...90).contains($0) }) {
            file.refuse("currency", "expected three capital letters, such as EUR")
        }
        cloudsPlace = file.place(of: "clouds")
        var written = 0
        let words = "by name: those with data have ingest, local-train and encrypt; one aggregate and one publish exist"
        clouds = file.entries("clouds", keys: .pattern("^[a-z][a-z0-9-]{0,31}$", sample: "a"), about: words) {
            text, value in
            written += 1
            let (name, place) = try Self.cloudName(text, value)
            return try value.section { try Cloud(name: name, place: place, from: $0) }
        }.map(\.value)
        isWhole = written == clouds.count && clouds.allSatisfy(\.isWhole)
        if file.has("clouds"), written == 0 { file.refuse("clouds", "there are none") }
        if clouds.count > Topology.maximumClouds {
            file.refuse("clouds", "expected at most \(Topology.maximumClouds), found \(clouds.count)")
        }
    }

    var dataClouds: [Cloud] { clouds.filter { cloud in StageKind.ofData.contains { cloud.stage($0) != nil } } }

    /// Who opens sums: the clouds together, where they are enough for it and nothing else was asked for.
    var keys: Topology.KeyMode {
        statedKeys ?? (suite == .paillier && dataClouds.count >= Topology.smallestCohort ? .threshold : .publisher)
    }

    /// How many clouds it takes to open a sum: under `threshold` more than half of them unless the file says so.
    var threshold: Int {
        switch keys {
        case .threshold: statedThreshold ?? dataClouds.count / 2 + 1
        case .clouds: 1
        case .publisher: 0
        }
    }

    private static func cloudName(_ text: String, _ value: Value) throws(Refused) -> (CloudName, Place) {
        do { return (try CloudName(text), value.keyPlace) } catch {
            value.problems.note("\(error), at most 32, a letter first", at: value.keyPlace)
            throw Refused()
        }
    }
}

extension Topology {
    static let maximumClouds = 256
}

extension Topology.PeerLimits {
    /// `peer-limits: {messages: 10000, bytes: 1GiB}`, where the file has it; what is wrong with it is noted.
    fileprivate init(in file: Section) {
        let standard = Topology.PeerLimits()
        do {
            self =
                try file.optionalSection(
                    "peer-limits",
                    about: "what one stage may send to a hub over TCP, a second, and twice as much at once"
                ) { limits in
                    Topology.PeerLimits(
                        messages: limits.int(
                            "messages", in: 100...10_000_000, default: standard.messages, about: "messages a second"),
                        bytes: limits.byteSize(
                            "bytes", in: 4 << 20...1 << 40, default: standard.bytes,
                            about: "bytes a second, such as 1GiB"))
                } ?? standard
        } catch { self = standard }
    }
}

extension TopologyFile.Cloud {
    init(name: CloudName, place: Place, from cloud: Section) throws {
        self.name = name
        self.place = place
        owner = Self.owner(
            cloud.required("owner", about: "who runs its machines; printed, and written into the manifest"))
        consent = cloud.list(
            "consent", required: false,
            about: "owners who agreed to see this cloud's records, shards and clear vectors"
        ) { $0.string() }
        sinks = TopologyFile.sinks(in: cloud)
        probe = Topology.ProbeServer(in: cloud)
        prices = try cloud.optionalSection(
            "prices", about: "what this cloud pays, in the federation's currency", Topology.Prices.init)
        partitioningPlace = cloud.place(of: "partition")
        partitioning = try cloud.optionalSection(
            "partition", about: "how the training records are parted among several local-train",
            Topology.Partitioning.init)
        var written = 0
        let values = cloud.entries("stages", keys: .stages, about: "the stages that run in this cloud") { text, value in
            written += 1
            let role = try TopologyFile.role(text, value)
            value.describe(role.about)
            return try value.section { TopologyFile.Stage(role: role, place: value.keyPlace, from: $0) }
        }
        isWhole = written == values.count
        stages = values.map(\.value).sorted { $0.role < $1.role }
    }

    /// Owners are printed and compared: one line, letter for letter.
    static func owner(_ value: Value) -> String {
        let text = value.string()
        let isSound = text.unicodeScalars.allSatisfy { $0.value >= 32 && !(127...159).contains($0.value) }
        if value.isThere, text.isEmpty || text.count > 80 || !isSound {
            value.refuse("expected the name of an organisation, 1 to 80 characters on one line")
        }
        return text
    }
}

extension TopologyFile {
    fileprivate static func role(_ text: String, _ value: Value) throws(Refused) -> StageRole {
        do { return try StageRole(text) } catch {
            let kinds = StageKind.allCases.map(\.rawValue)
            let problem: String
            if let kind = kinds.first(where: { text.hasPrefix("\($0)-") }),
                text.dropFirst(kind.count + 1).allSatisfy(\.isNumber)
            {
                problem =
                    kind == StageKind.localTrain.rawValue
                    ? "`\(text.prefix(80))`: further ones are \(kind)-2 to \(kind)-\(StageRole.mostWorkers)"
                    : "`\(text.prefix(80))`: a cloud has one \(kind); several it may have of local-train alone"
            } else {
                let hint = Suggestion.hint(for: text, among: kinds)
                problem = "unknown stage `\(text.prefix(80))`\(hint); stages are \(kinds.joined(separator: ", "))"
            }
            value.problems.note(problem, at: value.keyPlace)
            throw Refused()
        }
    }
}

extension Value.Keys {
    /// The five kinds, and further local-train stages by number.
    fileprivate static let stages = Value.Keys.wordsOr(
        StageKind.allCases.map(\.rawValue), pattern: "^local-train-([2-9]|[1-5][0-9]|6[0-4])$", sample: "local-train-2")
}

extension StageRole {
    /// What it does, in a line.
    fileprivate var about: String {
        switch kind {
        case .ingest: "reads this cloud's tables and makes records of them"
        case .localTrain where ordinal > 1: "trains on a part of this cloud's records, beside the others"
        case .localTrain: "trains the adapter on this cloud's records"
        case .encrypt: "seals this cloud's updates, and lets nothing else out"
        case .aggregate: "sums the clouds' contributions, which it cannot open; one in the federation"
        case .publish: "opens rounds, makes the next adapter of each sum and releases it; one in the federation"
        }
    }
}

extension TopologyFile.Stage {
    init(role: StageRole, place: Place, from stage: Section) {
        self.role = role
        self.place = place
        owner = stage.value("owner", about: "who runs this stage's machine, if not the cloud's owner").map(
            TopologyFile.Cloud.owner)
        config = stage.path("config", about: "the stage's config file")
        configPlace = stage.place(of: "config")
        binary = stage.optionalPath(
            "binary", about: "the stage's program, should it be another than the launcher's own")
        binaryPlace = stage.place(of: "binary")
        memory = stage.optionalByteSize(
            "memory", in: 64 << 20...1 << 44,
            about: "what an exported service may have before it is killed, such as 2GiB; without it what its kind gets")
        speed = Self.speed(of: role, in: stage)
        let network = ["bind", "advertise", "work", "news"]
        listenerPlace = network.first(where: stage.has).map(stage.place(of:)) ?? stage.place
        let mustListen = role.kind == .aggregate || role.kind == .publish
        guard mustListen || network.contains(where: stage.has) else {
            listener = nil
            for key in network { _ = stage.value(key) }
            return
        }
        if role.kind == .ingest {
            for key in network where stage.value(key) != nil { stage.refuse(key, "nobody dials ingest: remove it") }
            listener = nil
            return
        }
        let bind = stage.string("bind", about: "address of the host to listen on; 0.0.0.0 for all")
        let advertise = stage.string(
            "advertise", default: bind, about: "address or name that others dial; without it `bind`")
        let work = stage.int("work", in: 1...65_535, about: "TCP port for what is sent to the stage")
        let news = stage.int("news", in: 1...65_535, about: "TCP port for what the stage announces")
        if stage.has("bind"), let refusal = NetworkAddress.refusalToBind(bind) { stage.refuse("bind", refusal) }
        if stage.has("advertise") || stage.has("bind"), let refusal = NetworkAddress.refusalToDial(advertise) {
            if stage.has("advertise") {
                stage.refuse("advertise", refusal)
            } else if NetworkAddress.isWildcard(bind) {
                stage.refuse("`advertise` is missing: \(refusal)")
            }
        }
        listener = Topology.Listener(bind: bind, advertise: advertise, work: work, news: news)
    }

    private static func speed(of role: StageRole, in stage: Section) -> Double {
        guard role.kind == .localTrain else {
            if stage.value("speed") != nil { stage.refuse("speed", "belongs to local-train: remove it") }
            return 1
        }
        return stage.double(
            "speed", in: Topology.Worker.speeds, default: 1,
            about: "how fast it trains beside the cloud's other local-train stages: twice the number, twice the records"
        )
    }
}
