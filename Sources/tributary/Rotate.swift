internal import ArgumentParser
internal import Encryption
internal import Federation
internal import Keys
internal import Sodium
internal import Topology

struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Makes publish use the newest key of sums from its next round on, while the federation runs.",
        discussion: """
            Run on publish's host once every cloud's encrypt stage and aggregate have the key (`tributary deal --next`, or \
            `tributary keys --next`): nothing is restarted. The round that is open stays with its own key. A stage that lacks \
            the new one answers no round under it and says so (`opening_refused`).
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: "The number of the key to use; default: the newest. An older one goes back to it.")
    var key: Int?

    func run() throws {
        let topology = try options.load(clouds: [])
        guard topology.suite == .paillier else {
            throw LauncherError.configuration("`suite: \(topology.suite)` has no key of sums to rotate")
        }
        let store = KeyStore(root: topology.keysPath)
        let cloud = topology.publish.cloud
        do {
            let numbers = store.sumKeys(of: cloud)
            guard let newest = numbers.first else {
                throw LauncherError.configuration("there is no key of sums in \(store.root)/public/\(cloud)")
            }
            let number = key ?? newest
            guard numbers.contains(number) else {
                throw LauncherError.configuration(
                    "\(store.root)/public/\(cloud) has no key of sums \(number); there are: \(numbers.reversed().map(String.init).joined(separator: ", "))"
                )
            }
            let chosen = try SumKeys.checked(number, in: store, for: topology)
            try store.chooseSumKey(chosen.bytes)
            print("publish opens its next rounds with key \(number), \(chosen)")
            let lacking = topology.cloudsOpen ? topology.dataClouds.filter { !store.hasShare(number, of: $0) } : []
            if !lacking.isEmpty {
                print(
                    "the shares of \(lacking.sorted().map(\.description).joined(separator: ", ")) are not on this host: a cloud that has not got its own sits rounds out"
                )
            }
        } catch let error as KeyError {
            throw LauncherError.configuration(error.description)
        } catch  where error is EncryptionError || error is ThresholdError {
            throw LauncherError.configuration("that key cannot be used here: \(error)")
        }
    }
}

/// What commands say and check of the keys of sums.
enum SumKeys {
    static func text(_ number: Int, in store: KeyStore, of cloud: CloudName) throws -> String {
        String(decoding: try store.paillierPublic(number, of: cloud), as: UTF8.self)
    }

    static func search(in store: KeyStore, of cloud: CloudName) -> KeySearch<PaillierPublicKey> {
        KeySearch(numbers: { store.sumKeys(of: cloud) }, text: { try text($0, in: store, of: cloud) }) { $1.paillier }
    }

    /// The id of a key that publish can open rounds with on this host; throws what is wrong with it.
    static func checked(_ number: Int, in store: KeyStore, for topology: Topology) throws -> PaillierKeyID {
        let cloud = topology.publish.cloud
        let key = try FederationKey(text: text(number, in: store, of: cloud))
        if topology.cloudsOpen {
            _ = try key.shared(parties: topology.parties.count, threshold: topology.threshold)
        } else {
            let secret = try PaillierPrivateKey(decoding: store.paillierSecret(number, of: cloud))
            guard secret.publicKey.id == key.paillier.id else {
                throw EncryptionError.wrongKey(expected: key.paillier.id, found: secret.publicKey.id)
            }
        }
        return key.paillier.id
    }

    static func advice(_ number: Int) -> String {
        "nobody uses key \(number) yet: when every cloud has it (`tributary keys --list` shows ids), run `tributary rotate` on publish's host"
    }

    /// A line for each key that is here, oldest first, to be compared between hosts.
    static func listed(in store: KeyStore, for topology: Topology) throws -> [String] {
        guard topology.suite == .paillier else { return [] }
        let cloud = topology.publish.cloud
        let chosen = try store.chosenSumKey()
        return store.sumKeys(of: cloud).reversed().map { number in
            do {
                let id = try FederationKey(text: text(number, in: store, of: cloud)).paillier.id
                return "key of sums \(number)  \(id)\(chosen == id.bytes ? "  chosen for rounds to come" : "")"
            } catch { return "key of sums \(number)  \(Terminal.printable("\(error)"))" }
        }
    }
}
