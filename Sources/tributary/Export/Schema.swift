internal import ArgumentParser
internal import Federation
internal import Topology

struct Schema: ParsableCommand {
    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case topology, ingest
        case localTrain = "local-train"
        case encrypt, aggregate, publish
    }

    static let configuration = CommandConfiguration(
        abstract: "Prints the JSON Schema of a topology file or of a stage's config, for editors.",
        discussion: """
            It is derived from the reader that the programs have. What that checks across several keys is not in it: \
            `tributary validate` and `tributary-STAGE --check` have the last word.
            """)

    @Argument(help: "topology, or a stage: ingest, local-train, encrypt, aggregate, publish.")
    var subject: Subject

    func run() {
        guard let kind = StageKind(rawValue: subject.rawValue) else { return print(Topology.schema, terminator: "") }
        print(StagePrograms.schema(of: kind), terminator: "")
    }
}
