internal import Monitoring

/// Several spools as one stream, by time; the events of each stage stay in their own order.
struct SpoolMerge {
    private struct Head {
        var reader: SpoolReader
        var lines: [ArraySlice<UInt8>] = []
        var next = 0
    }

    private static let batchBytes = 256 << 10
    private var heads: [Head]

    init(_ folders: [String]) { heads = folders.map { Head(reader: SpoolReader(folder: $0)) } }

    /// Everything that has come since.
    mutating func drain(_ body: (ArraySlice<UInt8>) throws -> Void?) throws {
        while true {
            var best: Int?
            var bestTime: ArraySlice<UInt8> = []
            for index in heads.indices {
                if heads[index].next == heads[index].lines.count {
                    heads[index].lines = try heads[index].reader.next(maximumBytes: Self.batchBytes).lines
                    heads[index].next = 0
                }
                guard heads[index].next < heads[index].lines.count else { continue }
                let time = EventGlance.time(heads[index].lines[heads[index].next]) ?? []
                if best == nil || time.lexicographicallyPrecedes(bestTime) { (best, bestTime) = (index, time) }
            }
            guard let best else { return }
            _ = try body(heads[best].lines[heads[best].next])
            heads[best].next += 1
        }
    }
}
