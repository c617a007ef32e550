internal import Federation
internal import Monitoring

/// What the links to a stage carry, by the transfers that it takes in: into its metrics, and now and then into an event.
struct LinkGoodput {
    private static let interval = Duration.seconds(10)

    private let log: EventLog
    private var meters: [StageName: GoodputMeter] = [:]
    private var told: [StageName: ContinuousClock.Instant] = [:]

    init(_ log: EventLog) { self.log = log }

    /// A chunk that was of use.
    mutating func took(_ bytes: Int, from peer: StageName, now: ContinuousClock.Instant) {
        let isNew = meters[peer, default: GoodputMeter()].took(bytes, now: now)
        if isNew { note(peer) }
    }

    /// Nothing more is on its way from it.
    mutating func ended(_ peer: StageName, now: ContinuousClock.Instant) {
        guard var meter = meters[peer] else { return }
        if meter.ended(now: now) {
            meters[peer] = meter
            note(peer)
        }
        defer { meters[peer] = meter }
        guard meter.samples > 0, let rate = meter.bytesPerSecond,
            told[peer].map({ now - $0 >= Self.interval }) ?? true
        else { return }
        told[peer] = now
        var fields: EventFields = [
            .from: .name(peer), .goodput: .real(rate), .samples: .number(meter.samples),
        ]
        let label = [peer.description]
        if let trip = log.meters.value(of: .leastRoundTrip, label) { fields[.roundTrip] = .real(trip) }
        if let jitter = log.meters.value(of: .linkJitter, label) { fields[.jitter] = .real(jitter) }
        log.tell(.linkMeasured, fields)
        meter.told()
    }

    /// The connection was lost, or it rests until it has heard a want.
    mutating func broke(_ peer: StageName) { meters[peer]?.broke() }

    private func note(_ peer: StageName) {
        guard let rate = meters[peer]?.bytesPerSecond else { return }
        log.meters.set(.linkGoodput, [peer.description], to: rate)
        log.meters.set(.linkMeasured, [peer.description], to: Double(Timestamp.milliseconds()) / 1000)
    }
}
