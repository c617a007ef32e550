import BigInteger
import Encryption
import Federation
import Testing

/// Faults that leave every ciphertext a good one, so that only its counter tells.
@Suite("Counters of contributions")
struct CounterTests {
    /// What may become of one ciphertext of one of three contributions.
    enum Fault: String, CaseIterable, Sendable {
        /// An encryption of 0 without blinding, as in a product that nobody has multiplied.
        case dropped
        case doubled
        /// One of the others' was multiplied into it before.
        case summed
    }

    private static let peers = Peer.all.filter { $0.suite == .paillier }

    private func ciphertext(_ unit: Int, of payload: [UInt8], _ shape: PayloadShape) -> Integer {
        Integer(bigEndian: Array(payload[shape.bytes(ofUnits: unit..<unit + 1)]))
    }

    /// Three contributions' sum, of which one has met with `fault` in its ciphertext `unit`; all as it was made if there is none.
    private func sum(_ scheme: any AdditiveScheme, _ fault: Fault?, unit: Int, modulus: Integer) throws -> [UInt8] {
        let payloads = try (0..<3).map { cloud in
            try scheme.seal((0..<scheme.shape.values).map { UInt32(($0 * 7 + cloud) % 255 + 1) }, threads: 1)
        }
        var spoiled = payloads[1]
        if let fault {
            let own = ciphertext(unit, of: spoiled, scheme.shape)
            let value: Integer =
                switch fault {
                case .dropped: 1
                case .doubled: (own * own).modulo(modulus)
                case .summed: (own * ciphertext(unit, of: payloads[0], scheme.shape)).modulo(modulus)
                }
            let bytes = try #require(value.bigEndianBytes(count: scheme.shape.bytesPerUnit))
            spoiled.replaceSubrange(scheme.shape.bytes(ofUnits: unit..<unit + 1), with: bytes)
        }
        let accumulator = scheme.makeAccumulator()
        for payload in [payloads[0], spoiled, payloads[2]] {
            try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
        }
        return try accumulator.sum()
    }

    private func values(_ count: Int) -> [UInt64] {
        (0..<count).map { place in (0..<3).reduce(0) { $0 + UInt64((place * 7 + $1) % 255 + 1) } }
    }

    @Test(
        "A ciphertext that was dropped, doubled or summed too early is named, in a short last ciphertext too",
        arguments: peers)
    func faults(peer: Peer) throws {
        // The last ciphertext holds one value alone.
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let count = 2 * slots.values(plaintextBits: peer.degree * 511) + 1
        let round = try peer.make(layout: try layout(count: count), slots: slots)
        let (scheme, opener) = (try round.scheme(0), try round.opener(3))
        #expect(scheme.shape.units == 3)
        let n = try TestKeys.key(of: peer.kind).publicKey.n.value
        let modulus = (0...peer.degree).reduce(Integer(1)) { power, _ in power * n }
        func open(_ sum: [UInt8]) throws -> [UInt64] {
            try opener.open(sum, sealing: scheme.sealing, contributions: 3, threads: 1)
        }
        #expect(try open(sum(scheme, nil, unit: 0, modulus: modulus)) == values(count))
        for fault in Fault.allCases {
            for unit in 0..<3 {
                let spoiled = try sum(scheme, fault, unit: unit, modulus: modulus)
                #expect(throws: EncryptionError.miscounted(ciphertext: unit, contributions: 3), "\(fault)") {
                    try open(spoiled)
                }
            }
        }
    }

    @Test("So it is where clouds open the sum together", arguments: Fault.allCases)
    func threshold(fault: Fault) throws {
        var round = try ThresholdRound(try ThresholdKeys.twoOfThree.get(), count: 101)
        let scheme = PaillierScheme(key: round.dealing.key.paillier, layout: round.layout, slots: round.slots)
        let modulus = round.dealing.key.paillier.nSquared.value
        round.sum = try sum(scheme, nil, unit: 0, modulus: modulus)
        #expect(try round.open([1, 3]) == values(101))
        for unit in 0..<3 {
            round.sum = try sum(scheme, fault, unit: unit, modulus: modulus)
            #expect(throws: EncryptionError.miscounted(ciphertext: unit, contributions: 3)) { try round.open([1, 3]) }
        }
    }

    @Test("A counter tells of faults, not of malice: who spoils a ciphertext and counts on is not found by it")
    func malice() throws {
        let key = try TestKeys.first.get()
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 2)
        let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
        let opener = PaillierOpener(key: key, layout: layout, slots: slots)
        let honest = try scheme.seal([10, 20], threads: 1)
        let n = key.publicKey.n.value
        // 1 in the counter, and values that no quantiser makes: 0 and 300. The sum could be one of honest values.
        let lie = Paillier.ciphertext(
            of: 1 + (Integer(300) << (2 * slots.width)), blinding: key.publicKey.hs.power(99, modulo: n * n), n: n)
        let accumulator = scheme.makeAccumulator()
        for payload in [honest, honest, try #require(lie.bigEndianBytes(count: scheme.shape.bytesPerUnit))] {
            try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
        }
        let opened = try opener.open(accumulator.sum(), sealing: scheme.sealing, contributions: 3, threads: 1)
        #expect(opened == [20, 340])
    }
}
