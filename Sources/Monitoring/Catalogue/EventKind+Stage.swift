/// The life of a stage.
extension EventKind {
    package static let stageStarted = EventKind(
        "stage_started", .info, "A process of the stage begins its epoch.", [.card, .process], isAudited: true)
    package static let stageReady = EventKind(
        "stage_ready", .info, "Its sockets are bound and its journal is read: work may come.")
    package static let stageStopped = EventKind("stage_stopped", .info, "It has ended as it should.", isAudited: true)
    package static let stageFailed = EventKind(
        "stage_failed", .error, "It ends because of a failure.", [.reason], isAudited: true)
    package static let runIsOver = EventKind(
        "run_is_over", .info, "It was started, and its run has ended already.", [.reason])
    package static let handingOver = EventKind(
        "handing_over", .info, "A successor stands by and takes over now (`tributary swap`).",
        isAudited: true)
    package static let confined = EventKind(
        "confined", .info, "It has given up the rights that it does not need.", [.landlock, .ports, .seccomp],
        isAudited: true)
    package static let partlyConfined = EventKind(
        "partly_confined", .warning, "It could not give up all of them.", [.landlock, .ports, .seccomp, .reason],
        isAudited: true)
    package static let unconfined = EventKind(
        "unconfined", .warning, "It was told to keep all rights of its user.", [.reason], isAudited: true)
    package static let stillWaiting = EventKind(
        "still_waiting", .info, "It has waited for the same for a minute, two, four.", [.seconds, .reason])
    package static let clocksDiffer = EventKind(
        "clocks_differ", .warning, "A hub's clock is over two seconds from this host's.", [.with, .ahead, .reason])
    package static let clocksAgree = EventKind("clocks_agree", .info, "They are within two seconds again.", [.with])
    package static let stageUsed = EventKind(
        "stage_used", .info,
        "It has heard of a release, or made it: what its present process has used by then (`tributary cost`).",
        [.cpuSeconds, .trainedSeconds, .linkBytes])

    static let ofStages: [EventKind] = [
        .stageStarted, .stageReady, .stageStopped, .stageFailed, .runIsOver, .handingOver, .confined, .partlyConfined,
        .unconfined, .stillWaiting, .clocksDiffer, .clocksAgree, .stageUsed,
    ]
}
