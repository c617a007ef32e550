import ArgumentParser
import Corpus

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes three clouds' raw tables, and what is true of them beside.",
        discussion: "docs/generator.md says what is in them. The same seed writes the same bytes.")

    @Option(help: "Draws another population.") var seed: UInt64 = 1
    @Option(help: "Stays of each cloud.") var stays = 480
    @Option(help: "The folder to make.") var out: String

    func validate() throws {
        guard (10...100_000).contains(stays) else {
            throw ValidationError("--stays: expected 10 to 100000, found \(stays)")
        }
    }

    func run() throws {
        let truths = try Generator(seed: seed, staysPerCloud: stays).write(to: out)
        for cloud in Generator.clouds {
            let here = truths.filter { $0.cloud == cloud.name }
            let patients = Set(here.map(\.patient)).count
            print("\(out)/\(cloud.name): \(here.count) stays, \(patients) patients, \(here.count(where: \.died)) died")
        }
        print("\(out)/truth.csv: the true probabilities, for the Bayes AUROC; no cloud reads it")
    }
}
