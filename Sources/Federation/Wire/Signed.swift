package import MessagePack
package import Sodium

/// What is said between stages and outlives the connection: a msgpack map with one canonical form, signed and journaled as
/// the bytes that were signed (docs/protocol.md, "Documents").
package protocol Declaration: Sendable, Equatable {
    /// Names the kind on the wire and separates the signatures of different kinds.
    static var kind: String { get }
    var run: RunName { get }
    var value: Value { get }
    init(_ value: Value) throws
}

/// A document with the bytes and the Ed25519 signature that it came with.
package struct Signed<Content: Declaration>: Sendable, Equatable {
    package let content: Content
    package let bytes: [UInt8]
    package let signature: Signature

    /// Encodes and signs.
    package init(_ content: Content, by key: SigningKey) {
        self.content = content
        bytes = encode(content.value)
        signature = key.signature(of: Self.message(bytes))
    }

    /// Takes bytes from a wire or a journal: signature first, then the content.
    package init(bytes: [UInt8], signature: [UInt8], key: any SignatureVerifier, signer: String) throws {
        guard let signature = Signature(bytes: signature), key.verifies(signature, of: Self.message(bytes)) else {
            throw FederationError.badSignature(signer: signer)
        }
        content = try Content(Self.value(of: bytes))
        self.bytes = bytes
        self.signature = signature
    }

    /// The signature of the same bytes by another key of the same signer.
    package func signature(by key: SigningKey) -> Signature { key.signature(of: Self.message(bytes)) }

    /// The same document under another key of its signer.
    package func signed(anew key: SigningKey) -> Signed {
        Signed(content: content, bytes: bytes, signature: signature(by: key))
    }

    private init(content: Content, bytes: [UInt8], signature: Signature) {
        self.content = content
        self.bytes = bytes
        self.signature = signature
    }

    /// Names the document: BLAKE2b of its bytes.
    package var digest: Digest { Digest(of: bytes) }

    private static func value(of bytes: [UInt8]) throws(FederationError) -> Value {
        do { return try decode(bytes) } catch { throw .malformed(place: Content.kind, error.description) }
    }

    /// What is signed: the kind before the bytes, so that no document can pass for one of another kind.
    private static func message(_ bytes: [UInt8]) -> [UInt8] {
        Array("tributary 1 \(Content.kind)\n".utf8) + bytes
    }
}

/// The msgpack value of a document that was verified before it was journaled.
package func decodeDocument(_ bytes: [UInt8]) throws -> Value { try decode(bytes) }
