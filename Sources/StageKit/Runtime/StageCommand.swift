package import ArgumentParser
internal import Glibc

/// A stage's command: like any `AsyncParsableCommand`, but a wrong command line ends with 4, as the exit codes of
/// docs/operating.md have it, where the parser's own is 64.
package protocol StageCommand: AsyncParsableCommand {}

extension StageCommand {
    package static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let text = fullMessage(for: error)
            guard exitCode(for: error) != .success else {
                print(text)
                Glibc.exit(ExitStatus.ok.rawValue)
            }
            complain(text)
            Glibc.exit(
                exitCode(for: error) == .validationFailure
                    ? ExitStatus.badArguments.rawValue : ExitStatus.internal.rawValue)
        }
    }
}
