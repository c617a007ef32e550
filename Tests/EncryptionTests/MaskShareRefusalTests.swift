import Encryption
import Federation
import Sodium
import Testing

/// Shares and agreements that are refused. Each test first shows the same step taken unspoiled.
@Suite("Refused shares")
struct MaskShareRefusalTests {
    private func members(
        _ round: MaskedRound, _ shares: [Signed<MaskShares>], agreement: MaskAgreement? = nil
    ) throws -> MaskMembers {
        try MaskMembers(
            agreement ?? MaskAgreement(parties: round.parties, shares: shares), parties: round.parties, shares: shares,
            signers: round.signers)
    }

    private func replace(
        _ round: MaskedRound, _ index: Int, _ spoil: (MaskShares) throws -> MaskShares
    ) throws -> [Signed<MaskShares>] {
        try round.shares.enumerated().map { place, signed in
            place == index ? try round.sign(spoil(signed.content), by: signed.content.stage) : signed
        }
    }

    private func change(
        _ shares: MaskShares, roster: Digest? = nil, seed: Digest? = nil, portions: [MaskShares.Portion]? = nil
    ) -> MaskShares {
        MaskShares(
            head: shares.head, roster: roster ?? shares.roster, stage: shares.stage, seed: seed ?? shares.seed,
            portions: portions ?? shares.portions)
    }

    @Test("Shares of another roster, dealt to others, or not dealt to all are refused by name")
    func dealing() throws {
        let round = try MaskedRound(clouds: 4)
        #expect(try members(round, round.shares).digest == round.members.digest)
        let name = round.clouds[2]
        let undealt = "\(name) has not dealt to each cloud of the roster once"
        for (spoiled, error) in [
            (
                try replace(round, 2) { change($0, roster: round.terms.opening) },
                .otherRoster(document: "mask-shares", from: name.description)
            ),
            (
                try replace(round, 2) { change($0, portions: Array($0.portions.dropLast())) },
                .malformed(document: "mask-shares", undealt)
            ),
            (
                try replace(round, 2) { change($0, portions: [$0.portions[1]] + $0.portions.dropFirst()) },
                .malformed(document: "mask-shares", undealt)
            ),
            (
                try replace(round, 2) { shares in
                    let own = shares.portions[2]
                    let sealed = MaskShares.Portion(
                        receiver: own.receiver, sealed: shares.portions[0].sealed, maskShare: own.maskShare,
                        seedShare: own.seedShare)
                    return change(shares, portions: shares.portions[..<2] + [sealed, shares.portions[3]])
                }, .malformed(document: "mask-shares", "\(name) seals to \(name) what it should not, or does not")
            ),
        ] as [([Signed<MaskShares>], MaskingError)] {
            #expect(throws: error) { try members(round, spoiled) }
        }
    }

    @Test("An agreement must name the shares that are there, each once, and enough of them")
    func agreements() throws {
        let round = try MaskedRound(clouds: 4)
        let good = round.agreement
        func agreement(_ members: [MaskPart], roster: Digest? = nil) -> MaskAgreement {
            MaskAgreement(head: good.head, roster: roster ?? good.roster, members: members)
        }
        let parts = good.members
        let (a, d) = (round.clouds[0], round.clouds[3])
        for (spoiled, shares, error) in [
            (
                agreement(parts, roster: good.opening), round.shares,
                .otherRoster(document: "mask-agreement", from: "aggregate")
            ),
            (agreement(parts + [parts[3]]), round.shares, .listedTwice(d, in: "mask-agreement")),
            (good, round.shares + [round.shares[0]], .listedTwice(a, in: "the shares")),
            (good, Array(round.shares.dropLast()), .otherShares(of: d)),
            (agreement(Array(parts.dropLast())), round.shares, .notAParty(d)),
            (
                agreement([MaskPart(stage: a, digest: good.opening)] + parts.dropFirst()), round.shares,
                .otherShares(of: a)
            ),
            (
                agreement(Array(parts.prefix(2))), Array(round.shares.prefix(2)),
                .tooFewClouds(phase: "have dealt shares", found: 2, needed: 3)
            ),
        ] as [(MaskAgreement, [Signed<MaskShares>], MaskingError)] {
            #expect(throws: error) { try members(round, shares, agreement: spoiled) }
        }
        _ = try members(round, round.shares, agreement: good)
    }

    @Test("Sealed shares that were changed, swapped or reflected do not open; forged commitments name their dealer")
    func sealedShares() throws {
        let round = try MaskedRound(clouds: 4)
        let dealer = round.clouds[2]
        func masking(_ shares: [Signed<MaskShares>], of index: Int = 0) throws {
            _ = try CloudMasking(round.sharings[index], members: members(round, shares))
        }
        func portion(
            _ shares: MaskShares, _ sealed: [UInt8]? = nil, mask: Digest? = nil, seed: Digest? = nil
        ) -> MaskShares {
            let old = shares.portions[0]
            let new = MaskShares.Portion(
                receiver: old.receiver, sealed: sealed ?? old.sealed, maskShare: mask ?? old.maskShare,
                seedShare: seed ?? old.seedShare)
            return change(shares, portions: [new] + shares.portions.dropFirst())
        }
        try masking(round.shares)
        let unreadable = MaskingError.unreadable(document: "mask-shares", from: dealer)
        let flipped = try replace(round, 2) { shares in
            var sealed = shares.portions[0].sealed
            sealed[50] ^= 1
            return portion(shares, sealed)
        }
        #expect(throws: unreadable) { try masking(flipped) }
        let swapped = try replace(round, 2) { portion($0, $0.portions[1].sealed) }
        #expect(throws: unreadable) { try masking(swapped) }
        // What the receiver itself once sealed to the dealer.
        let reflected = try replace(round, 2) { portion($0, round.shares[0].content.portions[2].sealed) }
        #expect(throws: unreadable) { try masking(reflected) }
        let forged = MaskingError.forgedShare(of: dealer, from: dealer)
        let mask = try replace(round, 2) { portion($0, mask: round.terms.opening) }
        #expect(throws: forged) { try masking(mask) }
        let seed = try replace(round, 2) { portion($0, seed: round.terms.opening) }
        #expect(throws: forged) { try masking(seed) }
        // They were meant for cloud 0; the others go on.
        try masking(seed, of: 1)
    }

    @Test("A cloud whose own shares were replaced sits the round out")
    func ownShares() throws {
        let round = try MaskedRound(clouds: 4)
        let replaced = try replace(round, 0) { change($0, seed: round.terms.opening) }
        #expect(throws: MaskingError.otherShares(of: round.clouds[0])) {
            try CloudMasking(round.sharings[0], members: members(round, replaced))
        }
        _ = try CloudMasking(round.sharings[1], members: members(round, replaced))
    }
}
