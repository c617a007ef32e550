internal import Glibc

/// The number of residues that lie side by side.
package let laneCount = 8

/// Rows of eight residues at a fixed address: `count` rows of `digits` digits of 52 bits, digit i of lane k at word 8 i + k.
/// Zero at first and wiped on release.
package struct LaneRows: ~Copyable {
    let base: UnsafeMutablePointer<UInt64>
    package let count: Int
    /// Digits of a row.
    let digits: Int
    private let words: Int

    package init(count: Int, of modulus: borrowing LaneModulus) { self.init(count: count, digits: modulus.digits) }

    init(count: Int, digits: Int) {
        self.init(words: count * digits * laneCount, count: count, digits: digits)
    }

    private init(words: Int, count: Int, digits: Int) {
        self.count = count
        self.digits = digits
        self.words = words
        // A cache line and a vector register are 64 bytes.
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(words, 1) * 8, alignment: 64)
        base = memory.initializeMemory(as: UInt64.self, repeating: 0, count: words)
    }

    /// One row as long as `words`.
    static func scratch(words: Int) -> LaneRows { LaneRows(words: words, count: 1, digits: 0) }

    deinit {
        explicit_bzero(base, words * 8)
        UnsafeMutableRawPointer(base).deallocate()
    }

    /// The address of row `index`.
    func row(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return base + index * digits * laneCount
    }
}
