import ArgumentParser
import Corpus

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads one cloud's tables as ingest does and prints its report; sends nothing.")

    @Argument(help: "The config file of an ingest stage.") var config: String
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let harmonised = try Ingest(IngestConfiguration.read(at: config)).harmonise()
        let report = IngestReport(harmonised, cloud: config)
        print(json ? String(decoding: try report.json(), as: UTF8.self) : report.text, terminator: "")
    }
}
