import ArgumentParser
import Corpus

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes three clouds' raw tables, and what is true of them beside.",
        discussion: "docs/generator.md says what is in them. The same seed writes the same bytes.")

    @Option(help: "Draws another population.") var seed: UInt64 = 1
    @Option(help: "Stays of each cloud.") var stays = 480
    @Option(help: "The folder to make.") var out: String
    @Option(
        help:
            "Who has which patients: schema (each cloud seldom measures something of its own), even, or dirichlet (--alpha)."
    )
    var split = "schema"
    @Option(help: "With `--split dirichlet`: the smaller, the more clouds differ.") var alpha = 0.5
    @Option(
        help:
            "A cloud that turns the outcomes of its training patients; --salt, --validation, --test as its ingest has them."
    )
    var liar: String?
    @Option(help: "With --liar: `split.salt` of its ingest config.") var salt = ""
    @Option(help: "With --liar: `split.validation`.") var validation = 0.1
    @Option(help: "With --liar: `split.test`.") var test = 0.2

    func validate() throws {
        guard (10...100_000).contains(stays) else {
            throw ValidationError("--stays: expected 10 to 100000, found \(stays)")
        }
        guard ["schema", "even", "dirichlet"].contains(split) else {
            throw ValidationError("--split: expected schema, even or dirichlet, found \(split)")
        }
        guard (0.05...1000).contains(alpha) else {
            throw ValidationError("--alpha: expected 0.05 to 1000, found \(alpha)")
        }
        if let liar, !Generator.clouds.contains(where: { $0.name == liar }) {
            throw ValidationError(
                "--liar: expected \(Generator.clouds.map(\.name).joined(separator: ", ")), found \(liar)")
        }
    }

    func run() throws {
        let dealt: Generator.Split =
            switch split {
            case "even": .even
            case "dirichlet": .dirichlet(alpha: alpha)
            default: .bySchema
            }
        let lies = liar.map {
            Generator.Liar(
                cloud: $0,
                partition: Partition(salt: salt, scheme: .shares(validation: validation, test: test)))
        }
        let truths = try Generator(seed: seed, staysPerCloud: stays, split: dealt, liar: lies).write(to: out)
        for cloud in Generator.clouds {
            let here = truths.filter { $0.cloud == cloud.name }
            let patients = Set(here.map(\.patient)).count
            print("\(out)/\(cloud.name): \(here.count) stays, \(patients) patients, \(here.count(where: \.died)) died")
        }
        print("\(out)/truth.csv: the true probabilities, for the Bayes AUROC; no cloud reads it")
    }
}
