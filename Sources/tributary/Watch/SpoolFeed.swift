internal import Federation
internal import Monitoring
internal import Topology
internal import View

/// The events of this host's stages, in the order of their times, out of the spools that the stages keep.
struct SpoolFeed {
    private struct Source {
        let stage: StageName
        var reader: SpoolReader
        /// Read and not yet handed out, the oldest first.
        var waiting: [Event] = []
        var next = 0
        var isEmpty: Bool { next == waiting.count }
    }

    private static let chunk = 256 << 10
    private var sources: [Source]
    /// Lines that were no events.
    private(set) var faults = 0
    private(set) var lost: [StageName: UInt64] = [:]

    init(_ topology: Topology) {
        sources = topology.stages.map {
            Source(stage: $0.name, reader: SpoolReader(folder: topology.eventSpool(of: $0.name)))
        }
    }

    /// Hands out what there is, at most so many events; true if there may be more.
    mutating func read(atMost maximum: Int = 20_000, _ body: (Event) -> Void) throws -> Bool {
        var handed = 0
        for index in sources.indices { try fill(index) }
        while handed < maximum {
            // Of each stage the oldest is at hand, so the oldest of these is the oldest of all.
            var oldest: Int?
            for index in sources.indices where !sources[index].isEmpty {
                guard let known = oldest else {
                    oldest = index
                    continue
                }
                if sources[index].waiting[sources[index].next].time < sources[known].waiting[sources[known].next].time {
                    oldest = index
                }
            }
            guard let oldest else { return false }
            body(sources[oldest].waiting[sources[oldest].next])
            sources[oldest].next += 1
            handed += 1
            if sources[oldest].isEmpty { try fill(oldest) }
        }
        return true
    }

    private mutating func fill(_ index: Int) throws {
        while sources[index].isEmpty {
            let batch: SpoolReader.Batch
            do { batch = try sources[index].reader.next(maximumBytes: SpoolFeed.chunk) } catch {
                throw LauncherError.runFailed("events of \(sources[index].stage): \(error)")
            }
            if batch.lost > 0 { lost[sources[index].stage, default: 0] += batch.lost }
            guard !batch.lines.isEmpty else { return }
            sources[index].next = 0
            sources[index].waiting = batch.lines.compactMap { line in
                do { return try EventLine.event(line) } catch {
                    faults += 1  // a torn line of a loss of power, or another version's
                    return nil
                }
            }
        }
    }
}
