internal import Federation
internal import Glibc
internal import Monitoring

/// Brings the events of a cloud's stages to one sink, at the sink's own pace, on a thread of its own: it reads the stages'
/// spools, hands over, and keeps how far it has come once the sink has taken that much. What fails is sent again.
final class Shipper {
    struct Source {
        let stage: StageName
        let folder: String
    }

    /// Read of a stage's spool at once; two of these and what is made of them are what a shipper holds in memory.
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
    private var readers: [SpoolReader]
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
        _ specification: SinkSpecification, cloud: CloudName, sources: [Source], sink: any Sink, places: Places,
        meters: Meters, stop: StopSignal, note: @escaping @Sendable (String) -> Void
    ) throws {
        self.specification = specification
        self.sink = sink
        self.meters = meters
        self.note = note
        self.stop = stop
        self.sources = sources
        self.places = places
        labels = [specification.name]
        title = "\(specification.name) of \(cloud)"
        readers = sources.map { SpoolReader(folder: $0.folder, from: places.kept[$0.stage] ?? .start) }
        settled = readers.map(\.place)
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
            do {
                let count = try ship()
                if count == 0 || now - lastCheck > Self.tick {
                    try sink.check()
                    lastCheck = now
                }
                try settle()
                if count > 0 { continue }
                if stop.deadline != nil {
                    try finish()
                    return
                }
                wake.wait(Self.tick)
                if stop.deadline == nil { wake.rest(Self.linger) }
            } catch { fail(error) }
        }
        persist()
        let left = settling.isEmpty ? "" : "; what may not have arrived is sent again"
        note(
            "\(title): stopped before everything was sent: it goes on from there at the next start\(left)"
        )
    }

    /// How many lines were read; none where there were none.
    private func ship() throws -> Int {
        var batches: [[Entry]] = []
        var lines = 0
        var unreadable = 0
        for index in readers.indices {
            let batch = try readers[index].next(maximumBytes: Self.batchBytes)
            if beginnings[index] == .max, !batch.lines.isEmpty {
                beginnings[index] = readers[index].place.ordinal - UInt64(batch.lines.count)
            }
            lines += batch.lines.count
            var entries: [Entry] = []
            for line in batch.lines {
                guard let level = EventGlance.level(line) else {
                    unreadable += 1
                    continue
                }
                guard level >= specification.level else { continue }
                guard sink.takesEvents else {
                    entries.append(Entry(line: line, event: nil))
                    continue
                }
                do { entries.append(Entry(line: line, event: try EventLine.event(line))) } catch { unreadable += 1 }
            }
            if batch.lost > 0 { tell(batch.lost, at: index, before: batch, in: &entries) }
            batches.append(entries)
        }
        let entries = Self.merged(batches)
        let receipt = entries.isEmpty ? Receipt() : try sink.deliver(entries)
        guard lines > 0 else { return 0 }
        settling.append((readers.map(\.place), ContinuousClock.now))
        if !entries.isEmpty { succeed(entries, receipt) }
        if unreadable > 0 { meters.add(Double(unreadable), to: .sinkRefused, labels) }
        return lines
    }

    private func succeed(_ entries: [Entry], _ receipt: Receipt) {
        if failures > 0 { note("\(title): goes on") }
        failures = 0
        meters.set(.sinkUp, labels, to: 1)
        meters.add(Double(entries.count - receipt.refused), to: .sinkEvents, labels)
        if receipt.refused > 0 {
            meters.add(Double(receipt.refused), to: .sinkRefused, labels)
            note("\(title): the collector refuses \(receipt.refused) events: \(receipt.reason)")
        }
        if let last = entries.last, let time = EventGlance.time(last.line),
            let told = Timestamp.parse(String(decoding: time, as: UTF8.self))
        {
            let now = Timestamp.nanoseconds()
            meters.set(.sinkLag, labels, to: Double(now - min(now, told)) * 1e-9)
        }
    }

    /// The spool had no room for what this sink had yet to get: it is counted once, and the collector is told in its place.
    private func tell(_ lost: UInt64, at index: Int, before batch: SpoolReader.Batch, in entries: inout [Entry]) {
        let end = readers[index].place.ordinal - UInt64(batch.lines.count)
        let start = max(end - lost, beginnings[index])
        guard end > start else { return }
        if end > lossesTold[index] {
            let new = end - max(start, lossesTold[index])
            lossesTold[index] = end
            meters.add(Double(new), to: .sinkLost, labels)
            note("\(title): \(new) events of \(sources[index].stage) were removed unsent")
        }
        guard let event = lossEvent(end - start, sources[index].stage, before: batch) else { return }
        let line = EventLine.bytes(event).dropLast()
        if event.level >= specification.level { entries.insert(Entry(line: line, event: event), at: 0) }
    }

    private func lossEvent(_ lost: UInt64, _ stage: StageName, before batch: SpoolReader.Batch) -> Event? {
        for line in batch.lines {
            do {
                let next = try EventLine.event(line)
                return Event(
                    time: next.time, level: EventKind.eventsLost.level, name: EventKind.eventsLost.name, run: next.run,
                    stage: stage, epoch: next.epoch, sequence: 0, round: next.round, trace: next.trace,
                    fields: [.events: .number(Int(clamping: lost)), .sink: .text(specification.name)])
            } catch { continue }  // a line that is none: the next one tells the run
        }
        return nil
    }

    /// By time, and those of each stage in their own order whatever its clock has done.
    static func merged(_ batches: [[Entry]]) -> [Entry] {
        let batches = batches.filter { !$0.isEmpty }
        guard batches.count > 1 else { return batches.first ?? [] }
        var heads = [Int](repeating: 0, count: batches.count)
        var merged: [Entry] = []
        merged.reserveCapacity(batches.reduce(0) { $0 + $1.count })
        while true {
            var best: Int?
            var bestTime: ArraySlice<UInt8> = []
            for index in batches.indices where heads[index] < batches[index].count {
                let time = EventGlance.time(batches[index][heads[index]].line) ?? []
                if best == nil || time.lexicographicallyPrecedes(bestTime) { (best, bestTime) = (index, time) }
            }
            guard let best else { return merged }
            merged.append(batches[best][heads[best]])
            heads[best] += 1
        }
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
        for index in readers.indices {
            readers[index] = SpoolReader(folder: sources[index].folder, from: settled[index])
        }
        settling = []
        failures += 1
        meters.add(to: .sinkFailures, labels)
        meters.set(.sinkUp, labels, to: 0)
        if failures == 1 { note("\(title): \(error); it is tried again") }
        let wait = min(Duration.milliseconds(100) * (1 << min(failures - 1, 7)), .seconds(10))
        if stop.deadline == nil { wake.rest(wait) } else { usleep(100_000) }
    }
}
