internal import Dispatch
internal import Synchronization

/// Work over a row of independent units, split into blocks over threads.
enum Parallel {
    /// Runs `body` for blocks that together cover 0..<count once, on up to `threads` threads, and returns after the last.
    ///
    /// After an error no further block is begun, and the error of the lowest block that failed is thrown: blocks are
    /// begun in order, so it is the same error for any number of threads.
    ///
    /// The compiler does not check `body` for data races: called at the same time for different blocks, it must write
    /// nothing but what belongs to its block, and share only what is Sendable or read-only.
    static func forEachBlock<Failure: Error>(
        of count: Int, size: Int, threads: Int, _ body: (Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        let blocks = (count + size - 1) / size
        guard threads > 1, blocks > 1 else {
            for block in 0..<blocks { try body(range(block, of: size, in: count)) }
            return
        }
        let next = Atomic<Int>(0)
        let failed = Mutex<(block: Int, error: Failure)?>(nil)
        withoutActuallyEscaping(body) { body in
            // concurrentPerform returns after the last iteration, so nothing that `body` borrows is outlived; what it may
            // touch is said above.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: min(threads, blocks)) { _ in
                while true {
                    let block = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard block < blocks else { return }
                    do throws(Failure) {
                        try body(range(block, of: size, in: count))
                    } catch {
                        next.store(blocks, ordering: .relaxed)
                        failed.withLock { first in
                            if first.map({ block < $0.block }) ?? true { first = (block, error) }
                        }
                    }
                }
            }
        }
        if let failed = failed.withLock({ $0 }) { throw failed.error }
    }

    private static func range(_ block: Int, of size: Int, in count: Int) -> Range<Int> {
        block * size..<min((block + 1) * size, count)
    }
}
