import ArgumentParser
import EncryptLogic
import StageKit

@main
struct Encrypt: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-encrypt",
        abstract: "Seals a cloud's vectors and sends them to aggregate until it holds them.")

    @OptionGroup var options: StageOptions

    func run() async throws { await StageMain.run(EncryptProgram.program, options: options) }
}
