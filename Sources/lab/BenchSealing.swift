import ArgumentParser
import Encryption
import Glibc

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
    @Option(help: "paillier, secagg, aes-256-gcm or xchacha20-poly1305") var scheme = "paillier"
    @Option(help: "conservative, standard or turbo") var profile = "standard"
    @Option(help: "Damgard and Jurik's s, 1 to 3") var degree = 1
    @Option(help: "The part of the values that is encrypted, the others in clear with noise: as rounds do it.")
    var fraction: Double?
    @Flag(help: "Seal from blinding made before the clock starts.") var pool = false
    @Option(help: "Seconds to repeat each task for at least.") var atLeast = 0.0
    @Option(
        help: "What the clouds seal: vectors of --values f32 from -1 to 1; without it all seal one that is made here.")
    var vectors: String?
    @Option(help: "Values sealed at a time, in blocks over the threads (ciphers).") var block = 65_536

    func run() throws {
        guard let work = try makeWork() else {
            throw ValidationError("--scheme \(scheme): not known, or not on this processor")
        }
        while let line = readLine() {
            switch line {
            case "encrypt": say(try repeated(work.encrypt), bytes: work.payloadBytes)
            case "aggregate": say(try repeated(work.aggregate), bytes: work.sumBytes)
            case "open": say(try repeated(work.open), bytes: work.sumBytes, errors: work.errors)
            default: throw ValidationError("\"\(line)\": expected encrypt, aggregate or open")
            }
        }
    }

    /// Mean times of as many rounds as take `atLeast` seconds. A round answers what its own clocks say.
    private func repeated(_ round: () throws -> Elapsed) rethrows -> Elapsed {
        var total = Elapsed.zero
        var rounds = 0.0
        repeat {
            let next = try round()
            total.seconds += next.seconds
            total.processorSeconds += next.processorSeconds
            rounds += 1
        } while total.seconds < atLeast
        return Elapsed(seconds: total.seconds / rounds, processorSeconds: total.processorSeconds / rounds)
    }

    private func makeWork() throws -> (any SealingWork)? {
        guard values > 0, cohort > 0, (1...16).contains(bits) else {
            throw ValidationError("--values and --cohort: expected numbers above 0, --bits 1 to 16")
        }
        let values = try BenchValues(values: values, bits: bits, file: vectors)
        if scheme == "secagg" {
            return try MaskedWork(values, bits: bits, cohort: cohort, threads: threads)
        }
        guard scheme == "paillier" else {
            return try CipherWork(scheme, values: values, bits: bits, threads: threads, block: block)
        }
        let sizes: [Int: PaillierKeySize] = [2048: .bits2048, 3072: .bits3072, 4096: .bits4096]
        guard let size = sizes[modulus] else { throw ValidationError("--modulus: expected 2048, 3072 or 4096") }
        guard let profile = PaillierProfile(rawValue: profile) else { throw ValidationError("--profile \(profile)") }
        guard DamgardJurik.allowedDegrees.contains(degree) else { throw ValidationError("--degree \(degree)") }
        let key = try PaillierPrivateKey.generate(size: size, profile: profile, threads: 2)
        if let fraction {
            guard fraction > 0, fraction <= 1, degree == 1, !pool else {
                throw ValidationError("--fraction: expected a part of 1, without --degree and --pool")
            }
            return try SelectiveWork(
                values, bits: bits, cohort: cohort, threads: threads, key: key, fraction: fraction)
        }
        return try PaillierWork(
            values, bits: bits, cohort: cohort, threads: threads, key: key, hasPool: pool, degree: degree)
    }

    private func say(_ time: Elapsed, bytes: Int, errors: (largest: Double, rms: Double)? = nil) {
        let tail = errors.map { ",\"largest_error\":\($0.largest),\"rms_error\":\($0.rms)" } ?? ""
        print(
            "{\"seconds\":\(time.seconds),\"processor_seconds\":\(time.processorSeconds),\"values\":\(values),"
                + "\"bytes\":\(bytes)\(tail)}")
        flush()
    }
}

/// What a clock on the wall says, and one that runs while this process has a processor.
struct Elapsed {
    var seconds: Double
    var processorSeconds: Double
    static let zero = Elapsed(seconds: 0, processorSeconds: 0)

    static func measure(_ body: () throws -> Void) rethrows -> Elapsed {
        func now(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        let (wall, processor) = (now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID))
        try body()
        return Elapsed(
            seconds: now(CLOCK_MONOTONIC) - wall, processorSeconds: now(CLOCK_PROCESS_CPUTIME_ID) - processor)
    }
}

/// One vector, one way to seal it, and what was made of it last.
protocol SealingWork: AnyObject {
    var payloadBytes: Int { get }
    var sumBytes: Int { get }
    func encrypt() throws -> Elapsed
    func aggregate() throws -> Elapsed
    func open() throws -> Elapsed
    /// Of what was opened last.
    var errors: (largest: Double, rms: Double) { get }
}
