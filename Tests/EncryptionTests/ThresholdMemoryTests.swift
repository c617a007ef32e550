import BigInteger
import Encryption
import Federation
import Sodium
import Testing

@Suite("Secrets of threshold opening in memory", .serialized)
struct ThresholdMemoryTests {
    /// Deals from fresh primes. In a function of its own, so that what it holds is released at its end.
    @inline(never)
    private func deal(_ search: inout MemorySearch) throws -> ThresholdDealer.Dealing {
        let key = try PaillierPrivateKey.generate(size: .insecure(bits: 1024), profile: .turbo)
        let (p, q) = try TestKeys.primes(of: key)
        for (name, prime) in [("p", p), ("q", q), ("p'", p >> 1)] { try search.add(name, prime) }
        let m = (p >> 1) * (q >> 1)
        try search.add("d", m * (m.inverse(modulo: p * q) ?? 0))
        let choices = ThresholdDealer.Choices(
            p: p, q: q, blindingRoot: 12_345, verificationRoot: 67_890,
            coefficients: [try Integer.random(bits: 2000, from: SystemRandom.bytes)])
        let dealing = try ThresholdDealer.deal(
            choices, profile: .standard, parties: 3, threads: 1, allowing: .testing)
        let held = try Set(search.found())
        #expect(held.isSuperset(of: ["p, turned round", "q, turned round"]), "what is held is found")
        withExtendedLifetime((choices, key)) {}
        return dealing
    }

    /// Opens a sum with two of the shares, one of which comes out of its sealed box.
    @inline(never)
    private func open(
        _ dealing: ThresholdDealer.Dealing, _ arithmetic: Arithmetic, _ search: inout MemorySearch
    ) throws {
        for share in dealing.shares {
            try share.encoded().withUnsafeBytes { bytes in
                search.add("share \(share.party)", bytes)
                let exponent = Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[40...])) * 12
                try search.add("exponent \(share.party)", exponent)
            }
        }
        let pair = try BoxKeyPair()
        let opened = try KeyShare(opening: dealing.shares[1].sealed(to: pair.publicKey), with: pair, key: dealing.key)
        let round = try ThresholdRound(
            (dealing.key, [dealing.shares[0], opened]), count: 300, arithmetic: arithmetic)
        #expect(try round.open([1, 2]) == round.values)
    }

    @Test("No prime, share or exponent is left in memory once it is released", arguments: Arithmetic.supported)
    func wiped(arithmetic: Arithmetic) throws {
        var search = MemorySearch()
        var dealing: ThresholdDealer.Dealing? = try deal(&search)
        // The dealer's secrets are gone with the dealing.
        #expect(try search.found() == [])
        try open(try #require(dealing), arithmetic, &search)
        let held = try Set(search.found())
        #expect(held.isSuperset(of: ["share 1", "share 2", "share 3"]), "what is held is found")
        dealing = nil
        #expect(try search.found() == [])
    }

    /// Seals a contribution whose record is made into a proof.
    @inline(never)
    private func prove(_ search: inout MemorySearch) throws -> PlaintextWitness {
        let layout = try layout(count: 100)
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let key = try TestKeys.first.get().publicKey
        let plain = PaillierScheme(key: key, layout: layout, slots: slots)
        let witness = PlaintextWitness(for: plain)
        var generator = SystemRandomNumberGenerator()
        var values = (0..<100).map { _ in UInt32.random(in: 1...255, using: &generator) }
        defer { values.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) } }
        var packed = [Limb](repeating: 0, count: 8)
        values.withUnsafeBufferPointer { values in
            let first = UnsafeBufferPointer(rebasing: values[..<plain.shape.valuesPerUnit])
            slots.pack(first, into: &packed, count: packed.count)
        }
        packed.reverse()
        for index in packed.indices { packed[index] = packed[index].byteSwapped }
        packed.withUnsafeBytes { search.add("plaintext", $0) }
        packed.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) }
        let payload = try plain.recording(witness).seal(values, threads: 1)
        let proof = PlaintextProof(key: key, layout: layout, slots: slots)
        let made = try proof.prove(witness, payload: Digest(ofContent: payload), context: [])
        try proof.verify(made, payload: payload, context: [], threads: 1)
        return witness
    }

    @Test("No plaintext is left in memory once its record is released")
    func witness() throws {
        var search = MemorySearch()
        var witness: PlaintextWitness? = try prove(&search)
        #expect(try search.found() == ["plaintext, turned round"], "what is held is found")
        #expect(witness != nil)
        witness = nil
        #expect(try search.found() == [])
    }
}
