import Encryption
import Federation
import Keys
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// A real stage in a masked round whose other parties lie to it.
    @Suite("Masks on a hostile wire")
    struct MaskedWireTests {
        /// What an aggregate may try on a cloud.
        enum Lie: String, CaseIterable, Sendable {
            case exchangedKeys, otherKeys, fewerMembers, otherContribution, missingConsent, foreignConsent

            var reason: String {
                switch self {
                case .exchangedKeys: "signature"
                case .otherKeys: "other keys for north/encrypt than its own"
                case .fewerMembers: "2 clouds have dealt shares"
                case .otherContribution: "contribution of north/encrypt that is not its own"
                case .missingConsent: "no consent of west/encrypt"
                case .foreignConsent: "another set of survivors"
                }
            }
        }

        /// Plays a round with north's encrypt stage. With a lie it is refused by name and north goes no further; without, the
        /// sum opens.
        /// - Parameter helped: what north says with its keys.
        private func play(
            _ stand: MaskedStand, _ round: UInt32, _ lie: Lie? = nil, helped: HelpedSum? = nil
        ) async throws {
            let north = stand.real
            let others = stand.encrypts.filter { $0 != north }
            let opening = try await stand.open(round)
            let play = try MaskedPlay(stand, opening, clouds: others)
            var convener = MaskConvener(terms: play.terms, signers: play.signers)

            func refused(_ kind: TransferKind, _ payload: [UInt8]) async throws {
                try stand.send(kind, payload, from: stand.aggregate, to: opening)
                let receipt = try await stand.receipt(of: payload, to: stand.aggregate)
                #expect(receipt.outcome == .refused)
                #expect(receipt.reason.contains(lie?.reason ?? "?"), "\(receipt.reason)")
                try stand.abandon(opening)
            }

            // Advertisements and roster.
            let own = try await Signed<MaskAdvertisement>(
                payload: stand.payload(.advertisement, of: opening, to: stand.aggregate), of: north, key: play.key)
            #expect(own.content.helped == helped)
            var advertisements = [own, try stand.signed(play.publisherKeys.advertisement, by: stand.publisher)]
            for (stage, secrets) in play.secrets {
                advertisements.append(try stand.signed(secrets.keys.advertisement, by: stage))
            }
            if lie == .otherKeys {
                // Signed by north in an earlier life, say: its secrets are lost, or another's.
                let other = try MaskingKeys(of: north, terms: play.terms)
                advertisements[0] = try stand.signed(other.advertisement, by: north)
            }
            for advertisement in advertisements { try convener.take(advertisement) }
            let roster = try convener.roster()
            if lie == .otherKeys { return try await refused(.roster, roster.payload) }
            if lie == .exchangedKeys {
                let listed = roster.advertisements
                let spoiled = MaskRoster(
                    head: roster.head, threshold: roster.threshold,
                    advertisements: listed.map { each in
                        let other = listed.first { $0.signer == (others[0] == each.signer ? others[1] : others[0]) }
                        return others.contains(each.signer) ? each.with(other ?? each) : each
                    })
                return try await refused(.roster, spoiled.payload)
            }
            try stand.send(.roster, roster.payload, from: stand.aggregate, to: opening)

            // Shares and agreement.
            guard let parties = convener.parties else { throw MaskingError.undecided }
            try convener.take(
                try await Signed<MaskShares>(
                    payload: stand.payload(.shares, of: opening, to: stand.aggregate), of: north, key: play.key))
            let sharings = try others.compactMap { play.secrets[$0] }.map { try CloudSharing($0, parties: parties) }
            for sharing in sharings { try convener.take(stand.signed(sharing.shares, by: sharing.shares.stage)) }
            let agreement = try convener.agreement()
            if lie == .fewerMembers {
                let fewer = MaskAgreement(
                    head: agreement.head, roster: agreement.roster, members: Array(agreement.members.prefix(2)))
                return try await refused(
                    .agreement, MaskDealing(agreement: fewer, shares: Array(convener.shares.prefix(2))).payload)
            }
            try stand.send(
                .agreement, MaskDealing(agreement: agreement, shares: convener.shares).payload, from: stand.aggregate,
                to: opening)

            // Contributions.
            guard let members = convener.members else { throw MaskingError.undecided }
            let trainer = StageName(cloud: north.cloud, kind: .localTrain)
            try stand.send(
                .vector, [UInt8](repeating: 0, count: 4 * MaskedStand.values), from: trainer, to: opening,
                about: VectorAbout(opening: opening.digest, records: 1), part: 1)
            var payloads = [try await stand.payload(.contribution, of: opening, to: stand.aggregate)]
            try convener.take(contribution: Digest(ofContent: payloads[0]), of: north)
            let maskings = try sharings.map { try CloudMasking($0, members: members) }
            for masking in maskings {
                let scheme = try masking.scheme(layout: play.layout, slots: play.slots)
                let payload = try scheme.seal([UInt32](repeating: 2048, count: MaskedStand.values), threads: 1)
                try convener.take(contribution: Digest(ofContent: payload), of: masking.stage)
                payloads.append(payload)
            }

            // Survivors and consents.
            let survivors = try convener.nameSurvivors()
            if lie == .otherContribution {
                let spoiled = MaskSurvivors(
                    members: members,
                    contributions: Dictionary(
                        uniqueKeysWithValues: survivors.survivors.map {
                            ($0.stage, $0.stage == north ? Digest(of: [1]) : $0.digest)
                        }))
                return try await refused(.survivors, spoiled.payload)
            }
            try stand.send(.survivors, survivors.payload, from: stand.aggregate, to: opening)
            try convener.take(
                try await Signed<MaskConsent>(
                    payload: stand.payload(.consent, of: opening, to: stand.aggregate), of: north, key: play.key))
            // A second set, honest in itself: north has given its word on the first.
            let second = MaskSurvivors(
                members: members,
                contributions: Dictionary(
                    uniqueKeysWithValues: survivors.survivors.map {
                        ($0.stage, $0.stage == others[0] ? Digest(of: [2]) : $0.digest)
                    }))
            try stand.send(.survivors, second.payload, from: stand.aggregate, to: opening)
            let answer = try await stand.receipt(of: second.payload, to: stand.aggregate)
            #expect(answer.outcome == .refused)
            #expect(answer.reason.contains("survivors") && answer.reason.contains("another digest"))

            for masking in maskings {
                let part = survivors.survivors.first { $0.stage == masking.stage }
                let decision = try masking.decide(survivors, contribution: part?.digest ?? Digest(of: []))
                try convener.take(stand.signed(decision.consent, by: masking.stage))
            }
            let consents = try #require(convener.consents)
            if lie == .missingConsent { return try await refused(.consents, MaskConsents(consents.dropLast()).payload) }
            if lie == .foreignConsent {
                let foreign = try stand.signed(
                    MaskDecision(stage: others[1], survivors: second).consent, by: others[1])
                return try await refused(.consents, MaskConsents(consents.dropLast() + [foreign]).payload)
            }
            #expect(try stand.count(.disclosure, of: opening, to: stand.publisher) == 0)
            try stand.send(.consents, MaskConsents(consents).payload, from: stand.aggregate, to: opening)

            // Disclosures: north's, which came, and another's.
            let disclosed = try await Signed<MaskDisclosure>(
                payload: stand.payload(.disclosure, of: opening, to: stand.publisher), of: north, key: play.key)
            let another = try stand.signed(
                maskings[0].disclosure(
                    after: MaskDecision(stage: maskings[0].stage, survivors: survivors), consents: consents,
                    signers: play.signers), by: maskings[0].stage)
            let opened = try play.open(payloads, members, survivors, [disclosed, another])
            #expect(opened == [UInt64](repeating: 3 * 2048, count: MaskedStand.values))
            #expect(try stand.count(.consent, of: opening, to: stand.aggregate) == 1)
            try stand.abandon(opening)
        }

        @Test(
            "No lie of aggregate's makes a cloud deal, mask, consent or open where it should not; it is refused by name, and the next round is honest",
            arguments: Lie.allCases)
        func lies(_ lie: Lie) async throws {
            let stand = try await MaskedStand(real: .encrypt)
            try await play(stand, 1, lie)
            let round = RoundNumber(1)
            _ = try await stand.run.event("masks_refused", of: stand.real, round: 1)
            let journal = try stand.run.journal(of: stand.real)
            let disclosure = TransferName(
                run: stand.run.topology.run, kind: .disclosure, round: round, cloud: stand.real.cloud)
            #expect(try journal.read { try !$0.hasDeparture(disclosure) })
            try await play(stand, 2)
        }

        @Test("A cloud says with its keys what it has helped with from the same adapter, in a round that was given up")
        func helped() async throws {
            let stand = try await MaskedStand(real: .encrypt)
            try await play(stand, 1)
            let clouds = stand.encrypts.map(\.cloud)
            try await play(stand, 2, helped: HelpedSum(round: RoundNumber(1), clouds: clouds))
            try await play(stand, 3, helped: HelpedSum(round: RoundNumber(2), clouds: clouds))
        }

        @Test("Aggregate counts no contribution that is masked for another agreement; the round closes without it")
        func otherAgreement() async throws {
            let stand = try await MaskedStand(real: .aggregate)
            let opening = try await stand.open(1)
            let play = try MaskedPlay(stand, opening, clouds: stand.encrypts)
            for (stage, secrets) in play.secrets {
                try stand.send(
                    .advertisement, stand.signed(secrets.keys.advertisement, by: stage).payload(by: stage), from: stage,
                    to: opening)
            }
            try stand.send(
                .advertisement,
                stand.signed(play.publisherKeys.advertisement, by: stand.publisher).payload(by: stand.publisher),
                from: stand.publisher, to: opening)
            let roster = try await MaskRoster(payload: stand.payload(.roster, of: opening, to: stand.encrypts[0]))
            let parties = try MaskParties(roster, terms: play.terms, signers: play.signers)
            let sharings = try stand.encrypts.compactMap { play.secrets[$0] }.map {
                try CloudSharing($0, parties: parties)
            }
            for sharing in sharings {
                let stage = sharing.shares.stage
                try stand.send(
                    .shares, stand.signed(sharing.shares, by: stage).payload(by: stage), from: stage, to: opening)
            }
            let dealing = try await MaskDealing(
                payload: stand.payload(.agreement, of: opening, to: stand.encrypts[0]), key: play.key)
            let members = try MaskMembers(
                dealing.agreement, parties: parties, shares: dealing.shares, signers: play.signers)
            let maskings = try sharings.map { try CloudMasking($0, members: members) }

            let stray = [UInt8](repeating: 9, count: 70)
            try stand.send(
                .contribution, stray, from: stand.encrypts[0], to: opening, about: play.about(Digest(of: [3])))
            let refused = try await stand.receipt(of: stray, to: stand.encrypts[0])
            #expect(refused.outcome == .refused)
            #expect(refused.reason == "it is masked for another agreement than that of round 1")

            var payloads: [[UInt8]] = []
            for (index, masking) in maskings.enumerated() {
                let payload = try masking.scheme(layout: play.layout, slots: play.slots).seal(
                    [UInt32](repeating: UInt32(index + 1), count: MaskedStand.values), threads: 1)
                payloads.append(payload)
                try stand.send(
                    .contribution, payload, from: masking.stage, to: opening, about: play.about(members.digest))
            }
            let survivors = try await MaskSurvivors(
                payload: stand.payload(.survivors, of: opening, to: stand.publisher))
            let decisions = try maskings.enumerated().map { index, masking in
                try masking.decide(survivors, contribution: Digest(ofContent: payloads[index]))
            }
            for decision in decisions {
                try stand.send(
                    .consent, stand.signed(decision.consent, by: decision.stage).payload(by: decision.stage),
                    from: decision.stage, to: opening)
            }
            let consents = try await MaskConsents(
                payload: stand.payload(.consents, of: opening, to: stand.encrypts[0]), key: play.key
            ).consents
            let disclosures = try zip(maskings, decisions).map { masking, decision in
                try stand.signed(
                    masking.disclosure(after: decision, consents: consents, signers: play.signers), by: masking.stage)
            }
            #expect(
                try play.open(payloads, members, survivors, disclosures)
                    == [UInt64](repeating: 1 + 2 + 3, count: MaskedStand.values))
            #expect(!stand.run.book.all.contains { $0.name == "exited" || $0.name == "killed" })
        }
    }
}

extension SignedBytes {
    /// Another's document under this one's name.
    fileprivate func with(_ other: SignedBytes) -> SignedBytes {
        SignedBytes(signer: signer, bytes: other.bytes, signature: other.signature)
    }
}
