import BigInteger
import Encryption
import Federation
import Sodium
import Testing

@Suite("Selective encryption")
struct SelectiveRoundTests {
    private func key() throws -> PaillierPrivateKey { try TestKeys.first.get() }

    @Test("Without noise the sum is exactly that of a round that encrypts everything, and its payload is shorter")
    func exact() throws {
        let key = try key()
        let whole = try SelectiveRound(nil, key: key.publicKey)
        let part = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 1), key: key.publicKey)
        let (first, second) = try (
            (0..<3).map { try whole.seal($0).payload }, (0..<3).map { try part.seal($0).payload }
        )
        #expect(try part.open(part.sum(second), key: key) == whole.open(whole.sum(first), key: key))
        #expect(second.allSatisfy { $0.count == part.scheme.byteCount } && part.scheme.byteCount < first[0].count)
        // 90 values in 14-bit slots of 511 bits, 35 and a counter each, and 211 values of 14 bits.
        #expect(part.scheme.byteCount == 3 * 128 + (211 * 14 + 7) / 8)
        // Encrypted values of the sum are those of the updates, folded: an independent sum in f64.
        let sums = try part.open(part.sum(second), key: key)
        for place in 0..<SelectiveRound.values {
            let expected = (0..<3).reduce(0.0) { $0 + Double(part.updates[$1][place]) * [1, 0.5, 0.25][$1] }
            let step = (place < 100 ? 1.0 : 2) * SelectiveRound.range / 2047
            #expect(abs(sums[place] - expected) < 3 * step)
        }
    }

    @Test("With longer plaintexts too")
    func longer() throws {
        let key = try key()
        let mask = try SelectiveRound.mask()
        let short = try SelectiveRound(.selective(mask, noise: 1), key: key.publicKey)
        let long = try SelectiveRound(.selective(mask, noise: 1), key: key.publicKey, degree: 2)
        let sum = try long.sum((0..<3).map { try long.seal($0).payload })
        #expect(sum.count == long.scheme.byteCount && sum.count < 3 * 192 + (211 * 14 + 7) / 8)
        #expect(
            try long.open(sum, key: key) == short.open(short.sum((0..<3).map { try short.seal($0).payload }), key: key))
    }

    @Test("What is in clear differs from cloud to cloud by its noise alone, what is encrypted not at all")
    func noise() throws {
        let key = try key()
        let mask = try SelectiveRound.mask()
        // 0.4 / sqrt(301) = 0.023 in a range of 0.25: nothing is clipped.
        let round = try SelectiveRound(.selective(mask, noise: 0.4), key: key.publicKey)
        let source = SeededSource(seed: 11)
        let quiet = try round.open(round.sum((0..<3).map { try round.seal($0).payload }), key: key)
        let noisy = try round.open(
            round.sum((0..<3).map { try round.seal($0, noise: source.bytes).payload }), key: key)
        var squares = 0.0
        for place in 0..<SelectiveRound.values {
            if mask.contains(place) {
                #expect(noisy[place] == quiet[place])
            } else {
                squares += (noisy[place] - quiet[place]) * (noisy[place] - quiet[place])
            }
        }
        // Three clouds' noise; 211 draws have a root mean square within 15 % of it (three deviations).
        let deviation = (squares / Double(SelectiveRound.values - mask.count)).squareRoot()
        let expected = 3.0.squareRoot() * 0.4 / 301.0.squareRoot()
        #expect(abs(deviation / expected - 1) < 0.15)
    }

    @Test("The system's own noise is never the same twice")
    func fresh() throws {
        let key = try key()
        let round = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 0.4), key: key.publicKey)
        let end = round.scheme.scheme.shape.byteCount
        let clear = try (0..<2).map { _ in
            try Array(round.seal(0, noise: { try SystemRandom.bytes(count: $0) }).payload[end...])
        }
        #expect(clear[0] != clear[1])
        #expect(try round.seal(0).payload[end...] == round.seal(0).payload[end...])
    }

    @Test(
        "Clouds that share the key open the encrypted part, each proves what it sealed of it, and audits cover the whole"
    )
    func threshold() throws {
        let dealing = try ThresholdKeys.twoOfThree.get()
        let round = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 1), key: dealing.key.paillier)
        let whole = try SelectiveRound(nil, key: dealing.key.paillier)
        let scheme = round.scheme
        let context = Array("context".utf8)
        var payloads: [[UInt8]] = []
        for cloud in 0..<3 {
            let recorded = try #require(scheme.recording())
            let (payload, report) = try round.seal(cloud, with: recorded.round)
            let proof = try scheme.prove(
                recorded.witness, payload: try #require(report.encrypted), context: context)
            try scheme.verify(proof, payload: payload, context: context, threads: 1)
            // Of a payload that was cut, or with another ciphertext, there is no proof.
            #expect(throws: EncryptionError.self) {
                try scheme.verify(proof, payload: Array(payload.dropLast()), context: context, threads: 1)
            }
            var other = payload
            other[5] ^= 1
            #expect(throws: (any Error).self) {
                try scheme.verify(proof, payload: other, context: context, threads: 1)
            }
            payloads.append(payload)
        }
        let sum = try round.sum(payloads)
        let encrypted = scheme.encryptedPart(of: sum)
        let openings = try [1, 3].map { party in
            let opener = try PartialOpener(
                share: dealing.shares[party - 1], key: dealing.key, layout: scheme.layout, slots: scheme.slots)
            let row = try opener.row(
                of: encrypted, units: 0..<opener.shape.units, sealing: scheme.scheme.sealing, threads: 1)
            let proof = try opener.proof(of: row, sum: encrypted, context: context, threads: 1)
            return try OpeningVerifier(key: dealing.key, layout: scheme.layout, slots: scheme.slots)
                .verify(row, proof: proof, party: party, sum: encrypted, context: context, threads: 1)
        }
        let opener = ThresholdOpener(key: dealing.key, layout: scheme.layout, slots: scheme.slots)
        let sums = try round.decode(sum) { try opener.open(openings, units: $0, contributions: 3, threads: 1) }
        // Of the same updates, rounded alike, under another key and all encrypted.
        let own = try key()
        let peer = try SelectiveRound(nil, key: own.publicKey)
        #expect(try sums == peer.open(peer.sum((0..<3).map { try peer.seal($0).payload }), key: own))
        #expect(whole.scheme.byteCount > scheme.byteCount)
    }

    @Test("A contribution with a spoiled part in clear, or a spoiled ciphertext, leaves no trace in the sum")
    func refused() throws {
        let key = try key()
        let round = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 1), key: key.publicKey)
        let payloads = try (0..<3).map { try round.seal($0).payload }
        let end = round.scheme.scheme.shape.byteCount
        let accumulator = round.scheme.makeAccumulator()
        let sealing = round.scheme.scheme.sealing
        try accumulator.add(payloads[0], sealing: sealing, threads: 1)
        func refuses(_ change: (inout [UInt8]) -> Void) throws -> EncryptionError? {
            var bad = payloads[1]
            change(&bad)
            do {
                try accumulator.add(bad, sealing: sealing, threads: 1)
                return nil
            } catch { return error as? EncryptionError }
        }
        let first = try #require((0..<301).first { try !SelectiveRound.mask().contains($0) })
        #expect(
            try refuses {
                $0[end] = 0
                $0[end + 1] &= 0xc0
            } == .valueOutOfRange(index: first, bits: 12))
        #expect(try refuses { $0[end + 1] |= 0x30 } == .valueOutOfRange(index: first, bits: 12))
        #expect(try refuses { $0[$0.count - 1] |= 0x80 } == .clearPartOverflows)
        #expect(
            try refuses { $0.removeLast() }
                == .wrongPayloadLength(expected: payloads[0].count, found: payloads[0].count - 1))
        #expect(
            try refuses { $0.append(0) }
                == .wrongPayloadLength(expected: payloads[0].count, found: payloads[0].count + 1))
        #expect(try refuses { $0.replaceSubrange(0..<128, with: [UInt8](repeating: 0, count: 128)) } != nil)
        #expect(accumulator.contributions == 1)
        for payload in payloads[1...] { try accumulator.add(payload, sealing: sealing, threads: 1) }
        #expect(try accumulator.sum() == round.sum(payloads))
    }

    @Test(
        "Checked at the sum: a ciphertext that shares a factor with the key's modulus is found there, beside a part in clear too"
    )
    func refusedAtSum() throws {
        let key = try key()
        let round = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 1), key: key.publicKey)
        let payloads = try (0..<3).map { try round.seal($0).payload }
        let width = round.scheme.scheme.shape.bytesPerUnit
        let (p, _) = try TestKeys.primes(of: key)
        func sum(_ payloads: [[UInt8]]) throws -> [UInt8] {
            let accumulator = round.scheme.makeAccumulator(checking: .sum)
            for payload in payloads { try accumulator.add(payload, sealing: round.scheme.scheme.sealing, threads: 1) }
            return try accumulator.sum()
        }
        #expect(try sum(payloads) == round.sum(payloads))
        var bad = payloads
        bad[1].replaceSubrange(0..<width, with: try #require(p.bigEndianBytes(count: width)))
        #expect(throws: EncryptionError.sumNotInvertible) { try sum(bad) }
    }

    @Test("What was sealed for one mask is not added to what was sealed for another")
    func masks() throws {
        let key = try key()
        let one = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 1), key: key.publicKey)
        let places = try (0..<301).filter { try !SelectiveRound.mask().contains($0) }.prefix(90)
        let other = try SelectiveRound(
            .selective(ValueMask(places: places, of: 301), noise: 1), key: key.publicKey)
        let payload = try one.seal(0).payload
        try one.scheme.makeAccumulator().add(payload, sealing: one.scheme.scheme.sealing, threads: 1)
        #expect(
            throws: EncryptionError.wrongLayout(expected: other.scheme.layout.digest, found: one.scheme.layout.digest)
        ) {
            try other.scheme.makeAccumulator().add(payload, sealing: one.scheme.scheme.sealing, threads: 1)
        }
        // A mask of another vector's length.
        #expect(throws: EncryptionError.wrongValueCount(expected: 301, found: 300)) {
            try SelectiveRound(.selective(ValueMask(places: [1], of: 300), noise: 1), key: key.publicKey)
        }
    }

    @Test("A sum in clear that no three clouds make is refused")
    func impossibleSum() throws {
        let key = try key()
        let round = try SelectiveRound(.selective(SelectiveRound.mask(), noise: 1), key: key.publicKey)
        var sum = try round.sum((0..<3).map { try round.seal($0).payload })
        _ = try round.open(sum, key: key)
        let end = round.scheme.scheme.shape.byteCount
        sum[end] = 2
        sum[end + 1] &= 0xc0
        #expect(throws: EncryptionError.self) { try round.open(sum, key: key) }
        #expect(throws: EncryptionError.self) { try round.open(Array(sum.dropLast()), key: key) }
    }
}

@Suite("Equation 4 to the letter")
struct LiteralFormulaTests {
    @Test("omega cancels: whatever it is, what comes out is the plain mean, without weights", arguments: [0.25, 0.75])
    func cancels(omega: Double) throws {
        let key = try TestKeys.first.get()
        let round = try SelectiveRound(.literal(omega: omega), key: key.publicKey)
        let sums = try round.open(round.sum((0..<3).map { try round.seal($0).payload }), key: key)
        let total = round.opening.cohort.reduce(0.0) { $0 + round.opening.foldedWeight(of: $1.cloud) }
        #expect(total == 3)
        for place in 0..<SelectiveRound.values {
            let mean = (0..<3).reduce(0.0) { $0 + Double(round.updates[$1][place]) } / 3
            let step = (place < 100 ? 1.0 : 2) * SelectiveRound.range / 2047
            // Two terms of three clouds, each rounded by less than a step.
            #expect(abs(sums[place] / total - mean) < 2 * step)
        }
    }

    @Test("The part in clear tells a cloud's update to whoever divides by 1 - omega; a selective round's does not")
    func leaks() throws {
        let key = try TestKeys.first.get()
        let omega = 0.75
        let round = try SelectiveRound(.literal(omega: omega), key: key.publicKey)
        let payload = try round.seal(0).payload
        let end = round.scheme.scheme.shape.byteCount
        #expect(payload.count == end + (301 * 14 + 7) / 8)
        // Read by hand: 14 bits each, the first in the lowest bits; u = q + 2048.
        func value(_ index: Int) -> Double {
            var word = 0
            for bit in 0..<14 {
                let place = index * 14 + bit
                word |= Int(payload[end + place / 8] >> UInt8(place % 8) & 1) << bit
            }
            let step = (index < 100 ? 1.0 : 2) * SelectiveRound.range / 2047
            return Double(word - 2048) * step
        }
        for place in 0..<301 {
            let step = (place < 100 ? 1.0 : 2) * SelectiveRound.range / 2047
            #expect(abs(value(place) / (1 - omega) - Double(round.updates[0][place])) <= step / (1 - omega))
        }
        // In a selective round there are no more clear values than those outside the mask.
        let mask = try SelectiveRound.mask()
        let selective = try SelectiveRound(.selective(mask, noise: 1), key: key.publicKey)
        let rest = try selective.seal(0).payload.count - selective.scheme.scheme.shape.byteCount
        #expect(rest == ((301 - mask.count) * 14 + 7) / 8)
    }
}
