internal import Encryption
internal import Federation
internal import Glibc
internal import Keys
internal import Publication
internal import Topology

/// What only publish's cloud holds: the key that opens sums, and the public half of its release key as minisign reads it.
enum PublishKeys {
    /// Makes the pair unless it is there, and the public key again from the secret if that alone is lost. True if
    /// something was made. The `clear` suite has no keys.
    static func completePaillier(in store: KeyStore, for topology: Topology) throws -> Bool {
        guard topology.suite == .paillier, topology.keys == .publisher else { return false }
        let cloud = topology.publish.cloud
        if !store.hasPaillierSecret(of: cloud) {
            guard let profile = PaillierProfile(rawValue: topology.profile.rawValue) else {
                throw EncryptionError.invalidKey(what: "Paillier profile", "\(topology.profile) is not known here")
            }
            let key = try PaillierPrivateKey.generate(
                profile: profile, threads: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
            try store.storePaillier(
                secret: try key.encoded(), publicKey: Array(key.publicKey.text.utf8), of: cloud)
            return true
        }
        guard !store.hasPaillierPublic(of: cloud) else { return false }
        let key = try PaillierPrivateKey(decoding: try store.paillierSecret(of: cloud))
        try store.storePaillierPublic(Array(key.publicKey.text.utf8), of: cloud)
        return true
    }

    /// `minisign -V -p STATE/keys/public/CLOUD/minisign.pub` checks releases with it.
    static func completeMinisign(in store: KeyStore, of cloud: CloudName) throws {
        guard !store.hasMinisignPublic(of: cloud) else { return }
        let key = Minisign.PublicKey(try store.releaseVerifyingKey(of: cloud))
        try store.storeMinisignPublic(Array(key.file.utf8), of: cloud)
    }
}
