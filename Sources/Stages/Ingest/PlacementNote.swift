import Planning
import StageKit
import Topology

/// What ingest's journal has of how the cloud's training records are shared out: enough to share them out so again.
struct PlacementNote: Equatable {
    /// Of the partition; 0 while everything lies at one worker and always has.
    let number: Int
    let mode: Topology.Partitioning.Mode
    /// Of each worker, by ascending ordinal.
    let shares: [Double]
    var speeds: WorkerSpeeds

    init(number: Int, mode: Topology.Partitioning.Mode, shares: [Double], speeds: WorkerSpeeds? = nil) {
        self.number = number
        self.mode = mode
        self.shares = shares
        self.speeds = speeds ?? WorkerSpeeds(workers: shares.count)
    }

    /// What the topology asks for, after what was done before.
    init(_ workers: [Topology.Worker], _ mode: Topology.Partitioning.Mode, after last: PlacementNote?) {
        let declared = mode == .fixed ? workers.map { _ in 1 } : workers.map(\.speed)
        guard let last else {
            self.init(number: workers.count > 1 ? 1 : 0, mode: mode, shares: declared)
            return
        }
        // What was seen goes on, where there is something to see.
        let goesOn = last.shares.count == workers.count && (mode == .monitored || last.shares == declared)
        self.init(
            number: goesOn ? last.number : last.number + 1, mode: mode, shares: goesOn ? last.shares : declared,
            speeds: goesOn ? last.speeds : nil)
    }

    var bytes: [UInt8] {
        func bits(_ numbers: [Double]) -> String { numbers.map { String($0.bitPattern) }.joined(separator: " ") }
        return Array("\(number)\n\(mode)\n\(bits(shares))\n\(bits(speeds.means))\n\(speeds.rounds)".utf8)
    }

    init(bytes: [UInt8]) throws {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        func numbers(_ line: Substring) -> [Double] {
            line.split(separator: " ").compactMap { UInt64($0) }.map { Double(bitPattern: $0) }
        }
        guard lines.count == 5, let number = Int(lines[0]),
            let mode = Topology.Partitioning.Mode(rawValue: String(lines[1])), let rounds = Int(lines[4]),
            !numbers(lines[2]).isEmpty, numbers(lines[2]).count == numbers(lines[3]).count
        else { throw StageError.journal("the journal's note of how records are shared out is damaged") }
        self.init(
            number: number, mode: mode, shares: numbers(lines[2]),
            speeds: WorkerSpeeds(means: numbers(lines[3]), rounds: rounds))
    }
}
