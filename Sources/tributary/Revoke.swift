internal import ArgumentParser
internal import Federation
internal import Keys
internal import Topology

struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Makes a stage's key count no more on this host, while the federation runs.",
        discussion: """
            Adds the key to STATE/keys/public/CLOUD/revoked. The stages of this host take that up within a second or two: \
            whoever shows the key is cut off, and what it signs is believed no more. Every host decides for itself: send the \
            file to the others, or have them run the same command. To get it back, take its line out of the file.
            """)

    @Argument(help: ArgumentHelp("Whose key: encrypt@north.", valueName: "stage"))
    var stage: String
    @OptionGroup var options: TopologyOptions
    @Option(help: ArgumentHelp("Which key, by its number or fingerprint, where there are several.", valueName: "key"))
    var key: String?
    @Option(help: "Why, in a few words: it stands in every log from then on.")
    var reason: String

    func run() throws {
        let topology = try options.load(clouds: [], warns: false)
        let name = try StageArgument.resolve(stage, in: topology)
        let store = KeyStore(root: topology.keysPath)
        do {
            let gone = Set(try store.revokedCards(of: name.cloud).map(\.card))
            let cards = try store.cardNumbers(of: name).map { (number: $0, card: try store.card(of: name, number: $0)) }
            let live = cards.filter { !gone.contains($0.card) }
            let chosen = live.filter { key == nil || key == "\($0.number)" || key == $0.card.fingerprint }
            guard let one = chosen.first, chosen.count == 1 else {
                let choices = live.map { "\($0.number) (\($0.card.fingerprint))" }.joined(separator: ", ")
                throw LauncherError.arguments(
                    live.isEmpty
                        ? "\(name) has no key in \(store.root)/public/\(name.cloud) that counts"
                        : "which key of \(name)? --key \(choices)")
            }
            try store.revoke(one.card, reason: reason)
            print("revoked key \(one.number) of \(name), card \(one.card.fingerprint), on this host")
            if live.count == 1 {
                print(
                    "\(name) has no other key here: its hubs refuse it until a card of another one comes (`tributary renew` on its own host)"
                )
            }
            print("for the other hosts: \(store.root)/public/\(name.cloud)/revoked")
        } catch let error as KeyError { throw LauncherError.configuration(error.description) }
    }
}

struct Renew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew",
        abstract: "Makes new keys of a stage beside its old ones, while the federation runs.",
        discussion: """
            Run on the stage's own host. Send the card that it names to the other hosts, into their keys/public: their stages \
            take it up by themselves and believe both keys. Then `tributary swap STAGE@CLOUD` makes the stage use the new \
            ones, and `tributary revoke STAGE@CLOUD --key NUMBER` on every host ends the old ones.
            """)

    @Argument(help: ArgumentHelp("Whose keys: encrypt@north.", valueName: "stage"))
    var stage: String
    @OptionGroup var options: TopologyOptions

    func run() throws {
        let topology = try options.load(clouds: [], warns: false)
        let name = try StageArgument.resolve(stage, in: topology)
        let store = KeyStore(root: topology.keysPath)
        do {
            guard try !store.secretNumbers(of: name).isEmpty else {
                throw LauncherError.configuration(
                    "the keys of \(name) are not on this host: run this where \(name.cloud)'s stages run")
            }
            let number = try store.renew(name)
            print("made keys \(number) of \(name), card \(try store.card(of: name, number: number).fingerprint)")
            print(
                "1. send the card to every other host, into keys/public/\(name.cloud)/: \(store.cardPath(of: name, number: number))"
            )
            print("2. then: tributary swap \(name.role)@\(name.cloud)")
            print(
                "3. then, on every host: tributary revoke \(name.role)@\(name.cloud) --key \(number - 1) --reason rotated"
            )
        } catch let error as KeyError { throw LauncherError.configuration(error.description) }
    }
}
