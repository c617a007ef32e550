extension Meter {
    // MARK: Derived from events

    package static let events = Meter(
        "tributary_events_total", .counter, "Events told, by name and level.", labels: ["event", "level"])
    package static let phaseSeconds = Meter(
        "tributary_phase_seconds", .histogram, "How long the phases of rounds took here.", labels: ["phase"])
    package static let swaps = Meter(
        "tributary_swaps_total", .counter,
        "Times that the stage has been replaced while it ran, over all its processes of a run.")
    package static let gaps = Meter(
        "tributary_announcement_gaps_total", .counter, "Gaps in a hub's sequence of announcements.", labels: ["hub"])
    package static let trainingLoss = Meter("tributary_training_loss", .gauge, "The newest training loss.")
    package static let trainingRate = Meter(
        "tributary_training_tokens_per_second", .gauge, "Tokens trained on in a second, when it last trained.")
    package static let trainedTokens = Meter("tributary_trained_tokens_total", .counter, "Tokens trained on.")
    package static let sealedValues = Meter("tributary_sealed_values_total", .counter, "Values sealed.")
    package static let sealedBytes = Meter("tributary_sealed_bytes_total", .counter, "Bytes of sealed contributions.")
    package static let clippedValues = Meter(
        "tributary_clipped_values_total", .counter, "Values that lay beyond their range.")
    package static let sentBytes = Meter(
        "tributary_transferred_bytes_total", .counter,
        "Bytes sent in transfers that were receipted, repetitions included, before CURVE.")
    package static let contributions = Meter(
        "tributary_contributions_total", .counter, "Contributions counted.", labels: ["from"])
    package static let roundsReleased = Meter(
        "tributary_rounds_released_total", .counter, "Rounds released.", labels: ["purpose"])
    package static let roundsAbandoned = Meter(
        "tributary_rounds_abandoned_total", .counter, "Rounds that had no sum.")
    package static let planStepsDone = Meter(
        "tributary_plan_steps_done", .gauge, "Steps of the run's plan that have been released.")
    package static let planSteps = Meter("tributary_plan_steps", .gauge, "Steps of the run's plan.")
    package static let auroc = Meter("tributary_auroc", .gauge, "The newest released AUROC.")

    // MARK: Looked at by the runtime

    package static let round = Meter("tributary_round", .gauge, "The newest round that the stage knows of.")
    package static let ready = Meter(
        "tributary_stage_ready", .gauge, "1 while work may come: sockets bound, journal read, no successor taking over."
    )
    package static let up = Meter(
        "tributary_stage_up", .gauge, "1 while the stage's process has looked at itself in the last ten seconds.")
    package static let epoch = Meter("tributary_stage_epoch", .gauge, "How often the stage has been started.")
    package static let waitingSeconds = Meter(
        "tributary_waiting_seconds", .gauge, "How long it has waited for what it waits for; 0 while it works.")
    package static let peerUp = Meter(
        "tributary_peer_up", .gauge, "1 while there is a connection to the hub.", labels: ["peer"])
    package static let linkBytes = Meter(
        "tributary_link_bytes_total", .counter, "Bytes of messages, by peer and direction, before CURVE.",
        labels: ["peer", "direction"])
    package static let linkMessages = Meter(
        "tributary_link_messages_total", .counter, "Messages, by peer and direction.", labels: ["peer", "direction"])
    package static let roundTrip = Meter(
        "tributary_peer_round_trip_seconds", .gauge, "TCP's smoothed round-trip time (tcp(7), TCP_INFO).",
        labels: ["peer"])
    package static let goodput = Meter(
        "tributary_peer_goodput_bytes_per_second", .gauge, "TCP's newest delivery rate (TCP_INFO).", labels: ["peer"])
    package static let leastRoundTrip = Meter(
        "tributary_peer_least_round_trip_seconds", .gauge,
        "The least round-trip time of the last minutes: the link's own, without what waits in queues (TCP_INFO).",
        labels: ["peer"])
    package static let linkGoodput = Meter(
        "tributary_link_goodput_bytes_per_second", .gauge,
        "What comes from the peer while it sends what was asked for: measured here, smoothed.", labels: ["peer"])
    package static let linkMeasured = Meter(
        "tributary_link_goodput_timestamp_seconds", .gauge,
        "When the goodput was last measured, in seconds since 1970.", labels: ["peer"])
    package static let linkJitter = Meter(
        "tributary_link_jitter_seconds", .gauge,
        "Interarrival jitter of the hub's beats (RFC 3550, section 6.4.1), to a millisecond.", labels: ["peer"])
    package static let retransmissions = Meter(
        "tributary_peer_retransmissions_total", .counter, "Segments sent again on the present connection (TCP_INFO).",
        labels: ["peer"])
    package static let inboxBytes = Meter(
        "tributary_inbox_bytes", .gauge, "Messages received and not yet handled.")
    package static let creditBytes = Meter(
        "tributary_credit_bytes", .gauge, "What the inbox has room for before sockets are left unread.")
    package static let outboxBytes = Meter(
        "tributary_outbox_bytes", .gauge, "Messages that wait for a socket.", labels: ["peer"])
    package static let outboxDropped = Meter(
        "tributary_outbox_dropped_total", .counter, "Messages dropped because too many waited; they are said again.",
        labels: ["peer"])
    package static let spoolBytes = Meter("tributary_spool_bytes", .gauge, "Payloads kept to be sent or used.")
    package static let handshakeFailures = Meter(
        "tributary_handshake_failures_total", .counter,
        "Connections refused: by a hub that was dialled, or here, of strangers. Reasons: `unknown_key`, `revoked_key`, `no_business`, `no_key`, `not_admitted`, `failed`, `too_many_dials`.",
        labels: ["peer", "reason"])
    package static let messagesRefused = Meter(
        "tributary_messages_refused_total", .counter, "Messages that could not be used.", labels: ["from"])
    package static let eventsDropped = Meter(
        "tributary_events_dropped_total", .counter, "Events that were not kept.", labels: ["reason"])

    // MARK: Of the monitor's sinks

    package static let sinkEvents = Meter(
        "tributary_sink_events_total", .counter, "Events that a sink has taken.", labels: ["sink"])
    package static let sinkLost = Meter(
        "tributary_sink_lost_total", .counter, "Events that the spool had no room for until the sink took them.",
        labels: ["sink"])
    package static let sinkRefused = Meter(
        "tributary_sink_refused_total", .counter, "Events that a collector will not have, and lines that are none.",
        labels: ["sink"])
    package static let sinkFailures = Meter(
        "tributary_sink_failures_total", .counter, "Times that a sink could not be reached or broke off.",
        labels: ["sink"])
    package static let sinkUp = Meter(
        "tributary_sink_up", .gauge, "1 while a sink takes what it is given.", labels: ["sink"])
    package static let sinkLag = Meter(
        "tributary_sink_lag_seconds", .gauge, "How old the newest event was when the sink took it.",
        labels: ["sink"])

    // MARK: Of the process, by the names that Prometheus' client libraries give

    package static let processCPU = Meter(
        "process_cpu_seconds_total", .counter, "Processor time, user and system.")
    package static let processMemory = Meter("process_resident_memory_bytes", .gauge, "Resident memory.")
    package static let processDescriptors = Meter("process_open_fds", .gauge, "Open file descriptors.")
    package static let processStart = Meter(
        "process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.")

    package static let all: [Meter] = [
        events, phaseSeconds, swaps, gaps, trainingLoss, trainingRate, trainedTokens, sealedValues, sealedBytes,
        clippedValues, sentBytes, contributions, roundsReleased, roundsAbandoned, planStepsDone, planSteps, auroc,
        privacyEpsilon, privacyCloudEpsilon, round,
        ready, up, epoch, waitingSeconds, peerUp, linkBytes, linkMessages, roundTrip, leastRoundTrip,
        linkGoodput, linkMeasured, linkJitter, goodput, retransmissions,
        inboxBytes,
        creditBytes, outboxBytes, outboxDropped, spoolBytes, handshakeFailures, messagesRefused, eventsDropped,
        sinkEvents, sinkLost, sinkRefused, sinkFailures, sinkUp, sinkLag,
        processCPU, processMemory, processDescriptors, processStart,
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    package static func named(_ name: String) -> Meter? { byName[name] }
}
