internal import Aggregation
internal import ArgumentParser
internal import Encryption
internal import Federation
internal import Keys
internal import Sodium
internal import Topology

struct AuditSum: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sum",
        abstract: "Adds up anew what the clouds signed in a round, and compares it with aggregate's sum.",
        discussion: """
            FOLDER is what aggregate keeps of a round (STATE/CLOUD/aggregate/evidence/ROUND; aggregate's config says of how many). \
            It needs no secret: the public cards and the public key of sums are in STATE/keys/public. A contribution that was \
            dropped, doubled, altered or made up is named. The key is that of the round, whatever has been chosen since. Status 0: the \
            sum is what the clouds signed; 1: it is not; 78: a card or that key is not here.
            """)

    @Argument(help: "The folder of a round's evidence.")
    var folder: String
    @Option(help: "The topology file; default: the one that TRIBUTARY_TOPOLOGY names.")
    var topology: String?
    @Option(help: "Where state is kept; default: $XDG_STATE_HOME/tributary/FEDERATION.")
    var state: String?
    @Option(help: "Threads that add.")
    var threads = 1
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        struct Part: Encodable {
            let cloud: String
            let digest: String
            let bytes: Int
            let problem: String?
        }
        let folder: String
        let round: UInt32
        let purpose: String
        let root: String
        let sound: Bool
        let contributions: [Part]
        let absent: [String]
        let problems: [String]
    }

    func run() throws {
        var options = TopologyOptions()
        (options.topology, options.state) = (topology, state)
        let topology = try options.load(warns: false)
        let store = KeyStore(root: topology.keysPath)
        let audit: Audit
        do {
            var search = topology.suite == .paillier ? SumKeys.search(in: store, of: topology.publish.cloud) : nil
            audit = try Audit(
                EvidenceFolder(folder), publisher: topology.publish,
                keys: { SignerKeys(try store.cards(of: $0).map(\.verifying)) },
                publicKey: { try search?.key($0.keyID) }, arePartsProved: topology.cloudsOpen, threads: max(1, threads))
        } catch let error as KeyError {
            throw LauncherError.configuration(error.description)
        } catch let error as EncryptionError where error.isMissingKey {
            throw LauncherError.configuration(
                "\(folder): \(error); an audit needs its public half, which is no secret: put it (paillier.pub, or paillier.N.pub) back into \(store.root)/public/\(topology.publish.cloud)"
            )
        } catch  where error is EvidenceFolder.Fault || error is FederationError || error is EncryptionError {
            throw LauncherError.runFailed("\(folder): \(error)")
        }
        try show(audit)
        guard audit.isSound else { throw ExitCode(1) }
    }

    private func show(_ audit: Audit) throws {
        let opening = audit.opening.content
        guard format == .text else {
            let answer = Answer(
                folder: folder, round: opening.round.value, purpose: opening.purpose.rawValue,
                root: audit.record.root.description, sound: audit.isSound,
                contributions: audit.findings.map {
                    .init(
                        cloud: $0.cloud.description, digest: $0.digest.description, bytes: $0.byteCount,
                        problem: $0.problem)
                }, absent: audit.absent.map(\.description), problems: audit.problems)
            return try Envelope(answer, exitCode: audit.isSound ? 0 : 1).printed()
        }
        let terminal = Terminal()
        func mark(_ isSound: Bool) -> String { isSound ? terminal.paint("✓", .green) : terminal.paint("✗", .red) }
        print("run \(opening.run), round \(opening.round), \(opening.purpose); Merkle root \(audit.record.root)")
        let width = audit.findings.map(\.cloud.description.count).max() ?? 0
        for finding in audit.findings {
            let name = Terminal.padded(finding.cloud.description, width)
            let what = finding.problem ?? "signed by its cloud, \(finding.byteCount) bytes, in the sum"
            print("\(mark(finding.problem == nil)) \(name)  \(finding.digest.short)  \(Terminal.printable(what))")
        }
        for cloud in audit.absent {
            print("  \(cloud) is not in the sum: ask it whether aggregate receipted a contribution of it")
        }
        for problem in audit.problems { print("\(mark(false)) \(Terminal.printable(problem))") }
        print(
            "\(mark(audit.isSound)) \(folder): the sum is \(audit.isSound ? "" : "not ")the product of what the clouds signed"
        )
    }
}
