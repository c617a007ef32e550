internal import CSodium

/// Random words of libsodium's generator, made some thousand at a time in guarded memory, wiped when it is let go: for noise that nobody may
/// guess. Not for two threads at once.
package final class SecretWords: RandomNumberGenerator {
    private static let count = 1024
    private let words: UnsafeMutablePointer<UInt64>
    private var left = 0

    package init() throws {
        try Library.start()
        let bytes = Self.count * MemoryLayout<UInt64>.size
        guard let memory = sodium_malloc(bytes) else { throw SodiumError.outOfGuardedMemory(bytes: bytes) }
        words = memory.bindMemory(to: UInt64.self, capacity: Self.count)
    }

    package func next() -> UInt64 {
        if left == 0 {
            randombytes_buf(words, Self.count * MemoryLayout<UInt64>.size)
            left = Self.count
        }
        left -= 1
        let word = words[left]
        words[left] = 0
        return word
    }

    deinit { sodium_free(words) }  // wipes and unmaps
}
