/// Rounds, as clouds, aggregate and publish see them.
extension EventKind {
    package static let roundOpened = EventKind(
        "round_opened", .info, "Publish has opened a round.",
        [
            .opening, .suite, .keyMode, .purpose, .key, .values, .bits, .cohort, .split, .method, .stepsDone,
            .planSteps,
        ],
        meters: [.sets(.planStepsDone, .stepsDone), .sets(.planSteps, .planSteps)], isAudited: true)
    package static let lossesUntold = EventKind(
        "losses_untold", .warning,
        "Publish has opened an update whose weights are to go by the clouds' losses, and no cloud has told its own.",
        [.reason])
    package static let roundPlanned = EventKind(
        "round_planned", .info, "What publish has chosen for an update round, what it expects of it, and why.",
        [.predictedSeconds, .unplannedSeconds, .paces, .bits, .quorum, .deadlineSeconds, .reason])
    package static let planCompared = EventKind(
        "plan_compared", .info, "A planned round is about to be released: what it took, beside what was expected.",
        [.predictedSeconds, .actualSeconds, .predictionError])
    package static let roundJoined = EventKind("round_joined", .info, "A stage takes part in it.", [.purpose])
    package static let openingRefused = EventKind(
        "opening_refused", .error, "This cloud sits the round out.", [.reason], isAudited: true)
    package static let contributionCounted = EventKind(
        "contribution_counted", .info, "Aggregate has checked and added a contribution.",
        [.digest, .from, .bytes, .addSeconds, .waitingFor], phases: [RoundPhase(.add, .addSeconds)],
        meters: [.counts(.contributions, by: .from)], isAudited: true)
    package static let roundClosed = EventKind(
        "round_closed", .info, "Aggregate has the sum.",
        [.opening, .digest, .purpose, .root, .cohort, .bytes, .addSeconds, .gatherSeconds],
        phases: [RoundPhase(.gather, .gatherSeconds)], isAudited: true)
    package static let roundHeld = EventKind(
        "round_held", .warning,
        "Aggregate leaves out clouds that are there: what some have helped to open from the round's adapter, in one that was given up, goes together with no other sum.",
        [.cohort, .heldBy, .leftOut, .reason], isAudited: true)
    package static let quorumMissed = EventKind(
        "quorum_missed", .warning, "Too few clouds came before the deadline.", [.missing, .reason])
    package static let cloudLost = EventKind(
        "cloud_lost", .warning, "A cloud drops out of a masked round.", [.from, .reason])
    package static let masksRoster = EventKind(
        "masks_roster", .info, "These have sent their keys for the masks.", [.cohort])
    package static let masksAgreed = EventKind("masks_agreed", .info, "These have dealt their secrets.", [.cohort])
    package static let masksConsented = EventKind(
        "masks_consented", .info, "These have signed who is left.", [.cohort])
    package static let evidenceNotKept = EventKind(
        "evidence_not_kept", .error, "The round goes on, and cannot be audited later.", [.reason])
    package static let roundMoved = EventKind(
        "round_moved", .info, "Another aggregate makes its sum.", [.from, .to, .term], isAudited: true)
    package static let roundElsewhere = EventKind(
        "round_elsewhere", .info, "At the aggregate that it was moved from.", [.aggregate, .term, .letGo])
    package static let maskChosen = EventKind(
        "mask_chosen", .info, "Which values are encrypted from now on.",
        [.encrypted, .values, .noise, .sensitivityEncrypted])
    package static let shareVerified = EventKind(
        "share_verified", .info, "A cloud's share of the opening is right.", [.from, .bytes, .seconds],
        phases: [RoundPhase(.check, .seconds)], isAudited: true)
    package static let sumUnusable = EventKind(
        "sum_unusable", .error, "A contribution held what no honest stage makes.", [.reason])
    package static let roundReleased = EventKind(
        "round_released", .info, "Publish has released the round.",
        [
            .opening, .digest, .adapter, .purpose, .cohort, .bases, .heldBy, .split, .openSeconds, .seconds, .isFinal,
            .folder, .adapterBytes,
        ]
            + EventField.figures,
        phases: [RoundPhase(.open, .openSeconds)],
        meters: [.counts(.roundsReleased, by: .purpose)]
            + EventField.figures.filter { $0.name.hasSuffix("auroc") }.map { .sets(.auroc, $0) }, isAudited: true)
    package static let roundAbandoned = EventKind(
        "round_abandoned", .warning, "It has no sum; the step is tried again under the next number.",
        [.missing, .reason, .attempt, .attempts, .pauseSeconds], meters: [.counts(.roundsAbandoned)], isAudited: true)
    package static let adapterSent = EventKind(
        "adapter_sent", .info, "To clouds that came after it was released.", [.receivers], isAudited: true)
    package static let rotationRefused = EventKind(
        "rotation_refused", .error, "The chosen key of sums cannot be used; rounds go on under the earlier one.",
        [.reason])
    package static let keyOfSumsWanted = EventKind(
        "key_of_sums_wanted", .error, "No round is opened before there is a key for the clouds that there are now.",
        [.reason])
    package static let endHeard = EventKind("end_heard", .info, "A stage has the run's last release.")
    package static let endUnanswered = EventKind(
        "end_unanswered", .warning, "Publish has not noted that this stage has heard the end; it leaves.", [.reason])
    package static let endUnheard = EventKind(
        "end_unheard", .warning, "Publish leaves, and these have not heard the end.",
        [.missing, .waitedSeconds, .reason])
    package static let publishSilent = EventKind(
        "publish_silent", .warning, "Nothing is heard of publish.", [.seconds, .reason])
    package static let runFinished = EventKind(
        "run_finished", .info, "The run's plan is done.", [.rounds, .waitingFor])

    static let ofRounds: [EventKind] = [
        .roundOpened, .lossesUntold, .roundPlanned, .planCompared, .roundJoined, .openingRefused, .contributionCounted,
        .roundClosed,
        .roundHeld, .quorumMissed, .cloudLost,
        .masksRoster, .masksAgreed, .masksConsented, .evidenceNotKept, .roundMoved, .roundElsewhere, .maskChosen,
        .shareVerified, .sumUnusable, .roundReleased, .roundAbandoned, .adapterSent, .rotationRefused,
        .keyOfSumsWanted, .endHeard, .endUnanswered, .endUnheard, .publishSilent, .runFinished,
    ]
}
