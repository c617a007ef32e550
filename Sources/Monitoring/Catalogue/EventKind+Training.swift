/// What ingest and local-train do.
extension EventKind {
    package static let tablesRead = EventKind(
        "tables_read", .info, "ingest has read and harmonised its tables.", [.stays, .mapping, .seconds],
        phases: [RoundPhase(.read, .seconds)])
    package static let shardsMade = EventKind(
        "shards_made", .info, "ingest has written records and shards.", [.shards, .examples, .tokens], isAudited: true)
    package static let partitionChanged = EventKind(
        "partition_changed", .info,
        "ingest has shared the cloud's training records out among its workers, for the first time or anew.",
        [.partition, .partitioning, .parts, .slowness], isAudited: true)
    package static let shardReceived = EventKind(
        "shard_received", .info, "local-train has a shard.", [.shardSplit, .examples])
    package static let shardRefused = EventKind("shard_refused", .error, "local-train cannot use one.", [.reason])
    package static let trainingStarted = EventKind(
        "training_started", .info, "local-train begins to train in a round.",
        [.examples, .planSteps, .precision, .device])
    package static let trainingProgress = EventKind(
        "training_progress", .info, "About once a second while it trains.",
        [.step, .planSteps, .loss, .tokensPerSecond, .secondsLeft],
        meters: [.sets(.trainingLoss, .loss), .sets(.trainingRate, .tokensPerSecond)])
    package static let roundTrained = EventKind(
        "round_trained", .info, "It has trained, and hands the update to encrypt.",
        [
            .seconds, .firstLoss, .lastLoss, .tokens, .tokensPerSecond, .deltaNorm, .clipNorm,
        ], phases: [RoundPhase(.train, .seconds)],
        meters: [.sets(.trainingLoss, .lastLoss), .adds(.trainedTokens, .tokens)], isAudited: true)
    package static let adapterJudged = EventKind(
        "adapter_judged", .info, "Its update on the way, it has judged the adapter that this started from.",
        [.seconds, .receivedAdapterLoss], phases: [RoundPhase(.score, .seconds)])
    package static let updateLate = EventKind(
        "update_late", .info, "Its round has closed without this update, which is kept for another.", [.oldest])
    package static let updateOffered = EventKind(
        "update_offered", .info, "An update of an earlier round is handed to encrypt for this one.",
        [.base, .staleness, .discount], isAudited: true)
    package static let updateDropped = EventKind(
        "update_dropped", .warning, "An update that came late will not count, and the cloud trains anew.",
        [.base, .reason])
    package static let updateRepeated = EventKind(
        "update_repeated", .info,
        "Its cloud's other workers have trained over a newer partition: this one trains again, once it has its part.",
        [.partition])
    package static let sensitivitiesMeasured = EventKind(
        "sensitivities_measured", .info, "How much the loss depends on each value.", [.values, .seconds],
        phases: [RoundPhase(.sensitivity, .seconds)])
    package static let roundScored = EventKind(
        "round_scored", .info, "It has scored its held-out examples.", [.examples, .seconds],
        phases: [RoundPhase(.score, .seconds)])
    package static let vectorRefused = EventKind(
        "vector_refused", .error, "encrypt does not take what local-train made.", [.reason])

    static let ofTraining: [EventKind] = [
        .tablesRead, .shardsMade, .partitionChanged, .shardReceived, .shardRefused, .trainingStarted, .trainingProgress,
        .roundTrained, .adapterJudged,
        .updateLate, .updateOffered, .updateDropped, .updateRepeated, .sensitivitiesMeasured, .roundScored,
        .vectorRefused,
    ]
}
