import ArgumentParser
import Encryption
import Federation
import Sodium

/// Seals, adds and opens one vector again and again, as it is told, so that a benchmark can alternate with a peer.
struct BenchSealing: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-sealing",
        abstract: "Measures sealing, adding and opening: one JSON line for each line of standard input.",
        discussion:
            "Lines: `encrypt` (quantise and seal into the bytes that go on the wire), `aggregate` (take the bytes of the whole "
            + "cohort, checked, to the bytes of the sum), `open` (the bytes of the sum to real values).",
        shouldDisplay: false)

    @Option var values = 1_000_000
    @Option var bits = 12
    @Option var cohort = 3
    @Option var threads = 1
    @Option var modulus = 3072

    func run() throws {
        let sizes: [Int: PaillierKeySize] = [2048: .bits2048, 3072: .bits3072, 4096: .bits4096]
        guard let size = sizes[modulus] else { throw ValidationError("--modulus: expected 2048, 3072 or 4096") }
        let key = try PaillierPrivateKey.generate(size: size)
        let bench = try SealingBench(values: values, bits: bits, cohort: cohort, threads: threads, key: key)
        while let line = readLine() {
            switch line {
            case "encrypt": try say(bench.encrypt(), bytes: bench.payload.count)
            case "aggregate": try say(bench.aggregate(), bytes: bench.sum.count)
            case "open":
                let (time, error) = try bench.open()
                say(time, bytes: bench.sum.count, error: error)
            default: throw ValidationError("\"\(line)\": expected encrypt, aggregate or open")
            }
        }
    }

    private func say(_ time: Duration, bytes: Int, error: Double? = nil) {
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        let tail = error.map { ",\"largest_error\":\($0)" } ?? ""
        print("{\"seconds\":\(seconds),\"values\":\(values),\"bytes\":\(bytes)\(tail)}")
        flush()
    }
}

/// One layout, one cohort, and what was made of them last.
private final class SealingBench {
    private let quantiser: Quantiser
    private let scheme: PaillierScheme
    private let opener: PaillierOpener
    private let rounding: StochasticRounding
    private let vector: [Float]
    private let cohort: Int
    private let threads: Int
    private(set) var payload: [UInt8] = []
    private(set) var sum: [UInt8] = []

    init(values: Int, bits: Int, cohort: Int, threads: Int, key: PaillierPrivateKey) throws {
        let layout = try VectorLayout([.init(name: "values", shape: [values], range: 1)])
        let slots = try SlotLayout(bits: bits, cohort: cohort)
        quantiser = try Quantiser(layout: layout, bits: bits)
        scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
        opener = PaillierOpener(key: key, layout: layout, slots: slots)
        rounding = StochasticRounding(
            secret: try SecretBytes.random(count: KeyStream.keyByteCount), run: try RunName("bench"),
            round: RoundNumber(1),
            cloud: try CloudName("bench"))
        var state: UInt64 = 88_172_645_463_325_252
        vector = (0..<values).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(state >> 40) / Float(1 << 23) - 1
        }
        self.cohort = cohort
        self.threads = threads
        key.publicKey.blindingTable(threads: threads)
    }

    func encrypt() throws -> Duration {
        try ContinuousClock().measure {
            payload = try scheme.seal(
                quantiser.quantise(vector, rounding: .stochastic(rounding)).values, threads: threads)
        }
    }

    /// The same payload for each of the cohort: what is in it changes nothing of the work.
    func aggregate() throws -> Duration {
        if payload.isEmpty { _ = try encrypt() }
        return try ContinuousClock().measure {
            let accumulator = scheme.makeAccumulator()
            for _ in 0..<cohort { try accumulator.add(payload, sealing: scheme.sealing, threads: threads) }
            sum = try accumulator.sum()
        }
    }

    func open() throws -> (time: Duration, largestError: Double) {
        if sum.isEmpty { _ = try aggregate() }
        var opened: [Double] = []
        let time = try ContinuousClock().measure {
            opened = try quantiser.dequantise(
                opener.open(sum, sealing: scheme.sealing, contributions: cohort, threads: threads),
                contributions: cohort)
        }
        let errors = zip(opened, vector).map { abs($0 / Double(cohort) - Double($1)) }
        return (time, errors.max() ?? 0)
    }
}
