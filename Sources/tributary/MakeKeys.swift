internal import ArgumentParser
internal import Encryption
internal import Federation
internal import Keys
internal import Topology

struct MakeKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes the keys that are missing; never overwrites one.",
        discussion: """
            Each cloud runs this for itself (--cloud NAME) and sends STATE/keys/public/NAME to the others, who put it into \
            theirs. Secrets stay in STATE/keys/secret, readable by their owner alone.

            The key that opens sums is made as the topology's `profile` says (default: standard); a shared key (`keys: threshold` or `keys: clouds`) \
            has safe primes. What each rests on:
            \(PaillierKeyKind.all.map { "\($0): \($0.assumption)." }.joined(separator: "\n"))

            With --next, and `keys: publisher`, publish's cloud makes another key of sums beside those that are there, while \
            the federation runs (paillier.2.pub, then 3, ...): send it out, and when everyone has it, `tributary rotate` makes \
            publish use it. Where clouds open sums that is `tributary deal --next`.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: "Make the keys of this cloud alone (repeatable).")
    var cloud: [String] = []
    @Flag(help: "Make nothing: list the public cards at hand, with fingerprints to compare by telephone.")
    var list = false
    @Flag(help: "Make another key of sums beside those that are there, to rotate to, and nothing else.")
    var next = false

    func run() throws {
        try SecretProcess.begin()
        let topology = try options.load(clouds: cloud)
        let store = KeyStore(root: topology.keysPath)
        do {
            if list {
                try show(topology, store)
            } else if next {
                try makeNext(topology, store)
            } else {
                try make(topology, store)
            }
        } catch let error as KeyError { throw LauncherError.configuration(error.description) }
    }

    private func make(_ topology: Topology, _ store: KeyStore) throws {
        var made = 0
        let stages = topology.stages(in: cloud)
        for stage in stages where try store.complete(stage) {
            made += 1
            print("made \(stage): CURVE and signing keys, card \(try store.card(of: stage).fingerprint)")
        }
        for name in topology.dataClouds where stages.contains(where: { $0.cloud == name }) {
            guard try store.completeRoundingSecret(of: name) else { continue }
            made += 1
            print("made \(name): secret of stochastic rounding")
        }
        if stages.contains(topology.publish) {
            let name = topology.publish.cloud
            if try store.completeReleaseKey(of: name) {
                made += 1
                print("made \(name): key that signs releases, \(try store.releaseVerifyingKey(of: name))")
            }
            try PublishKeys.completeMinisign(in: store, of: name)
            if try PublishKeys.completePaillier(in: store, for: topology) {
                made += 1
                print("made \(name): Paillier keys, of which the secret one opens sums")
            }
        }
        let isAll = Set(stages) == Set(topology.stages.map(\.name))
        if topology.cloudsOpen, isAll, try SharedKey.complete(in: store, for: topology) != nil { made += 1 }
        if made == 0 { print("nothing to make: every key is in \(store.root)") }
        if topology.cloudsOpen, !isAll, store.sumKeys(of: topology.publish.cloud).isEmpty {
            print("the clouds' key of sums is still to be dealt, once all cards are there: tributary deal")
        }
        let missing = topology.stages.map(\.name).filter { !store.hasCard(of: $0) }
        if !missing.isEmpty {
            print(
                "still to come from their clouds, into \(store.root)/public: \(missing.map(\.description).joined(separator: ", "))"
            )
        }
    }

    private func makeNext(_ topology: Topology, _ store: KeyStore) throws {
        guard topology.suite == .paillier, topology.keys == .publisher,
            topology.stages(in: cloud).contains(topology.publish)
        else {
            throw LauncherError.configuration(
                topology.cloudsOpen
                    ? "the clouds share the key of sums: `tributary deal --next` deals another"
                    : "another key of sums is made where publish runs, \(topology.publish.cloud), and under `suite: paillier` alone"
            )
        }
        let name = topology.publish.cloud
        guard !store.paillierSecrets(of: name).isEmpty else {
            throw LauncherError.configuration(
                "there is no key of sums in \(store.root) that another could follow: `tributary keys` makes the first")
        }
        let number = try store.nextSumKey(of: name)
        try PublishKeys.makePaillier(number, in: store, for: topology)
        print("made \(name): Paillier key \(number), of which the secret half opens sums")
        print(SumKeys.advice(number))
    }

    private func show(_ topology: Topology, _ store: KeyStore) throws {
        let width = topology.stages.map(\.name.description.count).max() ?? 0
        for stage in topology.stages(in: cloud) {
            let numbers = try store.cardNumbers(of: stage)
            let revoked = Dictionary(try store.revokedCards(of: stage.cloud).map { ($0.card, $0.reason) }) { $1 }
            let name = Terminal.padded(stage.description, width)
            if numbers.isEmpty { print("\(name)  no card") }
            for number in numbers {
                let card = try store.card(of: stage, number: number)
                let which = numbers.count > 1 ? "  key \(number)" : ""
                let end = revoked[card].map { "  revoked: \(Terminal.printable($0))" } ?? ""
                print("\(name)  \(card.fingerprint)\(which)\(end)")
            }
        }
        for line in try SumKeys.listed(in: store, for: topology) { print(line) }
    }
}
