/// What encrypt does, and what concerns masks and shares.
extension EventKind {
    package static let blindingTableReady = EventKind(
        "blinding_table_ready", .info, "The table of powers that sealing draws on is made.", [.seconds])
    package static let blindingPoolFilled = EventKind(
        "blinding_pool_filled", .info, "There is blinding for the round's vector.", [.ciphertexts, .seconds])
    package static let partlyEncrypted = EventKind(
        "partly_encrypted", .info, "The opening has a part of the values sent in clear.",
        [.encrypted, .values, .fraction, .noise, .noiseDeviation], isAudited: true)
    package static let literalFormulaAllowed = EventKind(
        "literal_formula_allowed", .warning, "At a start: this cloud's config allows a formula that leaks.", [.reason])
    package static let literalFormula = EventKind(
        "literal_formula", .warning, "At a start and in each round: it is in use.", [.reason], isAudited: true)
    package static let contributionSealed = EventKind(
        "contribution_sealed", .info, "The cloud's contribution is sealed and journaled.",
        [
            .digest, .opening, .purpose, .values, .sent, .bytes, .clipped, .residualNorm, .quantiseSeconds,
            .sealSeconds,
        ],
        phases: [RoundPhase(.quantise, .quantiseSeconds), RoundPhase(.seal, .sealSeconds)],
        meters: [.adds(.sealedValues, .values), .adds(.sealedBytes, .bytes), .adds(.clippedValues, .clipped)],
        isAudited: true)
    package static let contributionOffered = EventKind(
        "contribution_offered", .info, "The same contribution, to the aggregate that the round was moved to.",
        [.to, .term, .bytes])
    package static let contributionDropped = EventKind(
        "contribution_dropped", .error, "Aggregate receipted it, and the release is without it.", [.reason],
        isAudited: true)
    package static let leftOut = EventKind(
        "left_out", .warning,
        "The release is without this cloud, since others can help with no sum that it is in, or it with none that they are in.",
        [.cohort, .heldBy, .reason], isAudited: true)
    package static let wordInvented = EventKind(
        "word_invented", .error, "A round was held to some clouds by a word that this cloud has not given.",
        [.cohort, .reason], isAudited: true)
    package static let residualDropped = EventKind(
        "residual_dropped", .warning, "What compression had left out of this cloud's updates is not sent any more.",
        [.reason])
    package static let releaseInconsistent = EventKind(
        "release_inconsistent", .error, "A sum over other clouds than were announced; nothing more is answered.",
        [.reason], isAudited: true)
    package static let shareMade = EventKind(
        "share_made", .info, "The cloud has checked the sum and made its share of the opening.",
        [.opening, .cohort, .root, .bytes, .evidenceBytes, .checkSeconds, .openSeconds],
        phases: [RoundPhase(.check, .checkSeconds), RoundPhase(.share, .openSeconds)], isAudited: true)
    package static let masksLost = EventKind(
        "masks_lost", .warning, "The stage was started again in the middle of a masked round: it sits it out.",
        [.reason])
    package static let masksRefused = EventKind(
        "masks_refused", .error, "A part of the masks cannot be used.", [.from, .what, .reason])
    package static let aggregateElsewhere = EventKind(
        "aggregate_elsewhere", .warning, "Publish has moved aggregate, and this cloud has not applied that.",
        [.aggregate, .term, .reason])

    static let ofEncryption: [EventKind] = [
        .blindingTableReady, .blindingPoolFilled, .partlyEncrypted, .literalFormulaAllowed, .literalFormula,
        .contributionSealed, .contributionOffered, .contributionDropped, .residualDropped, .leftOut, .wordInvented,
        .releaseInconsistent, .shareMade, .masksLost, .masksRefused, .aggregateElsewhere,
    ]
}
