internal import Encryption
internal import Federation
internal import Glibc
internal import Keys
internal import Publication
internal import Topology

/// What only publish's cloud holds: the key that opens sums, and the public half of its release key as minisign reads it.
enum PublishKeys {
    /// Makes the first pair unless there is one, and public keys again from the secrets if those alone are lost. True if
    /// something was made. The `clear` suite has no keys.
    static func completePaillier(in store: KeyStore, for topology: Topology) throws -> Bool {
        guard topology.suite == .paillier, topology.keys == .publisher else { return false }
        let cloud = topology.publish.cloud
        let numbers = store.paillierSecrets(of: cloud)
        guard !numbers.isEmpty else {
            try makePaillier(1, in: store, for: topology)
            return true
        }
        var made = false
        for number in numbers where !store.hasPaillierPublic(number, of: cloud) {
            let key = try PaillierPrivateKey(decoding: try store.paillierSecret(number, of: cloud))
            try store.storePaillierPublic(Array(key.publicKey.text.utf8), number: number, of: cloud)
            made = true
        }
        return made
    }

    /// Makes the pair of a number that no key has yet.
    static func makePaillier(_ number: Int, in store: KeyStore, for topology: Topology) throws {
        guard let profile = PaillierProfile(rawValue: topology.profile.rawValue) else {
            throw EncryptionError.invalidKey(what: "Paillier profile", "\(topology.profile) is not known here")
        }
        let key = try PaillierPrivateKey.generate(
            profile: profile, threads: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        try store.storePaillier(
            secret: try key.encoded(), publicKey: Array(key.publicKey.text.utf8), number: number,
            of: topology.publish.cloud)
    }

    /// `minisign -V -p STATE/keys/public/CLOUD/minisign.pub` checks releases with it.
    static func completeMinisign(in store: KeyStore, of cloud: CloudName) throws {
        guard !store.hasMinisignPublic(of: cloud) else { return }
        let key = Minisign.PublicKey(try store.releaseVerifyingKey(of: cloud))
        try store.storeMinisignPublic(Array(key.file.utf8), of: cloud)
    }
}
