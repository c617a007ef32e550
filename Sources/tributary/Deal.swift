internal import ArgumentParser
internal import Encryption
internal import Federation
internal import Glibc
internal import Keys
internal import Topology

struct Deal: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deal",
        abstract: "Makes the key of sums that the clouds share; never overwrites one.",
        discussion: """
            Run once, by someone whom all clouds trust for that minute, where the cards of all encrypt stages are in \
            STATE/keys/public. The key exists in guarded memory alone and is wiped: what is left is the public key, for everyone, \
            and for each cloud STATE/keys/public/CLOUD/opening.share, sealed so that its encrypt stage alone can open it. Under \
            `keys: clouds` every share is the whole key: any one cloud can open sums, and what another cloud has sent. Under \
            `keys: threshold` that takes several.

            The key has safe primes, and the topology's `profile` (default: standard). What each profile rests on over these:
            \(PaillierKeyKind.all.filter { $0.structure == .safePrimes }.map { "\($0): \($0.assumption)." }.joined(separator: "\n"))

            With --next it deals another key beside those that are there (paillier.2.pub and opening.2.share, then 3, ...), while \
            the federation runs: send them out, and when every cloud has its own, `tributary rotate` makes publish use it.
            """)

    @OptionGroup var options: TopologyOptions
    @Flag(help: "Deal another key beside those that are there, to rotate to.")
    var next = false

    func run() throws {
        try SecretProcess.begin()
        let topology = try options.load(clouds: [])
        guard topology.cloudsOpen else {
            throw LauncherError.configuration(
                "\(topology.file) says `suite: \(topology.suite)`, `keys: \(topology.keys)`: only `keys: threshold` and `keys: clouds` have a key to deal"
            )
        }
        do {
            let store = KeyStore(root: topology.keysPath)
            if next {
                guard !store.sumKeys(of: topology.publish.cloud).isEmpty else {
                    throw LauncherError.configuration(
                        "there is no key of sums in \(store.root) that another could follow: without --next the first is dealt; put the earlier keys here"
                    )
                }
                let number = try store.nextSumKey(of: topology.publish.cloud, sharedBy: topology.dataClouds)
                _ = try SharedKey.deal(number, in: store, for: topology)
                print(SumKeys.advice(number))
            } else if try SharedKey.complete(in: store, for: topology) == nil {
                print("nothing to deal: the key of sums is there; --next deals another beside it")
            }
        } catch let error as KeyError { throw LauncherError.configuration(error.description) }
    }
}

/// The key that the clouds of a federation share.
enum SharedKey {
    /// Deals it unless its public half is there, and tells so; nil where there was nothing to do.
    static func complete(in store: KeyStore, for topology: Topology) throws -> ThresholdPublicKey? {
        let publisher = topology.publish.cloud
        guard topology.cloudsOpen, store.sumKeys(of: publisher).isEmpty else { return nil }
        for cloud in topology.dataClouds where store.hasShare(of: cloud) {
            throw LauncherError.configuration(
                "\(cloud) has a share of an earlier key, whose public half is gone: put it back, or move the shares away"
            )
        }
        return try deal(1, in: store, for: topology)
    }

    /// Deals the key of a number that no key has yet, and tells so.
    static func deal(_ number: Int, in store: KeyStore, for topology: Topology) throws -> ThresholdPublicKey {
        let publisher = topology.publish.cloud
        let clouds = topology.dataClouds.sorted()
        let cards = try clouds.map { try store.currentCard(of: StageName(cloud: $0, kind: .encrypt)) }
        print("looking for two safe primes for the clouds' key: some seconds, now and then half a minute")
        let clock = ContinuousClock()
        let start = clock.now
        guard let profile = PaillierProfile(rawValue: topology.profile.rawValue) else {
            throw EncryptionError.invalidKey(what: "Paillier profile", "\(topology.profile) is not known here")
        }
        let (key, shares) = try ThresholdDealer.deal(
            profile: profile, parties: clouds.count, threshold: topology.threshold,
            threads: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        // The public half last: without it nobody uses a share.
        for (cloud, (card, share)) in zip(clouds, zip(cards, shares)) {
            try store.storeShare(try share.sealed(to: card.curve), number: number, of: cloud)
        }
        try store.storePaillierPublic(Array(key.text.utf8), number: number, of: publisher)
        let seconds = (clock.now - start) / .seconds(1)
        print(
            "dealt key \(number), \(key.id), of \(key.bits) bits to \(clouds.map(\.description).joined(separator: ", ")) in \(Int(seconds.rounded())) s: \(key.threshold == 1 ? "each of them alone opens a sum" : "any \(key.threshold) of them open a sum")"
        )
        return key
    }
}
