internal import Federation
internal import Glibc
internal import Monitoring

/// Brings the events of a cloud's stages to one sink, at the sink's own pace, on a thread of its own: it reads the stages'
/// spools, hands over, and keeps how far it has come once the sink has taken that much. What fails is sent again.
final class Shipper {
    struct Source {
        let stage: StageName
        let folder: String
        /// Shared with the cloud's other sinks.
        let spool: SharedSpool
    }

    /// Taken of a stage's spool at once.
    private static let batchBytes = 64 << 10
    /// Waited after the first event, for those that come with it.
    private static let linger = Duration.milliseconds(100)
    private static let tick = Duration.seconds(1)
    private static let persistEvery = Duration.milliseconds(200)

    private let specification: SinkSpecification
    private let labels: [String]
    /// How notes call it.
    private let title: String
    private let sink: any Sink
    private let meters: Meters
    private let note: @Sendable (String) -> Void
    private let stop: StopSignal
    private let wake: Wake
    private let sources: [Source]
    /// Which of the spools' readers this is.
    private let number: Int
    /// What comes next of each source.
    private var reached: [SpoolReader.Place]
    private var places: Places
    /// As far as is known to have arrived.
    private var settled: [SpoolReader.Place]
    /// Delivered, and not known to have arrived.
    private var settling: [(places: [SpoolReader.Place], since: ContinuousClock.Instant)] = []
    /// Of each stage, the ordinal from which on something can be lost: whoever comes new to a spool has lost nothing of what was
    /// removed before.
    private var beginnings: [UInt64]
    /// Up to which ordinal losses have been counted.
    private var lossesTold: [UInt64]
    private var lastPersisted = ContinuousClock.now
    private var failures = 0

    init(
        _ specification: SinkSpecification, cloud: CloudName, sources: [Source], number: Int, sink: any Sink,
        places: Places,
        meters: Meters, stop: StopSignal, note: @escaping @Sendable (String) -> Void
    ) throws {
        self.specification = specification
        self.sink = sink
        self.meters = meters
        self.note = note
        self.stop = stop
        self.sources = sources
        self.number = number
        self.places = places
        labels = [specification.name]
        title = "\(specification.name) of \(cloud)"
        reached = sources.map { places.kept[$0.stage] ?? .start }
        settled = reached
        beginnings = sources.map { places.kept[$0.stage] == nil ? .max : 0 }
        lossesTold = sources.map { _ in 0 }
        wake = try Wake(folders: sources.map(\.folder), stop: stop)
        for meter in [Meter.sinkEvents, .sinkLost, .sinkRefused, .sinkFailures] { meters.add(0, to: meter, labels) }
        meters.set(.sinkUp, labels, to: 1)
    }

    /// Returns when it is to stop and everything has arrived, or the time for that is up.
    func run() {
        var lastCheck = ContinuousClock.now
        while true {
            let now = ContinuousClock.now
            if let deadline = stop.deadline, now >= deadline { break }
            // What was told before the stop is read after it, and only then is there nothing left.
            let isStopping = stop.deadline != nil
            do {
                let bytes = try ship()
                if bytes == 0 || now - lastCheck > Self.tick {
                    try sink.check()
                    lastCheck = now
                }
                try settle()
                // Where there was little there may be more in a moment: what is sent together costs less.
                if bytes >= Self.batchBytes / 2 || bytes > 0 && isStopping { continue }
                if isStopping {
                    try finish()
                    return
                }
                if bytes == 0 { wake.wait(Self.tick) }
                if stop.deadline == nil { wake.rest(Self.linger) }
            } catch { fail(error) }
        }
        persist()
        let left = settling.isEmpty ? "" : "; what may not have arrived is sent again"
        note(
            "\(title): stopped before everything was sent: it goes on from there at the next start\(left)"
        )
    }

    /// How many bytes of lines were read; none where there were none.
    private func ship() throws -> Int {
        var queues: [[SpooledEvent]] = []
        var next = reached
        var (bytes, lines, unreadable) = (0, 0, 0)
        for index in sources.indices {
            let batches = try sources[index].spool.next(
                after: reached[index], for: number, maximumBytes: Self.batchBytes)
            var queue: [SpooledEvent] = []
            queue.reserveCapacity(batches.reduce(0) { $0 + $1.events.count })
            for batch in batches {
                if beginnings[index] == .max, !batch.events.isEmpty {
                    beginnings[index] = batch.end.ordinal - UInt64(batch.events.count)
                }
                if batch.lost > 0, let loss = loss(at: index, before: batch) { queue.append(loss) }
                for event in batch.events {
                    guard let level = event.level else {
                        unreadable += 1
                        continue
                    }
                    guard level >= specification.level else { continue }
                    if sink.takesEvents, event.event == nil { unreadable += 1 } else { queue.append(event) }
                }
                bytes += batch.bytes
                lines += batch.events.count
                next[index] = batch.end
            }
            queues.append(queue)
        }
        let entries = Self.merged(queues)
        let receipt = entries.isEmpty ? Receipt() : try sink.deliver(entries)
        reached = next
        guard lines > 0 else { return bytes }
        settling.append((reached, ContinuousClock.now))
        if !entries.isEmpty { succeed(entries, receipt) }
        if unreadable > 0 { meters.add(Double(unreadable), to: .sinkRefused, labels) }
        return max(bytes, 1)
    }

    private func succeed(_ entries: [SpooledEvent], _ receipt: Receipt) {
        if failures > 0 { note("\(title): goes on") }
        failures = 0
        meters.set(.sinkUp, labels, to: 1)
        meters.add(Double(entries.count - receipt.refused), to: .sinkEvents, labels)
        if receipt.refused > 0 {
            meters.add(Double(receipt.refused), to: .sinkRefused, labels)
            note("\(title): the collector refuses \(receipt.refused) events: \(receipt.reason)")
        }
        if let last = entries.last, last.time > 0 {
            let now = Timestamp.nanoseconds()
            meters.set(.sinkLag, labels, to: Double(now - min(now, last.time)) * 1e-9)
        }
    }

    /// The spool had no room for what this sink had yet to get: it is counted once, and the collector is told in its place.
    private func loss(at index: Int, before batch: SharedSpool.Batch) -> SpooledEvent? {
        let end = batch.end.ordinal - UInt64(batch.events.count)
        let start = max(end - batch.lost, beginnings[index])
        guard end > start else { return nil }
        if end > lossesTold[index] {
            let new = end - max(start, lossesTold[index])
            lossesTold[index] = end
            meters.add(Double(new), to: .sinkLost, labels)
            note("\(title): \(new) events of \(sources[index].stage) were removed unsent")
        }
        guard EventKind.eventsLost.level >= specification.level,
            let event = lossEvent(end - start, sources[index].stage, before: batch)
        else { return nil }
        return SpooledEvent(event)
    }

    private func lossEvent(_ lost: UInt64, _ stage: StageName, before batch: SharedSpool.Batch) -> Event? {
        for spooled in batch.events {
            do {
                let next = try spooled.event ?? EventLine.event(spooled.line)
                return Event(
                    time: next.time, level: EventKind.eventsLost.level, name: EventKind.eventsLost.name, run: next.run,
                    stage: stage, epoch: next.epoch, sequence: 0, round: next.round, trace: next.trace,
                    fields: [.events: .number(Int(clamping: lost)), .sink: .text(specification.name)])
            } catch { continue }  // a line that is none: the next one tells the run
        }
        return nil
    }

    /// By time, and those of each stage in their own order whatever its clock has done.
    static func merged(_ queues: [[SpooledEvent]]) -> [SpooledEvent] {
        let queues = queues.filter { !$0.isEmpty }
        guard queues.count > 1 else { return queues.first ?? [] }
        var heads = [Int](repeating: 0, count: queues.count)
        var times = queues.map { $0[0].time }
        var merged: [SpooledEvent] = []
        merged.reserveCapacity(queues.reduce(0) { $0 + $1.count })
        var left = queues.count
        while left > 0 {
            var best = -1
            for index in queues.indices where heads[index] < queues[index].count {
                if best < 0 || times[index] < times[best] { best = index }
            }
            merged.append(queues[best][heads[best]])
            heads[best] += 1
            if heads[best] < queues[best].count { times[best] = queues[best][heads[best]].time } else { left -= 1 }
        }
        return merged
    }

    // MARK: How far it has come

    private func settle() throws {
        let now = ContinuousClock.now
        while let first = settling.first, now - first.since >= sink.settlesAfter {
            settled = first.places
            settling.removeFirst()
        }
        if now - lastPersisted >= Self.persistEvery || settling.isEmpty { persist() }
    }

    private func persist() {
        lastPersisted = ContinuousClock.now
        let kept = Dictionary(zip(sources.map(\.stage), settled)) { first, _ in first }
        do { try places.keep(kept) } catch { note("\(title): \(error)") }
    }

    private func finish() throws {
        try sink.finish()
        if let last = settling.last {
            settled = last.places
            settling = []
        }
        persist()
    }

    /// Goes back to what is known to have arrived, and waits a while.
    private func fail(_ error: any Error) {
        for source in sources { source.spool.leave(number) }
        reached = settled
        settling = []
        failures += 1
        // Words before figures: who sees the figure finds the reason.
        if failures == 1 { note("\(title): \(error); it is tried again") }
        meters.set(.sinkUp, labels, to: 0)
        meters.add(to: .sinkFailures, labels)
        let wait = min(Duration.milliseconds(100) * (1 << min(failures - 1, 7)), .seconds(10))
        if stop.deadline == nil { wake.rest(wait) } else { usleep(100_000) }
    }
}
