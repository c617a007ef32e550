import BigInteger
import Encryption
import Federation
import Sodium
import Testing

@Suite("Secrets of Paillier's scheme in memory", .serialized)
struct PaillierMemoryTests {
    /// The secrets of a key, from its documented encoding: 37 bytes, p, q, and the orders of its subgroups if it has any.
    private func secrets(of key: PaillierPrivateKey) throws -> (p: Integer, q: Integer, orders: [Integer]) {
        let width = key.publicKey.bits / 16
        let orderWidth = key.publicKey.kind.structure == .subgroups ? 32 : 0
        return try key.encoded().withUnsafeBytes { bytes in
            func integer(_ start: Int, _ count: Int) -> Integer {
                Integer(bigEndian: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
            }
            let orders = orderWidth == 0 ? [] : (0..<2).map { integer(37 + 2 * width + $0 * 32, 32) }
            return (integer(37, width), integer(37 + width, width), orders)
        }
    }

    /// Decrypts with means that are still there when they are looked for.
    @inline(never)
    private func decrypt(_ arithmetic: Arithmetic, _ search: inout MemorySearch) throws {
        let key = try PaillierPrivateKey.generate(size: .insecure(bits: 1024), profile: .conservative)
        let (p, q, _) = try secrets(of: key)
        let n = p * q
        let message = try Integer.random(below: n, from: SystemRandom.bytes)
        let ciphertext = Paillier.ciphertext(of: message, blinding: key.publicKey.hs, n: n)
        let decryption = try #require(PaillierDecryption(p: p, q: q))
        let lanes = arithmetic == .lanes ? try LaneDecryption(decryption) : nil
        var lasting: Set<String> = []
        for (name, prime, other) in [("p", p, q), ("q", q, p)] {
            let inverse = try #require(other.inverse(modulo: prime))
            // What 1/L((1 + n)^(p - 1)) is: -1/q mod p.
            for (what, value) in [(name, prime), ("\(name)^2", prime * prime), ("scale mod \(name)", prime - inverse)] {
                try search.add(what, value)
                lasting.insert("\(what), turned round")
            }
            try search.add("plaintext mod \(name)", message.modulo(prime))
            // Only as eight at a time have it: GMP has its own on the stack, until the next one lies there (WipingAllocator).
            search.addDigits("power mod \(name)^2", ciphertext.power(prime - 1, modulo: prime * prime))
            search.addDigits(name, prime)
            search.addDigits(
                "R mod \(name)", Integer(2).power(Integer(52 * LaneModulus.digits(bits: 512)), modulo: prime))
            if lanes != nil { lasting.formUnion(["\(name), in digits", "R mod \(name), in a lane"]) }
        }
        if let lanes {
            let bytes = try #require(ciphertext.bigEndianBytes(count: 256))
            #expect(bytes.withUnsafeBytes { lanes.plaintexts(of: $0, width: 256) } == [message])
        } else {
            #expect(decryption.plaintext(of: ciphertext) == message)
        }
        let held = try Set(search.found())
        #expect(held.isSuperset(of: lasting), "what is held is found")
        withExtendedLifetime((decryption, lanes)) {}
    }

    @Test("Nothing that decryption makes of the primes is left once it is released", arguments: Arithmetic.supported)
    func decryption(arithmetic: Arithmetic) throws {
        var search = MemorySearch()
        try decrypt(arithmetic, &search)
        #expect(try search.found() == [])
    }

    /// Seals and opens with a fresh key, and lets all go but that.
    @inline(never)
    private func open(
        _ profile: PaillierProfile, degree: Int, _ arithmetic: Arithmetic, _ search: inout MemorySearch
    ) throws -> (key: PaillierPrivateKey, guarded: [String]) {
        let key = try PaillierPrivateKey.generate(size: .bits2048, profile: profile)
        let (p, q, orders) = try secrets(of: key)
        for (name, prime) in [("p", p), ("q", q)] {
            try search.add(name, prime)
            search.addDigits(name, prime)
            try search.add("\(name)^2", prime * prime)
        }
        for (name, order) in zip(["order in p", "order in q"], orders) { try search.add(name, order) }
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 1000)
        let values = (0..<1000).map { UInt32($0 % 255 + 1) }
        let opener: any Opener
        let sealed: [UInt8]
        if degree == 1 {
            let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic)
            sealed = try scheme.seal(values, threads: 1)
            opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
        } else {
            let scheme = DamgardJurikScheme(
                key: key.publicKey, degree: degree, layout: layout, slots: slots, arithmetic: arithmetic)
            sealed = try scheme.seal(values, threads: 1)
            opener = DamgardJurikOpener(key: key, scheme: scheme)
        }
        let opened = try opener.open(sealed, sealing: opener.sealing, contributions: 1, threads: 1)
        #expect(opened == values.map(UInt64.init))
        return (key, (["p", "q"] + (orders.isEmpty ? [] : ["order in p", "order in q"])).sorted())
    }

    @Test(
        "Once a sum is opened its key lies in guarded memory alone, and nowhere when it is let go",
        arguments: Arithmetic.supported, [(PaillierProfile.standard, 1), (.conservative, 1), (.standard, 2)])
    func opener(arithmetic: Arithmetic, kind: (profile: PaillierProfile, degree: Int)) throws {
        var search = MemorySearch()
        var opened: (key: PaillierPrivateKey, guarded: [String])? = try open(
            kind.profile, degree: kind.degree, arithmetic, &search)
        // Most significant byte first, as nothing else has it: found while it is held, and once.
        let held = try search.found().sorted()
        #expect(held == opened?.guarded)
        opened = nil
        #expect(try search.found() == [])
    }
}
