import Configuration

/// configs/…/aggregate.yaml.
struct AggregateConfiguration: Configurable {
    let threads: Int

    init(from file: Section) throws {
        threads = file.int("threads", in: 1...1024, default: 1)
    }
}
