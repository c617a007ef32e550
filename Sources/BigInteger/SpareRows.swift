internal import Synchronization

/// The memory of public rows that were let go, for the next ones of the same size: a sum's rows are some megabytes, and the same
/// again in the next round. To get as much from the system anew, zeroed page by page, takes a twentieth of the time of a sum.
enum SpareRows {
    /// Unchecked: whoever gives memory away keeps no pointer to it, and it is handed to one taker.
    private struct Memory: @unchecked Sendable {
        let base: UnsafeMutableRawPointer
        let byteCount: Int
    }

    /// What one sum had: its products, and those that the next contribution makes of them.
    private static let limit = 2
    private static let shelf = Mutex<[Memory]>([])

    static func take(byteCount: Int) -> UnsafeMutableRawPointer? {
        shelf.withLock { shelf in
            shelf.firstIndex { $0.byteCount == byteCount }.map { shelf.remove(at: $0).base }
        }
    }

    /// Keeps memory that was allocated, or frees what has lain here longest.
    static func give(_ base: UnsafeMutableRawPointer, byteCount: Int) {
        let oldest = shelf.withLock { shelf -> Memory? in
            shelf.append(Memory(base: base, byteCount: byteCount))
            return shelf.count > limit ? shelf.removeFirst() : nil
        }
        oldest?.base.deallocate()
    }
}
