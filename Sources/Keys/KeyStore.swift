package import Federation
package import Sodium

/// The keys of a federation as one host holds them, below `root` (`STATE/keys`):
///
///     secret/CLOUD/STAGE.curve     the stage's identity on the wire, Curve25519
///     secret/CLOUD/STAGE.sign      its Ed25519 seed
///     secret/CLOUD/rounding.secret the cloud's stochastic rounding (`KeyStream`)
///     secret/CLOUD/paillier.secret the private key of sums, where publish runs; opaque here
///     secret/CLOUD/release.sign    the Ed25519 seed that signs releases, where publish runs
///     public/CLOUD/STAGE.pub       the stage's card
///     public/CLOUD/revoked         cards of the cloud that no longer count (`RevokedCard`)
///     public/CLOUD/paillier.pub    the public key of sums; opaque here
///     public/CLOUD/opening.share   the cloud's share of a shared key of sums, sealed for its encrypt stage; opaque here
///     key-of-sums                  which of several keys of sums publish opens rounds with, where publish runs
///     public/CLOUD/release.pub     the release key's public half, 64 hexadecimal digits
///     public/CLOUD/minisign.pub    the same for minisign(1)
///
/// There may be several keys of sums: the later ones are `paillier.2.secret`, `paillier.2.pub`, `opening.2.share`, and so on;
/// and several of a stage while they are rotated: `STAGE.2.curve`, `STAGE.2.sign`, `STAGE.2.pub`.
///
/// Secrets: folders 0700, files 0600, refused when others can reach them. Nothing is ever overwritten. What lies in public/
/// is what clouds send each other.
package struct KeyStore: Sendable {
    package let root: String
    /// The folder with this host's one stage's secrets, side by side, where its supervisor lends them (systemd's credentials,
    /// a container's secrets); nil for `secret/CLOUD` below the root.
    package let secrets: String?

    package init(root: String, secrets: String? = nil) {
        self.root = root
        self.secrets = secrets
    }

    /// Where the secrets of a cloud's stages lie.
    package func secretFolder(of cloud: CloudName) -> String { secrets ?? "\(root)/secret/\(cloud)" }

    // MARK: a cloud's keys

    /// Makes the secret of a cloud's stochastic rounding unless it is there. True if it was made.
    @discardableResult
    package func completeRoundingSecret(of cloud: CloudName) throws -> Bool {
        let path = secretPath(cloud, "rounding.secret")
        guard !KeyFile.exists(path) else { return false }
        try store(try SecretBytes.random(count: KeyStream.keyByteCount), kind: Kind.rounding, at: path, of: cloud)
        return true
    }

    /// 32 bytes, for `KeyStream`.
    package func roundingSecret(of cloud: CloudName) throws -> SecretBytes {
        try load(
            Kind.rounding, count: KeyStream.keyByteCount, at: secretPath(cloud, "rounding.secret"),
            what: "rounding secret of \(cloud)")
    }

    // MARK: publish's keys

    /// Makes the key that signs releases unless it is there. True if something was made.
    @discardableResult
    package func completeReleaseKey(of cloud: CloudName) throws -> Bool {
        let path = secretPath(cloud, "release.sign")
        var made = false
        if !KeyFile.exists(path) {
            let seed = try SecretBytes.random(count: SigningKey.seedByteCount)
            try store(seed, kind: Kind.release, at: path, of: cloud)
            made = true
        }
        let open = publicPath(cloud, "release.pub")
        let key = try releaseKey(of: cloud).verifyingKey
        guard KeyFile.exists(open) else {
            try writePublic(Array("\(key)\n".utf8), at: open, of: cloud)
            return true
        }
        guard try releaseVerifyingKey(of: cloud) == key else { throw KeyError.mismatch(card: open) }
        return made
    }

    package func releaseKey(of cloud: CloudName) throws -> SigningKey {
        let seed = try load(
            Kind.release, count: SigningKey.seedByteCount, at: secretPath(cloud, "release.sign"),
            what: "release signing key of \(cloud)")
        return try SigningKey(seed: seed)
    }

    package func releaseVerifyingKey(of cloud: CloudName) throws -> VerifyingKey {
        let path = publicPath(cloud, "release.pub")
        let bytes = try KeyFile.open(at: path, what: "release public key of \(cloud)")
        let text = String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
        guard let key = Hex.decode(text).flatMap({ VerifyingKey(bytes: $0) }) else {
            throw KeyError.malformed(path: path, "expected 64 hexadecimal digits")
        }
        return key
    }

    package func minisignPublicPath(of cloud: CloudName) -> String { publicPath(cloud, "minisign.pub") }

    package func hasMinisignPublic(of cloud: CloudName) -> Bool { KeyFile.exists(minisignPublicPath(of: cloud)) }

    /// The release key's public half as minisign reads it; the text is its library's.
    package func storeMinisignPublic(_ text: [UInt8], of cloud: CloudName) throws {
        try writePublic(text, at: minisignPublicPath(of: cloud), of: cloud)
    }

    // MARK: files

    enum Kind {
        static let curve = "tributary-curve-secret"
        static let sign = "tributary-signing-seed"
        static let release = "tributary-release-seed"
        static let rounding = "tributary-rounding-secret"
    }

    func secretPath(_ cloud: CloudName, _ file: String) -> String { "\(secretFolder(of: cloud))/\(file)" }
    func publicPath(_ cloud: CloudName, _ file: String) -> String { "\(root)/public/\(cloud)/\(file)" }

    func load(_ kind: String, count: Int, at path: String, what: String) throws -> SecretBytes {
        let text = try KeyFile.secret(at: path, what: what, isLent: secrets != nil)
        guard let secret = try SecretText.decode(text, kind: kind, count: count) else {
            throw KeyError.malformed(path: path, "expected one line, `\(kind):` and \(2 * count) hexadecimal digits")
        }
        return secret
    }

    func store(_ secret: SecretBytes, kind: String, at path: String, of cloud: CloudName) throws {
        try storeOpaque(try SecretText.encode(secret, kind: kind), at: path, of: cloud)
    }

    func storeOpaque(_ secret: SecretBytes, at path: String, of cloud: CloudName) throws {
        try KeyFile.makeFolders(["secret", cloud.description], below: root, mode: 0o700)
        try secret.withUnsafeBytes { try KeyFile.create(path, mode: 0o600, $0) }
    }

    func writePublic(_ bytes: [UInt8], at path: String, of cloud: CloudName) throws {
        try KeyFile.makeFolders(["public", cloud.description], below: root, mode: 0o755)
        try bytes.withUnsafeBytes { try KeyFile.create(path, mode: 0o644, $0) }
    }
}
