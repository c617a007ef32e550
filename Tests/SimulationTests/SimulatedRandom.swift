import SeededRandom

/// One seed, one schedule.
typealias SimulatedRandom = SeededGenerator

extension SeededGenerator {
    /// True once in `times` draws.
    mutating func isOne(in times: Int) -> Bool { Int.random(in: 0..<times, using: &self) == 0 }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}
