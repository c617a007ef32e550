internal import ArgumentParser
internal import Configuration
internal import Glibc
internal import StageKit

struct Tributary: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary",
        abstract: "Fine-tunes one model over data that stays in its clouds: launches and watches the stages.",
        version: Version.current,
        groupedSubcommands: [
            CommandGroup(
                name: "Describe", subcommands: [Validate.self, Draw.self, Plan.self, ScheduleCommand.self, Schema.self]),
            CommandGroup(
                name: "Keys", subcommands: [MakeKeys.self, Renew.self, Revoke.self, Deal.self, Rotate.self]),
            CommandGroup(
                name: "Run",
                subcommands: [Up.self, Ps.self, Doctor.self, Swap.self, Apply.self, Down.self, Export.self]),
            CommandGroup(
                name: "Watch",
                subcommands: [
                    TopCommand.self, WebCommand.self, Logs.self, EventsCommand.self, TraceCommand.self,
                    MetricsCommand.self, ProbeCommand.self, CostCommand.self, MonitorCommand.self,
                ]),
            CommandGroup(name: "Account", subcommands: [Verify.self, AuditCommand.self]),
            CommandGroup(name: "Try", subcommands: [Demo.self]),
        ])
}

@main
enum Main {
    static func main() {
        do {
            var command = try Tributary.parseAsRoot()
            try command.run()
        } catch let error as LauncherError {
            Terminal.warn(error.description)
            exit(error.status)
        } catch let error as ConfigurationError {
            Terminal.complain("\(error)")
            exit(78)
        } catch let code as ExitCode {
            exit(code.rawValue)
        } catch {
            // Help and version are errors to the parser, with a status of 0; wrong arguments are 4 here, not its 64.
            let code = Tributary.exitCode(for: error)
            guard code == .success || code == .validationFailure else {
                Terminal.warn("\(error)")
                exit(5)
            }
            let message = Tributary.fullMessage(for: error)
            if code == .success {
                print(message)
                exit(0)
            }
            Terminal.complain(message)
            exit(4)
        }
    }
}
