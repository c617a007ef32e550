package import MessagePack
package import Sodium

/// A signed document inside another one, and whose it is said to be.
package struct SignedBytes: Hashable, Sendable {
    package let signer: StageName
    package let bytes: [UInt8]
    package let signature: [UInt8]

    package init(signer: StageName, bytes: [UInt8], signature: [UInt8]) {
        self.signer = signer
        self.bytes = bytes
        self.signature = signature
    }

    package init<Content: Declaration>(_ document: Signed<Content>, by signer: StageName) {
        self.init(signer: signer, bytes: document.bytes, signature: document.signature.bytes)
    }

    var value: Value {
        .map([
            ("stage", .text(signer.description)), ("document", .bytes(bytes)), ("signature", .bytes(signature)),
        ])
    }

    init(_ value: Value, at place: String, limit: Int = 1024) throws {
        var fields = try Fields(value, at: place)
        signer = try fields.stage("stage")
        bytes = try fields.bytes("document", limit: limit)
        signature = try fields.bytes("signature", limit: Signature.byteCount)
        try fields.finish()
    }
}

/// The keys of one stage for the masks of one round: of the encrypt stages of the cohort, and of publish. Signed by it.
package struct MaskAdvertisement: MaskDocument {
    package static let kind = "mask-advertisement"
    package static let keyByteCount = BoxKeyPair.keyByteCount
    /// With the longest names of as many clouds as a masked round takes.
    package static let maximumByteCount = 8 << 10

    package let head: MaskHead
    package let stage: StageName
    /// X25519: masks of pairs come from it. Its secret is opened if the cloud drops out.
    package let maskKey: [UInt8]
    /// X25519: what is sealed to this stage comes under it. Its secret is never opened.
    package let sharingKey: [UInt8]
    /// What the cloud has helped to open from the round's adapter.
    package let helped: HelpedSum?

    package init(
        head: MaskHead, stage: StageName, maskKey: [UInt8], sharingKey: [UInt8], helped: HelpedSum? = nil
    ) {
        self.head = head
        self.stage = stage
        self.maskKey = maskKey
        self.sharingKey = sharingKey
        self.helped = helped
    }

    package var value: Value {
        .map(
            head.pairs + [
                ("stage", .text(stage.description)), ("mask-key", .bytes(maskKey)), ("sharing-key", .bytes(sharingKey)),
                ("helped", .optional(helped)),
            ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        head = try MaskHead(&fields)
        stage = try fields.stage("stage")
        maskKey = try fields.key("mask-key")
        sharingKey = try fields.key("sharing-key")
        helped = try fields.helped("helped", at: Self.kind)
        try fields.finish()
    }
}

/// Whose keys make the masks of a round: the advertisements as they were signed, in the order of their stages' names.
/// Made by aggregate.
package struct MaskRoster: MaskDocument {
    package static let kind = "mask-roster"
    /// Clouds, and publish.
    package static let maximumAdvertisements = 256

    package let head: MaskHead
    /// Shares that open what was shared.
    package let threshold: Int
    package let advertisements: [SignedBytes]

    package init(
        head: MaskHead, threshold: Int, advertisements: [SignedBytes]
    ) {
        self.head = head
        self.threshold = threshold
        self.advertisements = advertisements
    }

    package var value: Value {
        .map(
            head.pairs + [
                ("threshold", .number(threshold)), ("advertisements", .list(advertisements.map(\.value))),
            ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: Self.kind)
        head = try MaskHead(&fields)
        threshold = try fields.integer("threshold", in: 2...MaskRoster.maximumAdvertisements)
        advertisements = try fields.list("advertisements", limit: MaskRoster.maximumAdvertisements).map {
            try SignedBytes($0, at: "mask-roster.advertisements", limit: MaskAdvertisement.maximumByteCount)
        }
        try fields.finish()
    }
}

extension Declaration {
    /// Names a document that travels inside a signed one, or that nobody need sign: BLAKE2b of its bytes.
    package var documentDigest: Digest { Digest(of: encode(value)) }
}

extension Fields {
    mutating func key(_ name: String) throws(FederationError) -> [UInt8] {
        let key = try bytes(name, limit: BoxKeyPair.keyByteCount)
        guard key.count == BoxKeyPair.keyByteCount else {
            throw .malformed(place: name, "expected a key of 32 bytes, found \(key.count)")
        }
        return key
    }
}
