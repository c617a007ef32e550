import Federation
import MessagePack
import Sodium

extension Samples {
    private static let westEncrypt = StageName(cloud: west, kind: .encrypt)
    private static let bytes32 = [UInt8](repeating: 7, count: 32)
    private static let round = RoundNumber(4)
    private static let head = MaskHead(run: run, round: round, opening: digest)
    private static let parts = [MaskPart(stage: encrypt, digest: digest), MaskPart(stage: westEncrypt, digest: digest)]

    static let advertisement = MaskAdvertisement(
        head: head, stage: encrypt, maskKey: bytes32, sharingKey: bytes32, helped: helped)
    static let roster = MaskRoster(
        head: head, threshold: 2,
        advertisements: [SignedBytes(Signed(advertisement, by: key), by: encrypt)])
    static let shares = MaskShares(
        head: head, roster: digest, stage: encrypt, seed: digest,
        portions: [
            .init(receiver: encrypt, sealed: [], maskShare: digest, seedShare: digest),
            .init(
                receiver: westEncrypt, sealed: [UInt8](repeating: 9, count: MaskShares.sealedByteCount),
                maskShare: digest,
                seedShare: digest),
        ])
    static let agreement = MaskAgreement(head: head, roster: digest, members: parts)
    static let consent = MaskDecision(stage: encrypt, survivors: survivors).consent
    static let survivors = MaskSurvivors(
        head: head, agreement: digest, survivors: parts)

    /// Every document of a masked round.
    static let masking: [Sample] = [
        Sample("mask-advertisement", advertisement.value, { try MaskAdvertisement($0).value }),
        Sample("mask-roster", roster.value, { try MaskRoster($0).value }),
        Sample("mask-shares", shares.value, { try MaskShares($0).value }),
        Sample(
            "mask-agreement",
            MaskAgreement(head: head, roster: digest, members: parts).value,
            { try MaskAgreement($0).value }),
        Sample("mask-survivors", survivors.value, { try MaskSurvivors($0).value }),
        Sample(
            "mask-decision", MaskDecision(stage: encrypt, survivors: survivors).value, { try MaskDecision($0).value }),
        Sample(
            "mask-consent", MaskDecision(stage: encrypt, survivors: survivors).consent.value,
            { try MaskConsent($0).value }),
        Sample(
            "mask-disclosure",
            MaskDisclosure(
                MaskDecision(stage: encrypt, survivors: survivors).choice, sealed: [1, 2, 3]
            ).value, { try MaskDisclosure($0).value }),
    ]
}
