import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

/// Documents spoiled at random, always in the same ways, and signed by their own stage all the same: a party that means ill.
/// What comes of them is an error with a text, or a document that stands for itself; never a trap.
@Suite("Spoiled documents in masked rounds")
struct MaskingMutationTests {
    private static let count = 1500

    /// Some bytes flipped, cut, doubled, or set to what msgpack takes for lengths.
    private func spoil(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...2, using: &generator) {
            let place = Int.random(in: 0..<max(bytes.count, 1), using: &generator)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...3 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 4 where place < bytes.count:
                bytes[place] = [0, 0x7f, 0x80, 0x9f, 0xc0, 0xc4, 0xdc, 0xff].randomElement(using: &generator) ?? 0
            case 5 where place < bytes.count: bytes.remove(at: place)
            case 6: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: min(place, bytes.count))
            default: bytes.removeLast(min(bytes.count, Int.random(in: 1...40, using: &generator)))
            }
        }
        return bytes
    }

    private func isExpected(_ error: any Error) -> Bool {
        (error is MaskingError || error is FederationError || error is SodiumError || error is EncryptionError)
            && !"\(error)".isEmpty
    }

    /// How many of the spoiled forms of `good` `take` refuses.
    private func refusals<Content: Declaration>(
        of good: Signed<Content>, by stage: StageName, in round: MaskedRound, seed: UInt64,
        _ take: (Signed<Content>) throws -> Void
    ) throws -> Int {
        try take(good)
        let key = try #require(round.signing[stage])
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<Self.count {
            let bytes = spoil(good.bytes, &generator)
            guard bytes != good.bytes else { continue }
            let signature = key.signature(of: Array("tributary 1 \(Content.kind)\n".utf8) + bytes)
            do {
                try take(
                    Signed(bytes: bytes, signature: signature.bytes, key: key.verifyingKey, signer: "\(stage)"))
            } catch {
                refused += 1
                // msgpack's own errors are wrapped by `Signed`.
                if !isExpected(error) { Issue.record("\(Content.kind): \(error)") }
            }
        }
        return refused
    }

    @Test("Advertisements")
    func advertisements() throws {
        let round = try MaskedRound(clouds: 3)
        let stage = round.clouds[0]
        let good = try round.sign(round.secrets[0].keys.advertisement, by: stage)
        let refused = try refusals(of: good, by: stage, in: round, seed: 30) {
            _ = try MaskParties.check($0, terms: round.terms, signers: round.signers)
        }
        // Another number is another usable key as often as not.
        #expect(refused > Self.count / 3)
    }

    @Test("Shares, up to what their receiver opens")
    func shares() throws {
        let round = try MaskedRound(clouds: 3)
        let refused = try refusals(of: round.shares[1], by: round.clouds[1], in: round, seed: 31) { spoiled in
            let shares = [round.shares[0], spoiled, round.shares[2]]
            let agreement = MaskAgreement(parties: round.parties, shares: shares)
            let members = try MaskMembers(
                agreement, parties: round.parties, shares: shares, signers: round.signers)
            _ = try CloudMasking(round.sharings[0], members: members)
        }
        // Half of the bytes are another's to open.
        #expect(refused > Self.count / 3)
    }

    @Test("Sets of survivors, and rosters: made by aggregate, and signed by nobody")
    func unsigned() throws {
        let round = try MaskedRound(clouds: 3)
        let publisher = round.terms.publisher
        let own = MaskedRound.contribution(of: round.clouds[0])
        let encoded = try round.secrets[0].encoded()
        var refused = try refusals(
            of: round.sign(round.survivors(round.clouds), by: publisher), by: publisher, in: round, seed: 32
        ) {
            // Each a cloud that has not decided yet.
            let fresh = try CloudSecrets(restoring: encoded, of: round.clouds[0], terms: round.terms)
            let masking = try CloudMasking(CloudSharing(fresh, parties: round.parties), members: round.members)
            _ = try masking.decide($0.content, contribution: own)
        }
        #expect(refused > Self.count / 2)
        refused = try refusals(of: round.sign(round.roster, by: publisher), by: publisher, in: round, seed: 33) {
            _ = try MaskParties($0.content, terms: round.terms, signers: round.signers)
        }
        // Every byte of it counts.
        #expect(refused > Self.count * 9 / 10)
    }

    @Test("Consents and disclosures")
    func ends() throws {
        let round = try MaskedRound(clouds: 3)
        let survivors = round.survivors(round.clouds)
        let consents = try round.consents(to: survivors)
        let decision = MaskDecision(stage: round.clouds[0], survivors: survivors)
        var refused = try refusals(of: consents[1], by: round.clouds[1], in: round, seed: 34) {
            _ = try round.maskings[0].disclosure(
                after: decision, consents: [consents[0], $0, consents[2]], signers: round.signers)
        }
        #expect(refused > Self.count * 9 / 10)
        let good = try round.disclosure(of: round.clouds[1], for: survivors, consents: consents)
        refused = try refusals(of: good, by: round.clouds[1], in: round, seed: 35) {
            var unmasking = try Unmasking(round.publisherKeys, members: round.members, survivors: survivors)
            try unmasking.add($0, signers: round.signers)
        }
        #expect(refused > Self.count * 9 / 10)
    }

    @Test("Payloads: of any bytes of the right length a sum is made, of no others; opened, it is in range or refused")
    func payloads() throws {
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 21)
        let round = try MaskedRound(clouds: 3)
        let adder = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots)
        let opener = try round.opener(of: round.clouds, layout: layout, slots: slots)
        var generator = SeededGenerator(seed: 36)
        var refused = 0
        for _ in 0..<Self.count {
            let count = Bool.random(using: &generator) ? adder.shape.byteCount : .random(in: 0...64, using: &generator)
            let payload = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let accumulator = adder.makeAccumulator()
            do {
                try accumulator.add(payload, sealing: adder.sealing, threads: 1)
                #expect(count == adder.shape.byteCount)
                let opened = try opener.open(
                    accumulator.sum(), sealing: adder.sealing, contributions: 3, threads: 1)
                #expect(opened.allSatisfy { (3...765).contains($0) })
            } catch {
                refused += 1
                if !isExpected(error) { Issue.record("\(error)") }
            }
        }
        #expect(refused > Self.count / 2)
    }
}
