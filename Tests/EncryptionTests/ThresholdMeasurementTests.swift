import BigInteger
import Encryption
import Federation
import Foundation
import Glibc
import Sodium
import Testing

@Suite("Measurements of threshold opening")
struct ThresholdMeasurementTests {
    /// On the clock, and of all threads: the second alone can be compared where other programs run beside.
    private func report(_ what: String, per count: Int = 1, _ body: () throws -> Void) rethrows {
        let began = processorSeconds()
        let seconds = try ContinuousClock().measure(body) / .seconds(1)
        let busy = processorSeconds() - began
        let scale = 1e6 / Double(count)
        print(String(format: "%-40@ %12.1f us, processor %12.1f us", what as NSString, seconds * scale, busy * scale))
    }

    private func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test(
        "Prints what a threshold key and its openings cost at 3072 bits, on one thread unless said otherwise",
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE"] != nil,
            "set TRIBUTARY_MEASURE=1 to print the cost of each operation"))
    func costs() throws {
        var dealt: ThresholdDealer.Dealing?
        // The search for primes is luck: five times each.
        for threads in [1, 1, 1, 1, 1, 2, 2, 2, 2, 2] {
            try report("deal 2 of 3, \(threads) threads") {
                dealt = try ThresholdDealer.deal(parties: 3, threshold: 2, threads: threads)
            }
        }
        let dealing = try #require(dealt)
        let count = ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE_UNITS"].flatMap { Int($0) } ?? 512
        for arithmetic in Arithmetic.supported {
            let units = arithmetic == .lanes ? count : min(count, 64)
            print("\(arithmetic), \(units) ciphertexts; each:")
            let round = try ThresholdRound(dealing, count: units * 307, arithmetic: arithmetic)
            let openers = try (1...2).map { try round.opener($0) }
            var rows: [[UInt8]] = []
            for threads in [1, 2] {
                try report("partial opening, \(threads) threads", per: units) {
                    rows.append(try round.row(threads, threads: threads))
                }
            }
            var proofs: [[UInt8]] = []
            for (opener, row) in zip(openers, rows) {
                try report("proof of a row") {
                    proofs.append(try opener.proof(of: row, sum: round.sum, context: round.context, threads: 1))
                }
            }
            var openings: [VerifiedOpening<[UInt8]>] = []
            for party in 1...2 {
                try report("check of a row's proof") {
                    openings.append(
                        try round.verifier.verify(
                            rows[party - 1], proof: proofs[party - 1], party: party, sum: round.sum,
                            context: round.context, threads: 1))
                }
            }
            var opened: [UInt64] = []
            try report("combination of two", per: units) {
                opened = try round.combiner.open(openings, contributions: 3, threads: 1)
            }
            #expect(opened == round.values)
            try measurePlaintextProof(round)
        }
    }

    @Test(
        "Prints what opening costs where 33 of 64 parties open",
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE"] != nil,
            "set TRIBUTARY_MEASURE=1 to print the cost of each operation"))
    func manyParties() throws {
        var dealt: ThresholdDealer.Dealing?
        try report("deal 33 of 64, 2 threads") {
            dealt = try ThresholdDealer.deal(parties: 64, threshold: 33, threads: 2)
        }
        let round = try ThresholdRound(try #require(dealt), count: 64 * 307)
        let openings = try (1...33).map { try round.opening(2 * $0 - 2 + ($0 == 1 ? 1 : 0)) }
        for arithmetic in Arithmetic.supported {
            let combiner = ThresholdOpener(
                key: round.dealing.key, layout: round.layout, slots: round.slots, arithmetic: arithmetic)
            var opened: [UInt64] = []
            try report("combination of 33, \(arithmetic)", per: 64) {
                opened = try combiner.open(openings, contributions: 3, threads: 1)
            }
            #expect(opened == round.values)
        }
    }

    private func measurePlaintextProof(_ round: ThresholdRound) throws {
        let key = round.dealing.key.paillier
        let plain = PaillierScheme(key: key, layout: round.layout, slots: round.slots, arithmetic: round.arithmetic)
        let witness = PlaintextWitness(for: plain)
        let values = [UInt32](repeating: 7, count: round.layout.count)
        let units = plain.shape.units
        key.blindingTable(threads: 1, arithmetic: round.arithmetic)
        try report("seal, no record kept", per: units) { _ = try plain.seal(values, threads: 1) }
        var payload: [UInt8] = []
        try report("seal, recorded for a proof", per: units) {
            payload = try plain.recording(witness).seal(values, threads: 1)
        }
        let proof = PlaintextProof(key: key, layout: round.layout, slots: round.slots, arithmetic: round.arithmetic)
        var made: [UInt8] = []
        try report("proof of plaintext knowledge") {
            made = try proof.prove(witness, payload: Digest(ofContent: payload), context: [])
        }
        for threads in [1, 2] {
            try report("check of it, \(threads) threads") {
                try proof.verify(made, payload: payload, context: [], threads: threads)
            }
        }
    }

    @Test(
        "Prints Welch's t between the times of one share and of random ones (dudect: Reparaz, Balasch, Verbauwhede, 2017)",
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_MEASURE"] != nil,
            "set TRIBUTARY_MEASURE=1 to print it; above 4.5 on a quiet machine means that time tells shares apart"))
    func timing() throws {
        let primes = try TestKeys.primes(of: .generate(size: .insecure(bits: 1024), profile: .turbo))
        let count = 40
        func share(_ coefficient: Integer) throws -> ThresholdDealer.Dealing {
            let choices = ThresholdDealer.Choices(
                p: primes.p, q: primes.q, blindingRoot: 2, verificationRoot: 3, coefficients: [coefficient])
            return try ThresholdDealer.deal(choices, profile: .standard, parties: 2, threads: 1, allowing: .testing)
        }
        for arithmetic in Arithmetic.supported {
            // As many objects of either class: the first all of one share, the second of one each.
            var classes: [[(ThresholdRound, PartialOpener)]] = [[], []]
            for index in 0..<2 * count {
                let coefficient = index < count ? 5 : try Integer.random(bits: 1000, from: SystemRandom.bytes)
                let round = try ThresholdRound(try share(coefficient), count: 102 * 8, arithmetic: arithmetic)
                classes[index / count].append((round, try round.opener(1)))
            }
            var times: [[Double]] = [[], []]
            for _ in 0..<4000 {
                let which = Int.random(in: 0...1)
                let (round, opener) = classes[which][Int.random(in: 0..<count)]
                let seconds = try ContinuousClock().measure {
                    _ = try opener.row(of: round.sum, units: 0..<8, sealing: opener.sealing, threads: 1)
                }
                times[which].append(seconds / .seconds(1))
            }
            // Without the slowest tenth, which other programs made.
            let limit = times.joined().sorted()[3600]
            let moments = times.map { times in
                let kept = times.filter { $0 < limit }
                let mean = kept.reduce(0, +) / Double(kept.count)
                let variance = kept.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(kept.count - 1)
                return (mean: mean, error: variance / Double(kept.count))
            }
            let t = (moments[0].mean - moments[1].mean) / (moments[0].error + moments[1].error).squareRoot()
            print(String(format: "%@: t = %.2f at %.1f us", "\(arithmetic)" as NSString, t, moments[0].mean * 1e6))
        }
    }
}
