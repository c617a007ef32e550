internal import ArgumentParser
internal import Glibc
internal import Topology

struct Draw: ParsableCommand {
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case text, svg
    }

    static let configuration = CommandConfiguration(
        abstract: "Draws a topology: clouds, stages, what goes between them and what is encrypted.")

    @OptionGroup var options: TopologyOptions
    @Option(help: "text or svg.")
    var form: Form = .text
    @Option(name: .shortAndLong, help: "Write to this file; a name that ends in .svg makes a picture.")
    var output: String?

    func run() throws {
        let topology = try options.load()
        let asPicture = form == .svg || output?.hasSuffix(".svg") == true
        let drawing = asPicture ? topology.picture : topology.drawing
        guard let output else {
            print(drawing, terminator: "")
            return
        }
        let file = try Descriptor.opening(output, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.writeAll(drawing.utf8)
    }
}
