package import Federation
package import Sodium

/// Keys of sums, by number: 1 is the first, which the federation began with.
extension KeyStore {
    package static let maximumSumKeys = 999
    /// No more of them are looked at: whoever rotates so often deletes old ones.
    private static let keysLookedAt = 32

    /// The numbers of the keys of sums whose public half is here, newest first, at most 32. What else lies in the folder
    /// does not matter: names are asked for, not listed.
    package func sumKeys(of publisher: CloudName) -> [Int] {
        Array(
            (1...KeyStore.maximumSumKeys).reversed().lazy
                .filter { KeyFile.exists(paillierPublicPath(publisher, $0)) }.prefix(KeyStore.keysLookedAt))
    }

    /// The numbers of the private keys of sums that are here, oldest first.
    package func paillierSecrets(of cloud: CloudName) -> [Int] {
        (1...KeyStore.maximumSumKeys).filter { KeyFile.exists(paillierSecretPath(cloud, $0)) }
    }

    /// The number for another key: above every key, secret and share that is here. Throws when there are too many.
    package func nextSumKey(of publisher: CloudName, sharedBy clouds: [CloudName] = []) throws -> Int {
        let last = (1...KeyStore.maximumSumKeys).last { number in
            KeyFile.exists(paillierPublicPath(publisher, number))
                || KeyFile.exists(paillierSecretPath(publisher, number))
                || clouds.contains { KeyFile.exists(sharePath($0, number)) }
        }
        let next = (last ?? 0) + 1
        guard next <= KeyStore.maximumSumKeys else {
            throw KeyError.exists(path: paillierPublicPath(publisher, KeyStore.maximumSumKeys))
        }
        return next
    }

    // MARK: the key of one holder

    package func hasPaillierSecret(_ number: Int = 1, of cloud: CloudName) -> Bool {
        KeyFile.exists(paillierSecretPath(cloud, number))
    }

    package func hasPaillierPublic(_ number: Int = 1, of cloud: CloudName) -> Bool {
        KeyFile.exists(paillierPublicPath(cloud, number))
    }

    /// Stores a key of sums as its library encodes it, the public half last: without it nobody uses the key. Throws
    /// `KeyError.exists` where there is one of that number.
    package func storePaillier(
        secret: SecretBytes, publicKey: [UInt8], number: Int = 1, of cloud: CloudName
    ) throws {
        let path = paillierPublicPath(cloud, number)
        guard !KeyFile.exists(path) else { throw KeyError.exists(path: path) }
        try storeOpaque(secret, at: paillierSecretPath(cloud, number), of: cloud)
        try storePaillierPublic(publicKey, number: number, of: cloud)
    }

    /// The public key alone: on the hosts of the other clouds, or to write again what was lost.
    package func storePaillierPublic(_ publicKey: [UInt8], number: Int = 1, of cloud: CloudName) throws {
        try writePublic(publicKey, at: paillierPublicPath(cloud, number), of: cloud)
    }

    package func paillierSecret(_ number: Int = 1, of cloud: CloudName) throws -> SecretBytes {
        try KeyFile.secret(
            at: paillierSecretPath(cloud, number), what: "Paillier key of \(cloud)", isLent: secrets != nil)
    }

    package func paillierPublic(_ number: Int = 1, of cloud: CloudName) throws -> [UInt8] {
        try KeyFile.open(at: paillierPublicPath(cloud, number), what: "Paillier public key of \(cloud)")
    }

    // MARK: a shared key

    package func hasShare(_ number: Int = 1, of cloud: CloudName) -> Bool { KeyFile.exists(sharePath(cloud, number)) }

    /// A cloud's share of the key of sums, which the dealer sealed for that cloud's encrypt stage alone.
    package func storeShare(_ sealed: [UInt8], number: Int = 1, of cloud: CloudName) throws {
        try writePublic(sealed, at: sharePath(cloud, number), of: cloud)
    }

    package func share(_ number: Int = 1, of cloud: CloudName) throws -> [UInt8] {
        try KeyFile.open(at: sharePath(cloud, number), what: "sealed share of \(cloud)")
    }

    // MARK: which one publish uses

    private static let idByteCount = 16
    private var chosenPath: String { "\(root)/key-of-sums" }

    /// The id of the key that publish is to open its next round with; nil where nobody has chosen one.
    package func chosenSumKey() throws -> [UInt8]? {
        guard KeyFile.exists(chosenPath) else { return nil }
        let bytes = try KeyFile.open(at: chosenPath, what: "choice of a key of sums")
        let text = String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
        guard let id = Hex.decode(text), id.count == KeyStore.idByteCount else {
            throw KeyError.malformed(
                path: chosenPath,
                "expected \(2 * KeyStore.idByteCount) hexadecimal digits, the id of a key of sums; `tributary rotate` writes it"
            )
        }
        return id
    }

    /// Chooses the key for the rounds to come; takes the place of an earlier choice at once or not at all.
    package func chooseSumKey(_ id: [UInt8]) throws {
        try Array("\(Hex.encode(id))\n".utf8).withUnsafeBytes { try KeyFile.replace(chosenPath, mode: 0o600, $0) }
    }

    // MARK: files

    private func paillierPublicPath(_ cloud: CloudName, _ number: Int) -> String {
        publicPath(cloud, KeyStore.file("paillier", number, "pub"))
    }
    private func paillierSecretPath(_ cloud: CloudName, _ number: Int) -> String {
        secretPath(cloud, KeyStore.file("paillier", number, "secret"))
    }
    private func sharePath(_ cloud: CloudName, _ number: Int) -> String {
        publicPath(cloud, KeyStore.file("opening", number, "share"))
    }

    static func file(_ stem: String, _ number: Int, _ ending: String) -> String {
        number == 1 ? "\(stem).\(ending)" : "\(stem).\(number).\(ending)"
    }
}
