internal import MessagePack
package import Sodium

// How the documents of a masked round travel: as payloads of transfers. Those of one stage go with their signature, as they
// are shown to others; aggregate's own go as they are, under the signature of their offer.

extension Signed {
    /// The largest document that travels so: a cloud's shares for the largest cohort.
    private static var longestDocument: Int { 96 << 10 }

    /// The payload of a transfer that carries this document, signed by `signer`.
    package func payload(by signer: StageName) -> [UInt8] { encode(SignedBytes(self, by: signer).value) }

    /// The document in such a payload, if it is said to be of `stage` and `stage` has signed it.
    package init(
        payload: [UInt8], of stage: StageName, key: (StageName) throws -> any SignatureVerifier
    ) throws {
        let signed = try SignedBytes(decodeDocument(payload), at: Content.kind, limit: Self.longestDocument)
        guard signed.signer == stage else { throw FederationError.badSignature(signer: "\(stage)") }
        try self.init(signed, key: key)
    }

    fileprivate init(_ signed: SignedBytes, key: (StageName) throws -> any SignatureVerifier) throws {
        try self.init(
            bytes: signed.bytes, signature: signed.signature, key: key(signed.signer), signer: "\(signed.signer)")
    }

    fileprivate static func list(
        _ name: String, in fields: inout Fields, at place: String, key: (StageName) throws -> any SignatureVerifier
    ) throws -> [Signed<Content>] {
        try fields.list(name, limit: MaskRoster.maximumAdvertisements).map {
            try Signed(SignedBytes($0, at: "\(place).\(name)", limit: longestDocument), key: key)
        }
    }
}

extension Declaration {
    /// The payload of a transfer that carries this document without a signature of its own.
    package var payload: [UInt8] { encode(value) }
    package init(payload: [UInt8]) throws { try self.init(decodeDocument(payload)) }
}

/// An agreement, and the shares that its members have dealt: what each member and publish is sent.
package struct MaskDealing: Sendable {
    /// Up to so many clouds a dealing is a document of the wire: each deals to each.
    package static let maximumClouds = 128
    package static let maximumByteCount = 4 << 20

    package let agreement: MaskAgreement
    package let shares: [Signed<MaskShares>]

    package init(agreement: MaskAgreement, shares: [Signed<MaskShares>]) {
        self.agreement = agreement
        self.shares = shares
    }

    package var payload: [UInt8] {
        encode(
            .map([
                ("agreement", agreement.value),
                ("shares", .list(shares.map { SignedBytes($0, by: $0.content.stage).value })),
            ]))
    }

    package init(payload: [UInt8], key: (StageName) throws -> any SignatureVerifier) throws {
        var fields = try Fields(decodeDocument(payload), at: "mask-dealing")
        agreement = try MaskAgreement(fields.take("agreement"))
        shares = try Signed.list("shares", in: &fields, at: "mask-dealing", key: key)
        try fields.finish()
    }
}

/// The survivors' consents to one set, all of them: what each survivor is sent before it opens anything.
package struct MaskConsents: Sendable {
    package static let maximumByteCount = 256 << 10

    package let consents: [Signed<MaskConsent>]

    package init(_ consents: [Signed<MaskConsent>]) { self.consents = consents }

    package var payload: [UInt8] {
        encode(.map([("consents", .list(consents.map { SignedBytes($0, by: $0.content.stage).value }))]))
    }

    package init(payload: [UInt8], key: (StageName) throws -> any SignatureVerifier) throws {
        var fields = try Fields(decodeDocument(payload), at: "mask-consents")
        consents = try Signed.list("consents", in: &fields, at: "mask-consents", key: key)
        try fields.finish()
    }
}

extension MaskAgreement {
    /// What a contribution says of the agreement that it is masked for: the first bytes of its digest.
    package static func name(_ digest: Digest) -> [UInt8] { Array(digest.bytes.prefix(nameByteCount)) }
    package static let nameByteCount = 16
}
