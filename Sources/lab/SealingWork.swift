import Encryption
import Federation
import Sodium

/// The values that are sealed, and the way to whole numbers and back.
struct BenchVector {
    let layout: VectorLayout
    let quantiser: Quantiser
    let vector: [Float]
    private let rounding: StochasticRounding

    init(values: Int, bits: Int) throws {
        layout = try VectorLayout([.init(name: "values", shape: [values], range: 1)])
        quantiser = try Quantiser(layout: layout, bits: bits)
        rounding = StochasticRounding(
            secret: try SecretBytes.random(count: KeyStream.keyByteCount), run: try RunName("bench"),
            round: RoundNumber(1), cloud: try CloudName("bench"))
        var state: UInt64 = 88_172_645_463_325_252
        vector = (0..<values).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(state >> 40) / Float(1 << 23) - 1
        }
    }

    func quantised() throws -> [UInt32] { try quantiser.quantise(vector, rounding: .stochastic(rounding)).values }

    /// Of the mean of `contributions` values.
    func errors(_ opened: [Double], contributions: Int) -> (largest: Double, rms: Double) {
        let errors = zip(opened, vector).map { abs($0 / Double(contributions) - Double($1)) }
        let squares = errors.reduce(0) { $0 + $1 * $1 }
        return (errors.max() ?? 0, (squares / Double(max(errors.count, 1))).squareRoot())
    }
}

/// Packed Paillier.
final class PaillierWork: SealingWork {
    private let values: BenchVector
    private let scheme: any AdditiveScheme
    private let opener: any Opener
    private let pool: BlindingPool?
    private let cohort: Int
    private let threads: Int
    private var payload: [UInt8] = []
    private var opened: [Double] = []
    private var sum: [UInt8] = []
    var payloadBytes: Int { payload.count }
    var sumBytes: Int { sum.count }

    init(values: Int, bits: Int, cohort: Int, threads: Int, key: PaillierPrivateKey, hasPool: Bool, degree: Int) throws
    {
        self.values = try BenchVector(values: values, bits: bits)
        let slots = try SlotLayout(bits: bits, cohort: cohort)
        let ciphertexts = PayloadShape(
            values: values, valuesPerUnit: slots.values(plaintextBits: key.publicKey.bits - 1),
            bytesPerUnit: key.publicKey.bits / 4
        ).units
        pool = hasPool ? BlindingPool(key: key.publicKey, capacity: ciphertexts) : nil
        if degree == 1 {
            scheme = PaillierScheme(key: key.publicKey, layout: self.values.layout, slots: slots, pool: pool)
            opener = PaillierOpener(key: key, layout: self.values.layout, slots: slots)
        } else {
            let longer = DamgardJurikScheme(
                key: key.publicKey, degree: degree, layout: self.values.layout, slots: slots)
            scheme = longer
            opener = DamgardJurikOpener(key: key, scheme: longer)
        }
        self.cohort = cohort
        self.threads = threads
        key.publicKey.blindingTable(threads: threads)
    }

    func encrypt() throws -> Elapsed {
        try pool?.fill(threads: threads) { true }
        return try Elapsed.measure { payload = try scheme.seal(values.quantised(), threads: threads) }
    }

    /// The same payload for each of the cohort: what is in it changes nothing of the work.
    func aggregate() throws -> Elapsed {
        if payload.isEmpty { _ = try encrypt() }
        return try Elapsed.measure {
            let accumulator = scheme.makeAccumulator()
            for _ in 0..<cohort { try accumulator.add(payload, sealing: scheme.sealing, threads: threads) }
            sum = try accumulator.sum()
        }
    }

    func open() throws -> Elapsed {
        if sum.isEmpty { _ = try aggregate() }
        return try Elapsed.measure {
            opened = try values.quantiser.dequantise(
                opener.open(sum, sealing: scheme.sealing, contributions: cohort, threads: threads),
                contributions: cohort)
        }
    }

    var errors: (largest: Double, rms: Double) { values.errors(opened, contributions: cohort) }
}
