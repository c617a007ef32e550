package import ArgumentParser
package import Configuration
internal import Glibc
internal import Monitoring

/// A stage's command line. A wrong one ends with 4, as the exit codes of docs/operating.md have it, where the parser's own is 64.
package protocol StageCommand: ParsableCommand {
    var options: StageOptions { get }
}

extension StageCommand {
    /// Reads the command line and the files that it names, and confines the process: to be called first, before anything starts a
    /// thread, as Landlock binds the thread that asks and those that it starts. Ends the process where there is nothing to run.
    package static func begin<StageConfiguration: Configurable & Sendable, Prepared: Sendable>(
        _ program: StageProgram<StageConfiguration, Prepared>
    ) -> BegunStage<StageConfiguration, Prepared> {
        let options: StageOptions
        do {
            var command = try parseAsRoot()
            guard let stage = command as? Self else {
                try command.run()
                Glibc.exit(ExitStatus.ok.rawValue)
            }
            options = stage.options
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
        do { return try StageMain.begin(program, options) } catch { StageMain.fail(error, program.kind) }
    }
}
