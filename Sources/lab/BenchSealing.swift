import ArgumentParser
import Encryption

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
    @Option(help: "paillier, aes-256-gcm or xchacha20-poly1305") var scheme = "paillier"
    @Option(help: "conservative, standard or turbo") var profile = "standard"
    @Flag(help: "Seal from blinding made before the clock starts.") var pool = false
    @Option(help: "Values sealed at a time, in blocks over the threads (ciphers).") var block = 65_536

    func run() throws {
        guard let work = try makeWork() else {
            throw ValidationError("--scheme \(scheme): not known, or not on this processor")
        }
        while let line = readLine() {
            switch line {
            case "encrypt": say(try work.encrypt(), bytes: work.payloadBytes)
            case "aggregate": say(try work.aggregate(), bytes: work.sumBytes)
            case "open":
                let opened = try work.open()
                say(opened.time, bytes: work.sumBytes, errors: opened.errors)
            default: throw ValidationError("\"\(line)\": expected encrypt, aggregate or open")
            }
        }
    }

    private func makeWork() throws -> (any SealingWork)? {
        guard scheme == "paillier" else {
            return try CipherWork(scheme, values: values, bits: bits, threads: threads, block: block)
        }
        let sizes: [Int: PaillierKeySize] = [2048: .bits2048, 3072: .bits3072, 4096: .bits4096]
        guard let size = sizes[modulus] else { throw ValidationError("--modulus: expected 2048, 3072 or 4096") }
        guard let profile = PaillierProfile(rawValue: profile) else { throw ValidationError("--profile \(profile)") }
        let key = try PaillierPrivateKey.generate(size: size, profile: profile, threads: 2)
        return try PaillierWork(values: values, bits: bits, cohort: cohort, threads: threads, key: key, hasPool: pool)
    }

    private func say(_ time: Duration, bytes: Int, errors: (largest: Double, rms: Double)? = nil) {
        let tail = errors.map { ",\"largest_error\":\($0.largest),\"rms_error\":\($0.rms)" } ?? ""
        print("{\"seconds\":\(time / .seconds(1)),\"values\":\(values),\"bytes\":\(bytes)\(tail)}")
        flush()
    }
}

/// One vector, one way to seal it, and what was made of it last.
protocol SealingWork: AnyObject {
    var payloadBytes: Int { get }
    var sumBytes: Int { get }
    func encrypt() throws -> Duration
    func aggregate() throws -> Duration
    func open() throws -> (time: Duration, errors: (largest: Double, rms: Double))
}
