package import Configuration

/// configs/…/aggregate.yaml.
package struct AggregateConfiguration: Configurable {
    let threads: Int
    /// Rounds whose contributions and sum are kept for an audit, the newest ones.
    let evidenceRounds: Int

    package init(from file: Section) throws {
        threads = file.int(
            "threads", in: 1...1024, default: 1, about: "threads that check and multiply ciphertexts")
        evidenceRounds = file.int(
            "evidence-rounds", in: 0...10_000, default: 2,
            about: "rounds, the newest ones, whose contributions and sum are kept for `tributary audit`")
    }
}
