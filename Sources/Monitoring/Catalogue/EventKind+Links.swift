/// Connections, keys, and what peers do wrong.
extension EventKind {
    package static let hubConnected = EventKind("hub_connected", .debug, "A dialled hub has answered.", [.hub])
    package static let hubDisconnected = EventKind(
        "hub_disconnected", .info, "The connection to it has ended.", [.hub])
    package static let peerJoined = EventKind(
        "peer_joined", .debug, "A stage has dialled this hub.", [.peer], isAudited: true)
    package static let peerDisconnected = EventKind(
        "peer_disconnected", .info, "A connection to this hub has ended.", [.from, .times, .omitted])
    package static let announcementsMissed = EventKind(
        "announcements_missed", .info, "A hub's sequence has a gap: it is asked again.", [.hub],
        meters: [.counts(.gaps, by: .hub)])
    package static let peerOverLimit = EventKind(
        "peer_over_limit", .warning, "A stage sends more than it may; the excess goes unread.",
        [.from, .dropped, .reason, .omitted])
    package static let messageRefused = EventKind(
        "message_refused", .warning, "A message could not be used; it was dropped.",
        [.from, .kind, .reason, .omitted])
    package static let handshakeRefused = EventKind(
        "handshake_refused", .warning, "A connection was refused: by this hub, or by the hub that is dialled.",
        [.peer, .reason, .omitted])
    package static let linkMeasured = EventKind(
        "link_measured", .debug,
        "A transfer that was long enough to tell has come from a stage: what the link to here carries; at most every ten seconds.",
        [.from, .goodput, .samples, .roundTrip, .jitter])
    package static let offerRefused = EventKind(
        "offer_refused", .warning, "A transfer is not wanted.", [.transfer, .from, .reason, .omitted])
    package static let offerNotNeeded = EventKind(
        "offer_not_needed", .debug,
        "A transfer comes too late to be of use, as the last cloud's share of an opening does.",
        [.transfer, .from, .reason])
    package static let digestMismatch = EventKind(
        "digest_mismatch", .warning, "A transfer's bytes are not those that were signed; it will be offered again.",
        [.transfer, .from, .reason, .omitted])
    package static let spoolUnreadable = EventKind(
        "spool_unreadable", .error, "What is to be sent cannot be read.", [.transfer, .reason])
    package static let payloadLost = EventKind(
        "payload_lost", .error, "At a start: the file of what was to be sent is spoiled; a vector is made again.",
        [.transfer, .to, .reason])
    package static let transferRefused = EventKind(
        "transfer_refused", .error, "The receiver refuses a transfer.", [.transfer, .reason])
    package static let keyAdded = EventKind(
        "key_added", .info, "A card has come to keys/public.", [.of, .card], isAudited: true)
    package static let keyRevoked = EventKind(
        "key_revoked", .warning, "A card has gone, or is revoked: its connections are cut.", [.of, .card, .reason],
        isAudited: true)
    package static let keysUnreadable = EventKind(
        "keys_unreadable", .error, "The folder of keys cannot be read; what was read stays.", [.reason])

    package static let keysKnown = EventKind(
        "keys_known", .debug, "At a start: the cards that count here.", [.cards], isAudited: true)

    static let ofLinks: [EventKind] = [
        .hubConnected, .hubDisconnected, .peerJoined, .peerDisconnected, .announcementsMissed, .peerOverLimit,
        .messageRefused, .handshakeRefused, .linkMeasured, .offerRefused, .offerNotNeeded, .digestMismatch,
        .spoolUnreadable,
        .payloadLost,
        .transferRefused, .keysKnown, .keyAdded, .keyRevoked, .keysUnreadable,
    ]
}
