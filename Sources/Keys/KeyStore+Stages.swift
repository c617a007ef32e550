package import Federation
package import Sodium

/// A stage's keys, by number: 1 are the first, which the federation began with; the others follow when they are rotated.
extension KeyStore {
    package static let maximumStageKeys = 99

    // MARK: making

    /// Makes a stage's first two key pairs and its card; throws `KeyError.exists` where one of the files is there.
    package func generate(for stage: StageName) throws {
        for path in [curvePath(stage, 1), signPath(stage, 1), cardPath(stage, 1)] where KeyFile.exists(path) {
            throw KeyError.exists(path: path)
        }
        try complete(stage)
    }

    /// Makes what a stage lacks of its first keys and leaves the rest as it is, so it can be run again after a crash or for a
    /// stage that was added. True if something was made.
    @discardableResult
    package func complete(_ stage: StageName) throws -> Bool { try complete(stage, number: 1) }

    /// Makes further keys of a stage beside those that are there, and answers their number. The stage shows them from its next
    /// start on; whoever has the card believes both until the old one is revoked.
    package func renew(_ stage: StageName) throws -> Int {
        let next = (try cardNumbers(of: stage) + secretNumbers(of: stage)).max().map { $0 + 1 } ?? 1
        guard next <= KeyStore.maximumStageKeys else {
            throw KeyError.exists(path: cardPath(stage, KeyStore.maximumStageKeys))
        }
        try complete(stage, number: next)
        return next
    }

    @discardableResult
    private func complete(_ stage: StageName, number: Int) throws -> Bool {
        var made = false
        if !KeyFile.exists(curvePath(stage, number)) {
            try store(try BoxKeyPair().secret, kind: Kind.curve, at: curvePath(stage, number), of: stage.cloud)
            made = true
        }
        if !KeyFile.exists(signPath(stage, number)) {
            let seed = try SecretBytes.random(count: SigningKey.seedByteCount)
            try store(seed, kind: Kind.sign, at: signPath(stage, number), of: stage.cloud)
            made = true
        }
        let curve = try BoxKeyPair(secret: try curveSecret(of: stage, number: number)).publicKey
        let card = PublicCard(
            stage: stage, curve: curve, verifying: try signingKey(of: stage, number: number).verifyingKey)
        if KeyFile.exists(cardPath(stage, number)) {
            guard try self.card(of: stage, number: number) == card else {
                throw KeyError.mismatch(card: cardPath(stage, number))
            }
            return made
        }
        try writePublic(Array(card.text.utf8), at: cardPath(stage, number), of: stage.cloud)
        return true
    }

    // MARK: secrets

    /// The 32-byte Curve25519 secret.
    package func curveSecret(of stage: StageName, number: Int = 1) throws -> SecretBytes {
        try load(
            Kind.curve, count: BoxKeyPair.keyByteCount, at: curvePath(stage, number), what: "CURVE secret of \(stage)")
    }

    package func signingKey(of stage: StageName, number: Int = 1) throws -> SigningKey {
        let seed = try load(
            Kind.sign, count: SigningKey.seedByteCount, at: signPath(stage, number), what: "signing key of \(stage)")
        return try SigningKey(seed: seed)
    }

    /// The keys that a stage of this host shows: the newest whose secrets and card are here and that are not revoked.
    package func currentKeys(of stage: StageName) throws -> Int {
        let revoked = try revokedCards(of: stage.cloud)
        let numbers = try secretNumbers(of: stage).filter { KeyFile.exists(cardPath(stage, $0)) }
        guard let newest = numbers.max() else {
            // Says which file is missing.
            _ = try curveSecret(of: stage)
            _ = try card(of: stage)
            return 1
        }
        for number in numbers.sorted(by: >) {
            let card = try card(of: stage, number: number)
            if !revoked.contains(where: { $0.card == card }) { return number }
        }
        throw KeyError.revoked(
            stage: "\(stage)", path: cardPath(stage, newest),
            reason: revoked.last { $0.card.stage == stage }?.reason ?? "")
    }

    /// The numbers of the key pairs whose secrets are here.
    package func secretNumbers(of stage: StageName) throws -> [Int] {
        try numbers(of: stage, in: secretFolder(of: stage.cloud), ending: "curve")
    }

    // MARK: cards

    package func card(of stage: StageName, number: Int = 1) throws -> PublicCard {
        let path = cardPath(stage, number)
        let bytes = try KeyFile.open(at: path, what: "public card of \(stage)")
        guard let text = String(validating: bytes, as: UTF8.self), let card = PublicCard(text: text) else {
            throw KeyError.malformed(
                path: path,
                "is not a stage's card: expected the lines stage:, curve: and sign:, 64 digits each; fetch it again from its cloud"
            )
        }
        guard card.stage == stage else {
            throw KeyError.malformed(path: path, "is the card of \(card.stage), not of \(stage)")
        }
        return card
    }

    /// The numbers of a stage's cards, oldest first.
    package func cardNumbers(of stage: StageName) throws -> [Int] {
        try numbers(of: stage, in: "\(root)/public/\(stage.cloud)", ending: "pub")
    }

    /// A stage's cards, newest first.
    package func cards(of stage: StageName) throws -> [PublicCard] {
        try cardNumbers(of: stage).reversed().map { try card(of: stage, number: $0) }
    }

    /// The newest card of a stage that is not revoked: what is sealed for the stage is sealed to that. Throws where there is none.
    package func currentCard(of stage: StageName) throws -> PublicCard {
        let revoked = try revokedCards(of: stage.cloud)
        let cards = try cards(of: stage)
        if let newest = cards.first(where: { card in !revoked.contains { $0.card == card } }) { return newest }
        guard let last = revoked.last(where: { cards.contains($0.card) }) else { return try card(of: stage) }
        throw KeyError.revoked(
            stage: "\(stage)", path: publicPath(stage.cloud, RevokedCard.file), reason: last.reason)
    }

    /// Every card of public/, by stage and then newest first; a spoiled one is an error, not a gap.
    package func allCards() throws -> [PublicCard] {
        var cards: [PublicCard] = []
        for name in try cloudsWithCards() {
            for role in try rolesWithCards(of: name) { cards += try self.cards(of: StageName(cloud: name, role: role)) }
        }
        return cards
    }

    /// The stages of a cloud that have a card, of whatever number; other files are nobody's.
    private func rolesWithCards(of cloud: CloudName) throws -> [StageRole] {
        let roles = try FolderListing.names(in: "\(root)/public/\(cloud)").compactMap { name -> StageRole? in
            guard name.hasSuffix(".pub"), let stem = name.split(separator: ".").first else { return nil }
            do { return try StageRole(String(stem)) } catch { return nil }
        }
        return Set(roles).sorted()
    }

    /// The folders of public/ that may hold cards; others are nobody's.
    func cloudsWithCards() throws -> [CloudName] {
        try FolderListing.names(in: "\(root)/public").compactMap { name in
            do { return try CloudName(name) } catch { return nil }
        }
    }

    package func hasCard(of stage: StageName) -> Bool { KeyFile.exists(cardPath(stage, 1)) }

    /// Takes in another cloud's card; throws `KeyError.exists` where the stage has one.
    package func add(_ card: PublicCard) throws {
        try writePublic(Array(card.text.utf8), at: cardPath(card.stage, 1), of: card.stage.cloud)
    }

    // MARK: revocations

    /// The cards of a cloud that no longer count, in the order in which they were revoked.
    package func revokedCards(of cloud: CloudName) throws -> [RevokedCard] {
        let path = publicPath(cloud, RevokedCard.file)
        guard KeyFile.exists(path) else { return [] }
        let bytes = try KeyFile.open(at: path, what: "list of revoked keys")
        guard let text = String(validating: bytes, as: UTF8.self),
            let cards = RevokedCard.list(text), cards.allSatisfy({ $0.card.stage.cloud == cloud })
        else {
            throw KeyError.malformed(
                path: path,
                "expected lines of STAGE CURVE SIGN REASON for stages of \(cloud); `tributary revoke` writes them")
        }
        return cards
    }

    /// Adds a card to its cloud's list, whole or not at all; stages that run take it up by themselves.
    package func revoke(_ card: PublicCard, reason: String) throws {
        let cloud = card.stage.cloud
        let known = try revokedCards(of: cloud)
        guard !known.contains(where: { $0.card == card }) else { return }
        let text = (known + [RevokedCard(card: card, reason: reason)]).map(\.line).joined()
        try KeyFile.makeFolders(["public", cloud.description], below: root, mode: 0o755)
        try Array(text.utf8).withUnsafeBytes {
            try KeyFile.replace(publicPath(cloud, RevokedCard.file), mode: 0o644, $0)
        }
    }

    // MARK: files

    private func curvePath(_ stage: StageName, _ number: Int) -> String {
        secretPath(stage.cloud, KeyStore.file("\(stage.role)", number, "curve"))
    }
    private func signPath(_ stage: StageName, _ number: Int) -> String {
        secretPath(stage.cloud, KeyStore.file("\(stage.role)", number, "sign"))
    }
    package func cardPath(of stage: StageName, number: Int) -> String { cardPath(stage, number) }
    private func cardPath(_ stage: StageName, _ number: Int) -> String {
        publicPath(stage.cloud, KeyStore.file("\(stage.role)", number, "pub"))
    }

    /// Of the files `KIND.ENDING` and `KIND.2.ENDING`, `KIND.3.ENDING` and so on; what else lies there does not matter.
    private func numbers(of stage: StageName, in folder: String, ending: String) throws -> [Int] {
        let names = Set(try FolderListing.names(in: folder))
        return (1...KeyStore.maximumStageKeys).filter {
            names.contains(KeyStore.file("\(stage.role)", $0, ending))
        }
    }
}
