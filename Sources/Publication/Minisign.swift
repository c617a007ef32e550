package import Sodium

/// Keys and signatures in minisign's file formats, so that `minisign -V` checks a release with nothing of ours installed.
///
/// Source: https://jedisct1.github.io/minisign/, "Signature format" and "Public key format".
package enum Minisign {
    package static let maximumFileBytes = 4096
    private static let untrusted = "untrusted comment: "
    private static let trusted = "trusted comment: "

    /// A public key: `Ed`, an 8-byte id, 32 bytes of Ed25519.
    package struct PublicKey: Hashable, Sendable {
        package let id: [UInt8]
        package let key: VerifyingKey

        /// The id is the beginning of the key's digest, so the same key has the same id everywhere.
        package init(_ key: VerifyingKey) {
            id = Array(Digest(of: key.bytes).bytes.prefix(8))
            self.key = key
        }

        package init(file: String) throws(PublicationError) {
            let lines = try Minisign.lines(file, count: 2, what: "public key")
            guard lines[0].hasPrefix(untrusted) else { throw .minisign("a public key begins with \"\(untrusted)\"") }
            guard let bytes = Base64.decode(lines[1]), bytes.count == 42, bytes.starts(with: "Ed".utf8),
                let key = VerifyingKey(bytes: bytes[10...])
            else { throw .minisign("the public key's second line is not 42 bytes of base64 that begin with Ed") }
            id = Array(bytes[2..<10])
            self.key = key
        }

        /// The key alone, as `minisign -P` takes it.
        package var text: String { Base64.encode(Array("Ed".utf8) + id + key.bytes) }
        package var file: String { "\(untrusted)minisign public key \(Minisign.name(id))\n\(text)\n" }
    }

    /// A detached signature of the prehashed kind (`ED`): Ed25519 over BLAKE2b-512 of the file, and over that signature
    /// together with the trusted comment.
    package struct SignatureFile: Hashable, Sendable {
        package let keyID: [UInt8]
        package let signature: Signature
        package let trustedComment: String
        package let commentSignature: Signature

        package static func make(
            for message: some ContiguousCollection, key: SigningKey, trustedComment: String
        ) throws(PublicationError) -> SignatureFile {
            guard trustedComment.utf8.count <= 1024, trustedComment.utf8.allSatisfy({ $0 > 31 && $0 != 127 }) else {
                throw .minisign("a trusted comment is one line of at most 1024 printable bytes")
            }
            let signature = key.signature(of: Blake2b512.digest(of: message))
            return SignatureFile(
                keyID: PublicKey(key.verifyingKey).id, signature: signature, trustedComment: trustedComment,
                commentSignature: key.signature(of: signature.bytes + Array(trustedComment.utf8)))
        }

        private init(keyID: [UInt8], signature: Signature, trustedComment: String, commentSignature: Signature) {
            self.keyID = keyID
            self.signature = signature
            self.trustedComment = trustedComment
            self.commentSignature = commentSignature
        }

        package init(file: String) throws(PublicationError) {
            let lines = try Minisign.lines(file, count: 4, what: "signature")
            guard lines[0].hasPrefix(untrusted), lines[2].hasPrefix(trusted) else {
                throw .minisign("lines 1 and 3 of a signature begin with \"\(untrusted)\" and \"\(trusted)\"")
            }
            guard let bytes = Base64.decode(lines[1]), bytes.count == 74, bytes.starts(with: "ED".utf8),
                let signature = Signature(bytes: bytes[10...])
            else { throw .minisign("the signature's second line is not 74 bytes of base64 that begin with ED") }
            guard let last = Base64.decode(lines[3]), let commentSignature = Signature(bytes: last) else {
                throw .minisign("the signature's fourth line is not 64 bytes of base64")
            }
            self.init(
                keyID: Array(bytes[2..<10]), signature: signature,
                trustedComment: String(lines[2].dropFirst(trusted.count)), commentSignature: commentSignature)
        }

        package var file: String {
            let line = Base64.encode(Array("ED".utf8) + keyID + signature.bytes)
            return """
                \(untrusted)signature by Tributary, key \(Minisign.name(keyID))
                \(line)
                \(trusted)\(trustedComment)
                \(Base64.encode(commentSignature.bytes))

                """
        }

        /// Refuses, with the reason, unless both signatures are `key`'s.
        package func require(_ message: some ContiguousCollection, signedBy key: PublicKey) throws(PublicationError) {
            guard keyID == key.id else {
                throw .minisign("signed by key \(Minisign.name(keyID)), expected key \(Minisign.name(key.id))")
            }
            guard key.key.verifies(signature, of: Blake2b512.digest(of: message)) else {
                throw .minisign("the signature is not one of this file by key \(Minisign.name(keyID))")
            }
            guard key.key.verifies(commentSignature, of: signature.bytes + Array(trustedComment.utf8)) else {
                throw .minisign("the trusted comment was changed after it was signed")
            }
        }
    }

    /// The id as minisign prints it: a little-endian number in hexadecimal.
    private static func name(_ id: [UInt8]) -> String { Hex.encode(id.reversed()).uppercased() }

    private static func lines(_ file: String, count: Int, what: String) throws(PublicationError) -> [String] {
        guard file.utf8.count <= maximumFileBytes else {
            throw .minisign("a \(what) of \(file.utf8.count) bytes; at most \(maximumFileBytes) are read")
        }
        var lines = file.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        guard lines.count == count else {
            throw .minisign("a \(what) has \(count) lines, found \(lines.count)")
        }
        return lines
    }
}
