internal import Glibc

/// The number of residues that lie side by side.
package let laneCount = 8

/// Rows of eight residues at a fixed address: `count` rows of `digits` digits of 52 bits, digit i of lane k at word 8 i + k.
/// Zero at first and wiped on release, but for `unset`.
package struct LaneRows: ~Copyable {
    let base: UnsafeMutablePointer<UInt64>
    package let count: Int
    /// Digits of a row.
    let digits: Int
    private let words: Int
    private let isSecret: Bool

    package init(count: Int, of modulus: borrowing LaneModulus) { self.init(count: count, digits: modulus.digits) }

    init(count: Int, digits: Int) {
        self.init(words: count * digits * laneCount, count: count, digits: digits)
    }

    private init(words: Int, count: Int, digits: Int, isSecret: Bool = true) {
        self.count = count
        self.digits = digits
        self.words = words
        self.isSecret = isSecret
        // A cache line and a vector register are 64 bytes; large pages spare as many thousand faults as there are megabytes.
        let isLarge = words * 8 >= LaneRows.largePage
        let isGuarded = isSecret && NumberMemory.isGuarded
        let spare = isLarge && !isSecret ? SpareRows.take(byteCount: words * 8) : nil
        let memory =
            spare
            ?? (isGuarded
                ? NumberMemory.obtain(max(words, 8) * 8, alignment: 64)
                : .allocate(byteCount: max(words, 1) * 8, alignment: isLarge ? LaneRows.largePage : 64))
        if isLarge, spare == nil, !isGuarded {
            madvise(memory, words * 8 / LaneRows.largePage * LaneRows.largePage, MADV_HUGEPAGE)
        }
        base = memory.bindMemory(to: UInt64.self, capacity: words)
        if isSecret { base.initialize(repeating: 0, count: words) }
    }

    private static let largePage = 2 << 20

    /// Rows for public residues: not set to anything at first, and not wiped. Large ones' memory is used again (`SpareRows`).
    package static func unset(count: Int, of modulus: borrowing LaneModulus) -> LaneRows {
        LaneRows(
            words: count * modulus.digits * laneCount, count: count, digits: modulus.digits, isSecret: false)
    }

    /// One row as long as `words`.
    static func scratch(words: Int) -> LaneRows { LaneRows(words: words, count: 1, digits: 0) }

    deinit {
        let memory = UnsafeMutableRawPointer(base)
        if isSecret {
            return NumberMemory.release(memory, words * 8)
        } else if words * 8 >= LaneRows.largePage {
            return SpareRows.give(memory, byteCount: words * 8)
        }
        memory.deallocate()
    }

    /// The address of row `index`.
    func row(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return base + index * digits * laneCount
    }
}
