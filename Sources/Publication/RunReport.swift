import FoundationEssentials

/// What a run did, in figures: report.json. docs/report.md is its schema; names are written in snake case.
package struct RunReport: Codable, Equatable, Sendable {
    package static let format = 1
    package static let maximumByteCount = 64 << 20

    /// A cloud's part in a round, in bytes that crossed between it and another cloud, headers and signatures included.
    package struct CloudRound: Codable, Equatable, Sendable {
        package var cloud: String
        /// Its contribution, as sent.
        package var wireBytes: Int
        /// The values of its contribution as plain 32-bit floats.
        package var fp32Bytes: Int
        /// What it sent to help open the sum, or to agree on masks and take them off.
        package var shareBytes: Int
        /// What it got for that: the sum's record and the others' contributions, or the others' parts of the masks.
        package var evidenceBytes: Int
        /// What it got to make the new adapter of the one before; 0 after the last update.
        package var adapterBytes: Int

        package init(
            cloud: String, wireBytes: Int, fp32Bytes: Int, shareBytes: Int, evidenceBytes: Int, adapterBytes: Int
        ) {
            self.cloud = cloud
            self.wireBytes = wireBytes
            self.fp32Bytes = fp32Bytes
            self.shareBytes = shareBytes
            self.evidenceBytes = evidenceBytes
            self.adapterBytes = adapterBytes
        }

        package var sentBytes: Int { wireBytes + shareBytes }
        package var gotBytes: Int { evidenceBytes + adapterBytes }
        /// Sent and got.
        package var allBytes: Int { sentBytes + gotBytes }
    }

    /// What a cloud has used in the run.
    package struct Cost: Codable, Equatable, Sendable {
        package var cloud: String
        package var cpuSeconds: Double
        package var gpuSeconds: Double
        package var egressBytes: Double
        /// In the report's currency; absent where the cloud has no prices.
        package var amount: Double?

        package init(cloud: String, cpuSeconds: Double, gpuSeconds: Double, egressBytes: Double, amount: Double?) {
            self.cloud = cloud
            self.cpuSeconds = cpuSeconds
            self.gpuSeconds = gpuSeconds
            self.egressBytes = egressBytes
            self.amount = amount
        }
    }

    package struct Phase: Codable, Equatable, Sendable {
        package var name: String
        package var seconds: Double

        package init(name: String, seconds: Double) {
            self.name = name
            self.seconds = seconds
        }
    }

    package struct Round: Codable, Equatable, Sendable {
        package var round: Int
        /// Over the federation's held-out patients, after the round; absent where it was not measured.
        package var loss: Double?
        package var auroc: Double?
        package var auprc: Double?
        package var clouds: [CloudRound]
        /// In the order in which they ran.
        package var phases: [Phase]

        package init(
            round: Int, loss: Double? = nil, auroc: Double? = nil, auprc: Double? = nil, clouds: [CloudRound] = [],
            phases: [Phase] = []
        ) {
            self.round = round
            self.loss = loss
            self.auroc = auroc
            self.auprc = auprc
            self.clouds = clouds
            self.phases = phases
        }
    }

    /// What a row of the table compares.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// The base model, before any training.
        case base
        /// One cloud on its own records.
        case alone
        case federated
        /// All records in one place: what the federation avoids.
        case pooled
        /// The generator's own probabilities: the best that any model can reach.
        case oracle
        /// Another method, such as logistic regression.
        case other
    }

    package struct Row: Codable, Equatable, Sendable {
        package var name: String
        package var kind: Kind
        package var auroc: Double
        /// The interval around `auroc`, such as a bootstrap's 95 %.
        package var aurocLow: Double?
        package var aurocHigh: Double?
        package var auprc: Double?
        package var logLoss: Double?

        package init(
            name: String, kind: Kind, auroc: Double, aurocLow: Double? = nil, aurocHigh: Double? = nil,
            auprc: Double? = nil, logLoss: Double? = nil
        ) {
            self.name = name
            self.kind = kind
            self.auroc = auroc
            self.aurocLow = aurocLow
            self.aurocHigh = aurocHigh
            self.auprc = auprc
            self.logLoss = logLoss
        }
    }

    /// A command that the reader may want next.
    package struct Command: Codable, Equatable, Sendable {
        package var purpose: String
        package var line: String

        package init(purpose: String, line: String) {
            self.purpose = purpose
            self.line = line
        }
    }

    package var format: Int
    package var run: String
    /// UTC, `2026-01-31T08:00:00Z`.
    package var created: String
    package var baseModel: String
    package var suite: String
    package var profile: String
    package var keyMode: String
    package var whoCouldOpen: String
    package var simulated: [String]
    /// How much of an update was encrypted, in words; absent where it is not known.
    package var encrypted: String?
    package var totalSeconds: Double
    package var rounds: [Round]
    package var table: [Row]
    /// What aggregate held of the clouds' contributions, a sentence each.
    package var aggregateSaw: [String]
    package var commands: [Command]
    /// The last release's folder, as it lay when the report was written.
    package var adapter: String?
    /// Absent where it was not measured.
    package var costs: [Cost]?
    package var currency: String?

    package init(
        run: String, createdAt: Int, baseModel: String, privacy: ReleaseManifest.Privacy, totalSeconds: Double,
        rounds: [Round], table: [Row], aggregateSaw: [String] = [], commands: [Command] = [], adapter: String? = nil,
        costs: [Cost]? = nil, currency: String? = nil
    ) {
        self.adapter = adapter
        self.costs = costs
        self.currency = currency
        format = RunReport.format
        self.run = run
        created = Figure.utc(secondsSince1970: createdAt)
        self.baseModel = baseModel
        suite = privacy.suite
        profile = privacy.profile
        keyMode = privacy.keyMode
        whoCouldOpen = privacy.whoCouldOpen
        simulated = privacy.simulated
        encrypted = privacy.encryption?.summary
        self.totalSeconds = totalSeconds
        self.rounds = rounds
        self.table = table
        self.aggregateSaw = aggregateSaw
        self.commands = commands
    }

    /// report.json: the same report gives the same bytes.
    package func encoded() throws -> [UInt8] {
        try check()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    package init(_ bytes: [UInt8]) throws {
        guard bytes.count <= RunReport.maximumByteCount else {
            throw PublicationError.report("\(bytes.count) bytes; at most \(RunReport.maximumByteCount) are read")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            self = try decoder.decode(RunReport.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw PublicationError.report("\(error)")
        }
        try check()
    }

    /// Figures that could not have been measured are refused, so that no plot is drawn of them.
    func check() throws(PublicationError) {
        guard format == RunReport.format else {
            throw .report("format \(format) is not read here, expected \(RunReport.format)")
        }
        var shares: [Double?] = table.flatMap { [$0.auroc, $0.aurocLow, $0.aurocHigh, $0.auprc] }
        shares += rounds.flatMap { [$0.auroc, $0.auprc] }
        guard shares.allSatisfy({ $0.map { (0...1).contains($0) } ?? true }) else {
            throw .report("an AUROC or AUPRC is not between 0 and 1")
        }
        var amounts: [Double?] = table.map(\.logLoss) + rounds.map(\.loss) + [totalSeconds]
        amounts += rounds.flatMap { round in
            round.phases.map(\.seconds)
                + round.clouds.flatMap {
                    [$0.wireBytes, $0.fp32Bytes, $0.shareBytes, $0.evidenceBytes, $0.adapterBytes].map(Double.init)
                }
        }
        amounts += (costs ?? []).flatMap { [$0.cpuSeconds, $0.gpuSeconds, $0.egressBytes, $0.amount] }
        guard amounts.allSatisfy({ $0.map { $0.isFinite && $0 >= 0 } ?? true }) else {
            throw .report("a loss, a time or a count of bytes is negative or not finite")
        }
        guard zip(rounds, rounds.dropFirst()).allSatisfy({ $0.round < $1.round }) else {
            throw .report("the rounds are not in order")
        }
    }
}
