package import MessagePack

/// What an offer says of how fast a cloud's workers were in a round.
package struct SpeedsAbout: OfferAbout, Equatable, Sendable {
    package struct Work: Hashable, Sendable {
        /// The worker's ordinal.
        package let worker: Int
        /// Examples that it trained on, each as often as it did.
        package let examples: Int
        package let milliseconds: Int

        package init(worker: Int, examples: Int, milliseconds: Int) {
            self.worker = worker
            self.examples = examples
            self.milliseconds = milliseconds
        }

        package static let exampleCounts = 1...1_000_000_000_000
    }

    /// Over which partition they trained.
    package let partition: Int
    /// By ascending ordinal.
    package let works: [Work]

    package init(partition: Int, works: [Work]) {
        self.partition = partition
        self.works = works
    }

    package var value: Value {
        .map([
            ("partition", .number(partition)),
            (
                "works",
                .list(
                    works.map {
                        .map([
                            ("worker", .number($0.worker)), ("examples", .number($0.examples)),
                            ("milliseconds", .number($0.milliseconds)),
                        ])
                    })
            ),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "offer.about")
        partition = try fields.integer("partition", in: WorkerPartition.numbers)
        works = try fields.list("works", limit: WorkerPartition.workers.count).map { value in
            var fields = try Fields(value, at: "offer.about.works")
            let work = Work(
                worker: try fields.integer("worker", in: WorkerPartition.workers),
                examples: try fields.integer("examples", in: Work.exampleCounts),
                milliseconds: try fields.integer("milliseconds", in: Weight.range))
            try fields.finish()
            return work
        }
        try fields.finish()
        guard zip(works, works.dropFirst()).allSatisfy({ $0.worker < $1.worker }) else {
            throw FederationError.malformed(
                place: "offer.about.works", "workers are not in order, or one appears twice")
        }
    }
}
