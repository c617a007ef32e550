internal import ArgumentParser

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Answers an auditor: who could have seen what, and is the sum what the clouds signed.",
        discussion: """
            `tributary audit FOLDER` is `tributary audit sum FOLDER`. Every stage keeps a signed, chained trail of what an auditor asks \
            about (STATE/CLOUD/STAGE/audit.jsonl); `trail` checks those that are here, `round` tells of one round what they say. \
            Trails of other hosts may be copied into the same places of a state folder of their own.
            """,
        subcommands: [AuditSum.self, AuditTrails.self, AuditRound.self], defaultSubcommand: AuditSum.self)
}
