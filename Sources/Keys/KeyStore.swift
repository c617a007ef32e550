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
///     public/CLOUD/paillier.pub    the public key of sums; opaque here
///     public/CLOUD/opening.share   the cloud's share of a shared key of sums, sealed for its encrypt stage; opaque here
///     key-of-sums                  which of several keys of sums publish opens rounds with, where publish runs
///     public/CLOUD/release.pub     the release key's public half, 64 hexadecimal digits
///     public/CLOUD/minisign.pub    the same for minisign(1)
///
/// There may be several keys of sums: the later ones are `paillier.2.secret`, `paillier.2.pub`, `opening.2.share`, and so on.
///
/// Secrets: folders 0700, files 0600, refused when others can reach them. Nothing is ever overwritten. What lies in public/
/// is what clouds send each other.
package struct KeyStore: Sendable {
    package let root: String

    package init(root: String) { self.root = root }

    // MARK: a stage's keys

    /// Makes a stage's two key pairs and its card; throws `KeyError.exists` where one of the files is there.
    package func generate(for stage: StageName) throws {
        for path in [curvePath(stage), signPath(stage), cardPath(stage)] where KeyFile.exists(path) {
            throw KeyError.exists(path: path)
        }
        try complete(stage)
    }

    /// Makes what a stage lacks and leaves the rest as it is, so it can be run again after a crash or for a stage that was
    /// added. True if something was made.
    @discardableResult
    package func complete(_ stage: StageName) throws -> Bool {
        var made = false
        if !KeyFile.exists(curvePath(stage)) {
            try store(try BoxKeyPair().secret, kind: Kind.curve, at: curvePath(stage), of: stage.cloud)
            made = true
        }
        if !KeyFile.exists(signPath(stage)) {
            let seed = try SecretBytes.random(count: SigningKey.seedByteCount)
            try store(seed, kind: Kind.sign, at: signPath(stage), of: stage.cloud)
            made = true
        }
        let card = PublicCard(
            stage: stage, curve: try BoxKeyPair(secret: try curveSecret(of: stage)).publicKey,
            verifying: try signingKey(of: stage).verifyingKey)
        if KeyFile.exists(cardPath(stage)) {
            guard try self.card(of: stage) == card else { throw KeyError.mismatch(card: cardPath(stage)) }
            return made
        }
        try writePublic(Array(card.text.utf8), at: cardPath(stage), of: stage.cloud)
        return true
    }

    /// The 32-byte Curve25519 secret.
    package func curveSecret(of stage: StageName) throws -> SecretBytes {
        try load(Kind.curve, count: BoxKeyPair.keyByteCount, at: curvePath(stage), what: "CURVE secret of \(stage)")
    }

    package func signingKey(of stage: StageName) throws -> SigningKey {
        let seed = try load(
            Kind.sign, count: SigningKey.seedByteCount, at: signPath(stage), what: "signing key of \(stage)")
        return try SigningKey(seed: seed)
    }

    // MARK: cards

    package func card(of stage: StageName) throws -> PublicCard {
        let path = cardPath(stage)
        let bytes = try KeyFile.open(at: path, what: "public card of \(stage)")
        guard let text = String(validating: bytes, as: UTF8.self), let card = PublicCard(text: text) else {
            throw KeyError.malformed(
                path: path, "is not a stage's card: expected the lines stage:, curve: and sign:, 64 digits each")
        }
        guard card.stage == stage else {
            throw KeyError.malformed(path: path, "is the card of \(card.stage), not of \(stage)")
        }
        return card
    }

    /// Every card of public/, by stage; a spoiled one is an error, not a gap.
    package func allCards() throws -> [PublicCard] {
        var cards: [PublicCard] = []
        for cloud in try FolderListing.names(in: "\(root)/public") {
            for file in try FolderListing.names(in: "\(root)/public/\(cloud)") where file.hasSuffix(".pub") {
                guard let kind = StageKind(rawValue: String(file.dropLast(4))) else { continue }
                cards.append(try card(of: StageName(cloud: try CloudName(cloud), kind: kind)))
            }
        }
        return cards.sorted { $0.stage < $1.stage }
    }

    package func hasCard(of stage: StageName) -> Bool { KeyFile.exists(cardPath(stage)) }

    /// Takes in another cloud's card; throws `KeyError.exists` where the stage has one.
    package func add(_ card: PublicCard) throws {
        try writePublic(Array(card.text.utf8), at: cardPath(card.stage), of: card.stage.cloud)
    }

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

    private enum Kind {
        static let curve = "tributary-curve-secret"
        static let sign = "tributary-signing-seed"
        static let release = "tributary-release-seed"
        static let rounding = "tributary-rounding-secret"
    }

    func secretPath(_ cloud: CloudName, _ file: String) -> String { "\(root)/secret/\(cloud)/\(file)" }
    func publicPath(_ cloud: CloudName, _ file: String) -> String { "\(root)/public/\(cloud)/\(file)" }
    private func curvePath(_ stage: StageName) -> String { secretPath(stage.cloud, "\(stage.kind).curve") }
    private func signPath(_ stage: StageName) -> String { secretPath(stage.cloud, "\(stage.kind).sign") }
    private func cardPath(_ stage: StageName) -> String { publicPath(stage.cloud, "\(stage.kind).pub") }

    private func load(_ kind: String, count: Int, at path: String, what: String) throws -> SecretBytes {
        let text = try KeyFile.secret(at: path, what: what)
        guard let secret = try SecretText.decode(text, kind: kind, count: count) else {
            throw KeyError.malformed(path: path, "expected one line, `\(kind):` and \(2 * count) hexadecimal digits")
        }
        return secret
    }

    private func store(_ secret: SecretBytes, kind: String, at path: String, of cloud: CloudName) throws {
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
