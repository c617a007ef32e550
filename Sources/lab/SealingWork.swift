import ArgumentParser
import Encryption
import Federation
import Foundation
import Sodium

/// What the clouds seal, -1...1 each, and the way to whole numbers and back.
struct BenchValues {
    let layout: VectorLayout
    let quantiser: Quantiser
    /// Of different clouds; those beyond them begin again with the first.
    let vectors: [[Float]]
    private let rounding: StochasticRounding

    /// - Parameter file: vectors of `values` f32, little endian, one after the other; nil for one that is made here.
    init(values: Int, bits: Int, file: String?) throws {
        layout = try VectorLayout([.init(name: "values", shape: [values], range: 1)])
        quantiser = try Quantiser(layout: layout, bits: bits)
        rounding = StochasticRounding(
            secret: try SecretBytes.random(count: KeyStream.keyByteCount), run: try RunName("bench"),
            round: RoundNumber(1), cloud: try CloudName("bench"))
        vectors = try file.map { try BenchValues.read($0, values: values) } ?? [BenchValues.drawn(values)]
    }

    private static func read(_ file: String, values: Int) throws -> [[Float]] {
        let words = try Data(contentsOf: URL(filePath: file)).withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count / 4 * 4, by: 4).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
            }
        }
        guard !words.isEmpty, words.count.isMultiple(of: values), words.allSatisfy({ abs($0) <= 1 }) else {
            throw ValidationError("\(file): expected vectors of \(values) values from -1 to 1, f32, little endian")
        }
        return stride(from: 0, to: words.count, by: values).map { Array(words[$0..<$0 + values]) }
    }

    private static func drawn(_ values: Int) -> [Float] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<values).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(state >> 40) / Float(1 << 23) - 1
        }
    }

    func vector(of cloud: Int) -> [Float] { vectors[cloud % vectors.count] }

    func quantised(cloud: Int = 0) throws -> [UInt32] {
        try quantiser.quantise(vector(of: cloud), rounding: .stochastic(rounding)).values
    }

    /// What a cohort seals, by `seal` of the first of those who seal the same.
    func payloads(cohort: Int, seal: (_ cloud: Int) throws -> [UInt8]) rethrows -> [[UInt8]] {
        let different = try (0..<min(cohort, vectors.count)).map(seal)
        return (0..<cohort).map { different[$0 % different.count] }
    }

    /// Of the mean of what `contributions` clouds sealed.
    func errors(_ opened: [Double], contributions: Int) -> (largest: Double, rms: Double) {
        var means = [Double](repeating: 0, count: opened.count)
        for cloud in 0..<contributions {
            let vector = vector(of: cloud)
            for index in means.indices { means[index] += Double(vector[index]) / Double(contributions) }
        }
        let errors = zip(opened, means).map { abs($0 / Double(contributions) - $1) }
        let squares = errors.reduce(0) { $0 + $1 * $1 }
        return (errors.max() ?? 0, (squares / Double(max(errors.count, 1))).squareRoot())
    }
}

/// Packed Paillier.
final class PaillierWork: SealingWork {
    private let values: BenchValues
    private let scheme: any AdditiveScheme
    private let opener: any Opener
    private let pool: BlindingPool?
    private let cohort: Int
    private let threads: Int
    private var payload: [UInt8] = []
    /// Of the whole cohort, made when they are first needed.
    private var payloads: [[UInt8]] = []
    private var opened: [Double] = []
    private var sum: [UInt8] = []
    var payloadBytes: Int { payload.count }
    var sumBytes: Int { sum.count }

    init(
        _ values: BenchValues, bits: Int, cohort: Int, threads: Int, key: PaillierPrivateKey, hasPool: Bool, degree: Int
    )
        throws
    {
        self.values = values
        let slots = try SlotLayout(bits: bits, cohort: cohort)
        let ciphertexts = PayloadShape(
            values: values.layout.count, valuesPerUnit: slots.values(plaintextBits: key.publicKey.bits - 1),
            bytesPerUnit: key.publicKey.bits / 4
        ).units
        pool = hasPool ? BlindingPool(key: key.publicKey, capacity: ciphertexts) : nil
        if degree == 1 {
            scheme = PaillierScheme(key: key.publicKey, layout: values.layout, slots: slots, pool: pool)
            opener = PaillierOpener(key: key, layout: values.layout, slots: slots)
        } else {
            let longer = DamgardJurikScheme(
                key: key.publicKey, degree: degree, layout: values.layout, slots: slots)
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

    func aggregate() throws -> Elapsed {
        if payloads.isEmpty {
            payloads = try values.payloads(cohort: cohort) { cloud in
                try pool?.fill(threads: threads) { true }
                return try scheme.seal(values.quantised(cloud: cloud), threads: threads)
            }
        }
        return try Elapsed.measure {
            // As aggregate does it.
            let accumulator = scheme.makeAccumulator(checking: .sum)
            for payload in payloads { try accumulator.add(payload, sealing: scheme.sealing, threads: threads) }
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
