package import ArgumentParser
import Federation
package import Monitoring

/// The command line that every stage has: it chooses files and verbosity, nothing else.
package struct StageOptions: ParsableArguments, Sendable {
    @Option(help: ArgumentHelp("The topology file.", valueName: "file"))
    package var topology: String

    @Option(help: ArgumentHelp("The cloud whose stage this is.", valueName: "name"))
    package var cloud: String

    @Option(
        help: ArgumentHelp(
            "Which of the cloud's local-train stages it is, from 1 to \(StageRole.mostWorkers).", valueName: "number"))
    package var worker = 1

    @Option(
        help: ArgumentHelp(
            "The state root (default: $XDG_STATE_HOME/tributary/FEDERATION).", valueName: "directory"))
    package var state: String?

    @Option(help: ArgumentHelp("Its config, instead of the one that the topology names.", valueName: "file"))
    package var config: String?

    @Option(
        help: ArgumentHelp(
            "The folder with this stage's secret keys, where its supervisor lends them (default: keys/secret of the state root).",
            valueName: "directory"))
    package var secrets: String?

    @Option(
        help: ArgumentHelp(
            "Ask how the process that runs this stage on this state does, live or ready: exit with 0 if it is so, with 1 if not.",
            valueName: "what"))
    package var probe: StageProbe.Question?

    @Flag(help: "Check topology, config and keys, then exit.")
    package var check = false

    @Flag(
        help: ArgumentHelp(
            "Take over from the process that runs this stage now: get ready, test what can be tested, and wait until it has let go."
        ))
    package var standby = false

    @Flag(
        help: ArgumentHelp(
            "Do not give up the rights that the stage does not need (Landlock, seccomp). Its log says so."))
    package var unconfined = false

    @Option(help: "What to log: debug, info, warning or error.")
    package var logLevel: EventLevel = .info

    package init() {}
}

extension EventLevel: ExpressibleByArgument {}
extension StageProbe.Question: ExpressibleByArgument {}
