import Encryption
import Federation
import SeededRandom
import Testing

/// What every suite promises, over the same inputs.
@Suite("Additive schemes")
struct AdditiveSchemeTests {
    /// Seals each vector, adds all, opens the sum.
    private func sum(
        _ contributions: [[UInt32]], with peer: Peer, slots: SlotLayout, threads: Int = 1
    ) throws -> [UInt64] {
        let layout = try layout(count: contributions[0].count)
        let round = try peer.make(layout: layout, slots: slots)
        let (accumulator, other) = (round.adder.makeAccumulator(), round.adder.makeAccumulator(checking: .sum))
        for (cloud, values) in contributions.enumerated() {
            let scheme = try round.scheme(cloud)
            let payload = try scheme.seal(values, threads: threads)
            #expect(payload.count == round.adder.shape.byteCount)
            try accumulator.add(payload, sealing: scheme.sealing, threads: threads)
            try other.add(payload, sealing: scheme.sealing, threads: threads)
        }
        #expect(accumulator.contributions == contributions.count)
        let total = try accumulator.sum()
        #expect(try other.sum() == total)
        let opener = try round.opener(contributions.count)
        #expect(total.count == opener.shape.byteCount)
        return try opener.open(
            total, sealing: round.adder.sealing, contributions: contributions.count, threads: threads)
    }

    private func plainSum(_ contributions: [[UInt32]]) -> [UInt64] {
        contributions[0].indices.map { index in contributions.reduce(0) { $0 + UInt64($1[index]) } }
    }

    @Test("The opened sum is the sum, for full and part-filled cohorts, at the limits too", arguments: Peer.all)
    func sums(peer: Peer) throws {
        var generator = SeededGenerator(seed: 4)
        for (bits, cohort) in [(2, 1), (2, 5), (8, 3), (8, 8), (11, 5), (16, 2), (32, 7)] {
            guard let fewest = peer.fewest(of: cohort) else { continue }
            let slots = try SlotLayout(bits: bits, cohort: cohort)
            let largest = UInt32(slots.largestValue)
            // One value, exactly one plaintext, one more, and several with a rest.
            let full = slots.values(plaintextBits: 511)
            for count in [1, full, full + 1, 3 * full - 1] {
                var cases: [[[UInt32]]] = [
                    Array(repeating: Array(repeating: largest, count: count), count: cohort),
                    Array(repeating: Array(repeating: 1, count: count), count: cohort),
                ]
                for clouds in Set([fewest, cohort]) {
                    cases.append(
                        (0..<clouds).map { _ in (0..<count).map { _ in .random(in: 1...largest, using: &generator) } })
                }
                for contributions in cases {
                    #expect(try sum(contributions, with: peer, slots: slots) == plainSum(contributions))
                }
            }
        }
    }

    @Test("Any number of threads opens the same vector", arguments: Peer.all)
    func threads(peer: Peer) throws {
        var generator = SeededGenerator(seed: 5)
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let contributions = (0..<3).map { _ in (0..<8000).map { _ in UInt32.random(in: 1...255, using: &generator) } }
        for threads in [1, 2, 3, 16] {
            #expect(try sum(contributions, with: peer, slots: slots, threads: threads) == plainSum(contributions))
        }
    }

    @Test("A vector sealed and opened part by part is the same vector", arguments: Peer.all)
    func parts(peer: Peer) throws {
        let round = try peer.make(layout: try layout(count: 1000), slots: try SlotLayout(bits: 8, cohort: 3))
        let (scheme, clouds) = (try round.scheme(0), try #require(peer.fewest(of: 3)))
        let values = (0..<1000).map { UInt32($0 % 255 + 1) }
        let units = scheme.shape.units
        let cuts = [0, 1, units / 2, units - 1, units]
        let parts = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
        let payload = try parts.flatMap { try scheme.seal(values, units: $0, threads: 2) }
        let accumulator = round.adder.makeAccumulator()
        try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
        for cloud in 1..<clouds {
            let other = try round.scheme(cloud).seal(Array(repeating: 1, count: 1000), threads: 2)
            try accumulator.add(other, sealing: scheme.sealing, threads: 1)
        }
        let sum = try accumulator.sum()
        let opener = try round.opener(clouds)
        let opened = try parts.map {
            try opener.open(sum, units: $0, sealing: scheme.sealing, contributions: clouds, threads: 2)
        }
        #expect(opened.map(\.count) == parts.map { scheme.shape.values(ofUnits: $0).count })
        #expect(opened.flatMap { $0 } == values.map { UInt64($0) + UInt64(clouds - 1) })
        guard peer.suite != .secagg else { return }
        // Value 510 is a 1 again, which no two contributions make, and counters say 1; an error names the place in the whole
        // vector.
        let first: EncryptionError =
            peer.suite == .paillier
            ? .miscounted(ciphertext: units / 2, contributions: 2) : .sumOutOfRange(index: 510, contributions: 2)
        #expect(throws: first) {
            let later = scheme.shape.units / 2..<scheme.shape.units
            return try opener.open(sum, units: later, sealing: scheme.sealing, contributions: 2, threads: 1)
        }
    }

    @Test("The sum's bytes do not depend on the order of arrival or the threads", arguments: Peer.all)
    func deterministicSum(peer: Peer) throws {
        let round = try peer.make(layout: try layout(count: 5000), slots: try SlotLayout(bits: 8, cohort: 3))
        let payloads = try (1...3).map { value in
            try round.scheme(value - 1).seal([UInt32](repeating: UInt32(value), count: 5000), threads: 2)
        }
        func sum(_ order: [Int], threads: Int) throws -> [UInt8] {
            let accumulator = round.adder.makeAccumulator()
            for index in order { try accumulator.add(payloads[index], sealing: round.adder.sealing, threads: threads) }
            return try accumulator.sum()
        }
        let reference = try sum([0, 1, 2], threads: 1)
        #expect(try sum([2, 0, 1], threads: 1) == reference)
        #expect(try sum([1, 2, 0], threads: 3) == reference)
    }

    @Test("Values outside 1...2^bits - 1, and too few or too many of them, are not sealed", arguments: Peer.all)
    func refusesValues(peer: Peer) throws {
        let round = try peer.make(layout: try layout(count: 3), slots: try SlotLayout(bits: 8, cohort: 3))
        let scheme = try round.scheme(1)
        _ = try round.scheme(0).seal([1, 255, 7], threads: 1)
        #expect(throws: EncryptionError.valueOutOfRange(index: 1, bits: 8)) {
            try scheme.seal([1, 256, 7], threads: 1)
        }
        #expect(throws: EncryptionError.valueOutOfRange(index: 2, bits: 8)) {
            try scheme.seal([1, 255, 0], threads: 1)
        }
        #expect(throws: EncryptionError.wrongValueCount(expected: 3, found: 2)) { try scheme.seal([1, 2], threads: 1) }
        #expect(throws: EncryptionError.wrongValueCount(expected: 3, found: 4)) {
            try scheme.seal([1, 2, 3, 4], threads: 1)
        }
        _ = try scheme.seal([1, 255, 7], threads: 1)
    }

    @Test("A payload sealed for another round is refused and leaves the sum as it was", arguments: Peer.all)
    func refusesOtherSealing(peer: Peer) throws {
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let round = try peer.make(layout: try layout(count: 3), slots: slots)
        let (scheme, clouds) = (try round.scheme(0), try #require(peer.fewest(of: 3)))
        let opener = try round.opener(clouds)
        let accumulator = round.adder.makeAccumulator()
        let payload = try scheme.seal([1, 2, 3], threads: 1)
        let own = scheme.sealing
        func sealing(
            suite: Suite? = nil, layout: VectorLayout? = nil, slots: SlotLayout? = nil, degree: Int? = nil
        ) -> Sealing {
            Sealing(
                suite: suite ?? own.suite, key: own.key, profile: own.profile, layout: layout?.digest ?? own.layout,
                slots: slots ?? own.slots, degree: degree ?? own.degree, masks: own.masks)
        }
        let renamed = try layout(count: 3, name: "other")
        let wider = try SlotLayout(bits: 8, cohort: 4)
        let otherSuite: Suite = own.suite == .clear ? .paillier : .clear
        for (spoiled, error) in [
            (sealing(suite: otherSuite), .wrongSuite(expected: own.suite, found: otherSuite)),
            (sealing(degree: 4), .wrongDegree(expected: own.degree, found: 4)),
            (sealing(layout: renamed), .wrongLayout(expected: own.layout, found: renamed.digest)),
            (sealing(slots: wider), .wrongSlots(expected: slots, found: wider)),
        ] as [(Sealing, EncryptionError)] {
            #expect(throws: error) { try accumulator.add(payload, sealing: spoiled, threads: 1) }
            #expect(throws: error) { try opener.open(payload, sealing: spoiled, contributions: clouds, threads: 1) }
        }
        #expect(accumulator.contributions == 0)
        try accumulator.add(payload, sealing: own, threads: 1)
        for cloud in 1..<clouds {
            try accumulator.add(try round.scheme(cloud).seal([1, 2, 3], threads: 1), sealing: own, threads: 1)
        }
        let sums = [1, 2, 3].map { $0 * UInt64(clouds) }
        #expect(try opener.open(accumulator.sum(), sealing: own, contributions: clouds, threads: 1) == sums)
    }

    @Test("A payload of another length is refused", arguments: Peer.all)
    func refusesLength(peer: Peer) throws {
        let round = try peer.make(layout: try layout(count: 3), slots: try SlotLayout(bits: 8, cohort: 3))
        let (scheme, clouds) = (try round.scheme(0), try #require(peer.fewest(of: 3)))
        let opener = try round.opener(clouds)
        let payload = try scheme.seal([1, 2, 3], threads: 1)
        let accumulator = round.adder.makeAccumulator()
        try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
        for spoiled in [Array(payload.dropLast()), payload + [0], []] {
            let error = EncryptionError.wrongPayloadLength(expected: payload.count, found: spoiled.count)
            #expect(throws: error) { try accumulator.add(spoiled, sealing: scheme.sealing, threads: 1) }
            #expect(throws: error) {
                try opener.open(spoiled, sealing: scheme.sealing, contributions: clouds, threads: 1)
            }
        }
    }

    @Test("One contribution beyond the cohort is refused; an empty sum is no sum", arguments: Peer.all)
    func cohort(peer: Peer) throws {
        let cohort = peer.fewest(of: 2) == nil ? 3 : 2
        let slots = try SlotLayout(bits: 8, cohort: cohort)
        let round = try peer.make(layout: try layout(count: 2), slots: slots)
        let sealing = round.adder.sealing
        let accumulator = round.adder.makeAccumulator()
        #expect(throws: EncryptionError.nothingToSum) { try accumulator.sum() }
        var last: [UInt8] = []
        for cloud in 0..<cohort {
            last = try round.scheme(cloud).seal([255, 255], threads: 1)
            try accumulator.add(last, sealing: sealing, threads: 1)
        }
        #expect(throws: EncryptionError.cohortFull(cohort: cohort)) {
            try accumulator.add(last, sealing: sealing, threads: 1)
        }
        let sum = try accumulator.sum()
        let opener = try round.opener(cohort)
        let whole = UInt64(255 * cohort)
        #expect(try opener.open(sum, sealing: sealing, contributions: cohort, threads: 1) == [whole, whole])
        for announced in [0, cohort + 1, -1] {
            #expect(throws: EncryptionError.wrongContributionCount(found: announced, cohort: cohort)) {
                try opener.open(sum, sealing: sealing, contributions: announced, threads: 1)
            }
        }
    }

    /// Under `secagg` the masks are those of one set, so another number is refused before anything is opened
    /// (`UnmaskingRefusalTests`).
    @Test(
        "A sum that its announced contributions cannot make is refused, naming the slot or the counter",
        arguments: Peer.all.filter { $0.suite != .secagg })
    func impossibleSums(peer: Peer) throws {
        let round = try peer.make(layout: try layout(count: 3), slots: try SlotLayout(bits: 8, cohort: 3))
        let (scheme, opener) = (try round.scheme(0), try round.opener(2))
        let accumulator = scheme.makeAccumulator()
        try accumulator.add(try scheme.seal([200, 1, 200], threads: 1), sealing: scheme.sealing, threads: 1)
        try accumulator.add(try scheme.seal([50, 1, 200], threads: 1), sealing: scheme.sealing, threads: 1)
        let sum = try accumulator.sum()
        #expect(try opener.open(sum, sealing: scheme.sealing, contributions: 2, threads: 1) == [250, 2, 400])
        for (announced, index) in [(3, 1), (1, 2)] {
            let error: EncryptionError =
                peer.suite == .paillier
                ? .miscounted(ciphertext: 0, contributions: announced)
                : .sumOutOfRange(index: index, contributions: announced)
            #expect(throws: error) {
                try opener.open(sum, sealing: scheme.sealing, contributions: announced, threads: 1)
            }
        }
    }

    @Test(
        "Quantised, sealed, summed, opened and decoded: the sum of the quantised values, bit for bit",
        arguments: Peer.all)
    func wholePath(peer: Peer) throws {
        let layout = try VectorLayout([
            .init(name: "lora_B", shape: [7, 9], range: 0.02), .init(name: "count", shape: [3], range: 32_767),
        ])
        let quantiser = try Quantiser(layout: layout, bits: 16)
        let round = try peer.make(layout: layout, slots: try SlotLayout(bits: 16, cohort: 3))
        let sealing = round.adder.sealing
        let accumulator = round.adder.makeAccumulator()
        var generator = SeededGenerator(seed: 6)
        var quantisedSum = [UInt64](repeating: 0, count: layout.count)
        for cloud in 1...3 {
            let update = (0..<63).map { _ in Float.random(in: -0.02...0.02, using: &generator) }
            let counts = [Float(cloud), Float(100 * cloud), 32_767]
            let quantised = try quantiser.quantise(update + counts, rounding: .nearest)
            for index in quantisedSum.indices { quantisedSum[index] += UInt64(quantised.values[index]) }
            let payload = try round.scheme(cloud - 1).seal(quantised.values, threads: 1)
            try accumulator.add(payload, sealing: sealing, threads: 1)
        }
        let opened = try round.opener(3).open(accumulator.sum(), sealing: sealing, contributions: 3, threads: 1)
        #expect(opened == quantisedSum)
        #expect(try Array(quantiser.dequantise(opened, contributions: 3).suffix(3)) == [6, 600, 98_301])
    }
}
