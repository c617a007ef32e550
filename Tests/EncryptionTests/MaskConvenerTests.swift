import Encryption
import Federation
import Sodium
import Testing

/// Aggregate's end of a masked round.
@Suite("Convening a masked round")
struct MaskConvenerTests {
    private let round: MaskedRound
    private let advertisements: [Signed<MaskAdvertisement>]

    init() throws {
        let round = try MaskedRound(clouds: 4)
        advertisements = try (round.parties.clouds + [round.parties.publisher]).map {
            try round.sign($0, by: $0.stage)
        }
        self.round = round
    }

    /// A convener that has the first so many phases behind it.
    private func convener(phases: Int) throws -> MaskConvener {
        var convener = MaskConvener(terms: round.terms, signers: round.signers)
        guard phases > 0 else { return convener }
        for advertisement in advertisements { try convener.take(advertisement) }
        _ = try convener.roster()
        guard phases > 1 else { return convener }
        for shares in round.shares { try convener.take(shares) }
        _ = try convener.agreement()
        guard phases > 2 else { return convener }
        for stage in round.clouds {
            try convener.take(contribution: MaskedRound.contribution(of: stage), of: stage)
        }
        _ = try convener.nameSurvivors()
        return convener
    }

    @Test("It waits for each party in each phase, takes the same twice, and names the documents of the round")
    func wholeRound() throws {
        var convener = MaskConvener(terms: round.terms, signers: round.signers)
        #expect(convener.awaited == round.terms.clouds + [round.terms.publisher])
        for advertisement in advertisements.shuffled() + [advertisements[0]] { try convener.take(advertisement) }
        #expect(convener.awaited.isEmpty)
        #expect(try convener.roster() == round.roster)

        #expect(convener.awaited == round.clouds)
        for shares in round.shares.shuffled() + [round.shares[2]] { try convener.take(shares) }
        #expect(try convener.agreement() == round.agreement)
        #expect(convener.shares == round.shares)

        for stage in round.clouds.shuffled() + [round.clouds[1]] {
            try convener.take(contribution: MaskedRound.contribution(of: stage), of: stage)
        }
        #expect(convener.awaited.isEmpty)
        let survivors = try convener.nameSurvivors()
        #expect(survivors == round.survivors(round.clouds))

        let consents = try round.consents(to: survivors)
        for (index, consent) in consents.enumerated() {
            #expect(convener.consents == nil)
            #expect(convener.awaited == Array(round.clouds.dropFirst(index)))
            try convener.take(consent)
        }
        #expect(convener.consents == consents)
    }

    @Test("Without those that are missing it goes on while there are enough, and not with fewer")
    func missing() throws {
        var convener = MaskConvener(terms: round.terms, signers: round.signers)
        for advertisement in advertisements.dropLast() { try convener.take(advertisement) }
        #expect(throws: MaskingError.malformed(document: "mask-roster", "\(round.terms.publisher) is not in it")) {
            try convener.roster()
        }
        try convener.take(advertisements[4])
        _ = try convener.roster()
        for shares in round.shares.prefix(2) { try convener.take(shares) }
        #expect(throws: MaskingError.tooFewClouds(phase: "have dealt shares", found: 2, needed: 3)) {
            try convener.agreement()
        }
        try convener.take(round.shares[3])
        #expect(try convener.agreement().members.map(\.stage) == [0, 1, 3].map { round.clouds[$0] })
        for stage in [round.clouds[0], round.clouds[3]] {
            try convener.take(contribution: MaskedRound.contribution(of: stage), of: stage)
        }
        #expect(throws: MaskingError.notAParty(round.clouds[2])) {
            try convener.take(contribution: round.terms.opening, of: round.clouds[2])
        }
        #expect(throws: MaskingError.tooFewClouds(phase: "have contributed", found: 2, needed: 3)) {
            try convener.nameSurvivors()
        }
        #expect(convener.survivors == nil)
        try convener.take(contribution: MaskedRound.contribution(of: round.clouds[1]), of: round.clouds[1])
        #expect(try convener.nameSurvivors().survivors.count == 3)
    }

    @Test("What comes too early, too late, or a second time in another form is refused by name")
    func order() throws {
        let cloud = round.clouds[1]
        let other = try MaskingKeys(of: cloud, terms: round.terms)
        let second = try round.sign(other.advertisement, by: cloud)
        var convener = try convener(phases: 0)
        #expect(throws: MaskingError.early(document: "mask-shares", from: cloud)) {
            try convener.take(round.shares[1])
        }
        #expect(throws: MaskingError.early(document: "contribution", from: cloud)) {
            try convener.take(contribution: round.terms.opening, of: cloud)
        }
        try convener.take(second)
        #expect(throws: MaskingError.changed(document: "mask-advertisement", from: cloud)) {
            try convener.take(advertisements[1])
        }

        convener = MaskConvener(terms: round.terms, signers: round.signers)
        for index in [0, 2, 3, 4] { try convener.take(advertisements[index]) }
        _ = try convener.roster()
        #expect(throws: MaskingError.late(document: "mask-advertisement", from: cloud)) { try convener.take(second) }
        #expect(throws: MaskingError.notAParty(cloud)) { try convener.take(round.shares[1]) }

        convener = try self.convener(phases: 1)
        for index in [0, 2, 3] { try convener.take(round.shares[index]) }
        _ = try convener.agreement()
        #expect(throws: MaskingError.late(document: "mask-shares", from: cloud)) {
            try convener.take(round.shares[1])
        }
        let again = try round.sign(CloudSharing(round.secrets[0], parties: round.parties).shares, by: round.clouds[0])
        #expect(throws: MaskingError.changed(document: "mask-shares", from: round.clouds[0])) {
            try convener.take(again)
        }

        convener = try self.convener(phases: 2)
        for stage in round.clouds where stage != cloud {
            try convener.take(contribution: MaskedRound.contribution(of: stage), of: stage)
        }
        #expect(throws: MaskingError.otherContribution(of: round.clouds[0])) {
            try convener.take(contribution: round.terms.opening, of: round.clouds[0])
        }
        let survivors = try convener.nameSurvivors()
        #expect(throws: MaskingError.late(document: "contribution", from: cloud)) {
            try convener.take(contribution: MaskedRound.contribution(of: cloud), of: cloud)
        }
        #expect(try convener.nameSurvivors() == survivors)
        #expect(throws: MaskingError.secondSurvivorSet) { try convener.adopt(round.survivors(round.clouds)) }
        let all = MaskDecision(stage: round.clouds[0], survivors: round.survivors(round.clouds))
        #expect(throws: MaskingError.otherSurvivors(document: "mask-consent", from: round.clouds[0].description)) {
            try convener.take(round.sign(all.consent, by: round.clouds[0]))
        }
        let outsider = MaskDecision(stage: cloud, survivors: survivors)
        #expect(throws: MaskingError.notASurvivor(cloud)) {
            try convener.take(round.sign(outsider.consent, by: cloud))
        }
    }

    @Test("After a restart it adopts what it had named, whatever has come since, and nothing else")
    func restart() throws {
        var restarted = MaskConvener(terms: round.terms, signers: round.signers)
        for advertisement in advertisements { try restarted.take(advertisement) }
        try restarted.adopt(round.roster)
        for shares in round.shares { try restarted.take(shares) }
        try restarted.adopt(round.agreement)
        let survivors = round.survivors(Array(round.clouds.prefix(3)))
        for stage in round.clouds {
            try restarted.take(contribution: MaskedRound.contribution(of: stage), of: stage)
        }
        try restarted.adopt(survivors)
        #expect(try restarted.nameSurvivors() == survivors)
        let other = try MaskedRound(clouds: 4)
        #expect(throws: (any Error).self) { try restarted.adopt(other.roster) }
        #expect(throws: MaskingError.otherRoster(document: "mask-agreement", from: "aggregate")) {
            try restarted.adopt(other.agreement)
        }
    }
}
