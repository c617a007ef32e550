import ArgumentParser
import EncryptLogic
import StageKit

@main
enum Main {
    static func main() async { await StageMain.run(Encrypt.begin(EncryptProgram.program)) }
}

struct Encrypt: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-encrypt",
        abstract: "Seals a cloud's vectors and sends them to aggregate until it holds them.", version: Version.current)

    @OptionGroup var options: StageOptions
}
