import BigInteger
import Encryption
import Federation
import Foundation
import Sodium
import Testing

@Suite("Measurements")
struct MeasurementTests {
    @Test(
        "Prints the cost of each operation at 3072 bits, on one thread unless said otherwise",
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE"] != nil,
            "set TRIBUTARY_MEASURE=1 to print the cost of each operation"))
    func costs() throws {
        var made: PaillierPrivateKey?
        report("key generation", try seconds { made = try .generate() }, per: 1)
        let key = try #require(made)
        for arithmetic in Arithmetic.supported {
            print("\(arithmetic):")
            report(
                "blinding table", seconds { key.publicKey.blindingTable(threads: 1, arithmetic: arithmetic) }, per: 1)
            print("of \(key.publicKey.blindingTable(threads: 1, arithmetic: arithmetic).byteCount) bytes")
            for bits in [8, 16] { try measure(key, bits: bits, arithmetic) }
        }
        for bits in [3072, 6144] { try measureProducts(bits: bits) }

        let slots = try SlotLayout(bits: 16, cohort: 3)
        let clear = ClearScheme(layout: try layout(count: 1_000_000), slots: slots)
        let values = [UInt32](repeating: 100, count: 1_000_000)
        var payload: [UInt8] = []
        report("clear seal, per 1000 values", try seconds { payload = try clear.seal(values, threads: 1) }, per: 1000)
        let accumulator = clear.makeAccumulator()
        report(
            "clear add, per 1000 values",
            try seconds { try accumulator.add(payload, sealing: clear.sealing, threads: 1) }, per: 1000)
        let sum = try accumulator.sum()
        report(
            "clear open, per 1000 values",
            try seconds { _ = try clear.open(sum, sealing: clear.sealing, contributions: 1, threads: 1) }, per: 1000)
        let secret = try KeyStreamSecret.make()
        let quantiser = try Quantiser(layout: try layout(count: 1_000_000), bits: 16)
        let real = [Float](repeating: 0.3, count: 1_000_000)
        report(
            "stochastic, per 1000 values", try seconds { _ = try quantiser.quantise(real, rounding: secret) }, per: 1000
        )
    }

    @Test(
        "Prints what masking costs, a million values on one thread", .serialized,
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE"] != nil,
            "set TRIBUTARY_MEASURE=1 to print the cost of each operation"),
        arguments: [(8, 3, 0), (8, 8, 0), (8, 8, 1), (8, 64, 0), (16, 3, 0), (16, 8, 0), (16, 8, 1)])
    func masking(bits: Int, cohort: Int, dropped: Int) throws {
        let slots = try SlotLayout(bits: bits, cohort: cohort)
        let layout = try layout(count: 1_000_000)
        let values = [UInt32](repeating: 100, count: layout.count)
        var made: MaskedRound?
        let dealing = try seconds { made = try MaskedRound(clouds: cohort) }
        let round = try #require(made)
        let adder = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots)
        print("secagg b=\(bits), K=\(cohort), \(dropped) dropped out: \(adder.shape.bytesPerValue) bytes per value")
        report("keys and shares, per cloud", dealing, per: cohort)
        let accumulator = adder.makeAccumulator()
        var (sealing, adding) = (Double.infinity, Double.infinity)
        for masking in round.maskings.dropLast(dropped) {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            var payload: [UInt8] = []
            sealing = min(sealing, try seconds { payload = try scheme.seal(values, threads: 1) })
            adding = min(adding, try seconds { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) })
        }
        let sum = try accumulator.sum()
        var complete: (any Opener)?
        let gathering = try seconds {
            complete = try round.opener(of: round.clouds.dropLast(dropped), layout: layout, slots: slots)
        }
        report("consents to keys, all of them", gathering, per: 1)
        let opener = try #require(complete)
        var opening = Double.infinity
        for _ in 0..<3 {
            let once = try seconds {
                _ = try opener.open(sum, sealing: adder.sealing, contributions: cohort - dropped, threads: 1)
            }
            opening = min(opening, once)
        }
        for (what, seconds) in [("seal", sealing), ("add", adding), ("open", opening)] {
            print(String(format: "%-28@ %10.1f million values/s", what as NSString, 1 / seconds))
        }
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        try ContinuousClock().measure(body) / .seconds(1)
    }

    private func report(_ what: String, _ seconds: Double, per count: Int) {
        print(String(format: "%-28@ %10.2f us", what as NSString, seconds / Double(count) * 1e6))
    }

    private func measure(_ key: PaillierPrivateKey, bits: Int, _ arithmetic: Arithmetic) throws {
        let slots = try SlotLayout(bits: bits, cohort: 3)
        let layout = try layout(count: slots.values(plaintextBits: 3071) * 512)
        let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic)
        let values = [UInt32](repeating: 100, count: layout.count)
        let real = [Float](repeating: 0.3, count: layout.count)
        let quantiser = try Quantiser(layout: layout, bits: bits)
        let name = "b=\(bits), \(scheme.shape.valuesPerUnit) values each:"
        print(name, scheme.shape.bytesPerValue, "bytes per value")
        report(
            "quantise, per 1000 values", try seconds { _ = try quantiser.quantise(real, rounding: .nearest) },
            per: layout.count / 1000)
        var payload: [UInt8] = []
        report("seal, per ciphertext", try seconds { payload = try scheme.seal(values, threads: 1) }, per: 512)
        report("the same on two threads", try seconds { _ = try scheme.seal(values, threads: 2) }, per: 512)
        let accumulator = scheme.makeAccumulator()
        for which in ["first", "second", "third"] {
            report(
                "\(which) add, per ciphertext",
                try seconds { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }, per: 512)
        }
        var sum: [UInt8] = []
        report("sum, per ciphertext", try seconds { sum = try accumulator.sum() }, per: 512)
        let opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
        report(
            "open, per ciphertext",
            try seconds { _ = try opener.open(sum, sealing: scheme.sealing, contributions: 3, threads: 1) }, per: 512)
    }

    /// One product modulo an odd number, in both arithmetics.
    private func measureProducts(bits: Int) throws {
        let value = try Integer.random(bits: bits - 2, from: SystemRandom.bytes) * 2 + 1 + (Integer(1) << (bits - 1))
        let modulus = Modulus(value)
        let factor = try Integer.random(below: value, from: SystemRandom.bytes)
        let left = LimbBuffer(count: modulus.limbCount)
        let right = LimbBuffer(count: modulus.limbCount)
        factor.writeLimbs(to: left.base, count: left.count)
        factor.writeLimbs(to: right.base, count: right.count)
        let multiplier = ModularMultiplier(modulus)
        let repetitions = 4000
        report(
            "product of \(bits) bits, GMP",
            seconds { for _ in 0..<repetitions { multiplier.multiply(left.base, by: right.base) } }, per: repetitions)
        guard let lanes = LaneModulus(modulus) else { return }
        let laneMultiplier = LaneMultiplier(lanes)
        let rows = LaneRows(count: 2, of: lanes)
        for lane in 0..<laneCount { rows.read(limbs: right.base, count: right.count, row: 1, lane: lane) }
        for lane in 0..<laneCount { rows.read(limbs: right.base, count: right.count, row: 0, lane: lane) }
        report(
            "eight, each",
            seconds {
                for _ in 0..<repetitions { laneMultiplier.multiply(rows, 0, by: rows, 1, into: rows, 0) }
            }, per: repetitions * laneCount)
        report(
            "eight squares, each", seconds { for _ in 0..<repetitions { laneMultiplier.square(rows, 0) } },
            per: repetitions * laneCount)
    }
}
