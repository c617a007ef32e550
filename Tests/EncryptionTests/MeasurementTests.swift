import BigInteger
import Encryption
import Federation
import Foundation
import Testing

@Suite("Measurements")
struct MeasurementTests {
    @Test(
        "Prints the cost of each operation at 3072 bits, on one thread unless said otherwise",
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE"] != nil,
            "set TRIBUTARY_MEASURE=1 to print the cost of each operation"))
    func costs() throws {
        let clock = ContinuousClock()
        func seconds(_ body: () throws -> Void) rethrows -> Double { try clock.measure(body) / .seconds(1) }
        func report(_ what: String, _ seconds: Double, per count: Int) {
            print(String(format: "%-28@ %10.2f us", what as NSString, seconds / Double(count) * 1e6))
        }
        var made: PaillierPrivateKey?
        report("key generation", try seconds { made = try .generate() }, per: 1)
        let key = try #require(made)
        report("blinding table", seconds { key.publicKey.blindingTable(threads: 1) }, per: 1)
        print("blinding table: \(key.publicKey.blindingTable(threads: 1).byteCount) bytes")

        for bits in [8, 16] {
            let slots = try SlotLayout(bits: bits, cohort: 3)
            let layout = try layout(count: slots.slots(modulusBits: 3072) * 512)
            let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
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
            report(
                "first add, per ciphertext",
                try seconds { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }, per: 512)
            report(
                "next add, per ciphertext",
                try seconds { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }, per: 512)
            let sum = try accumulator.sum()
            let opener = PaillierOpener(key: key, layout: layout, slots: slots)
            report(
                "open, per ciphertext",
                try seconds { _ = try opener.open(sum, sealing: scheme.sealing, contributions: 2, threads: 1) },
                per: 512)
        }

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
}
