internal import CSodium
internal import Glibc
internal import Synchronization

/// The memory of numbers and rows that may be secret: wiped before it is given back, and guarded where a process asks for it.
package enum NumberMemory {
    private static let guarded = Atomic<Bool>(false)

    /// From here on all such memory of this process is libsodium's: locked, so that it is never swapped out where the system's limit
    /// allows (RLIMIT_MEMLOCK, 8 MB by default on Debian), and between pages that end the process when they are touched. Each number then
    /// takes pages of its own and some system calls: for a process that makes a key, not for one that computes with ciphertexts.
    /// To be called before the process's first number. What GMP keeps on the stack (alloca, below 64 KiB) is out of its reach.
    ///
    /// Source: libsodium's documentation, "Secure memory", "Guarded heap allocations".
    package static func guardAll() {
        precondition(sodium_init() >= 0, "libsodium did not start")
        guarded.store(true, ordering: .relaxed)
        precondition(WipingAllocator.installed == .guarded, "numbers were made before their memory was to be guarded")
    }

    static var isGuarded: Bool { guarded.load(ordering: .relaxed) }

    /// Aligned as malloc's, or to `alignment` if `byteCount` is a multiple of it.
    static func obtain(_ byteCount: Int, alignment: Int = 16) -> UnsafeMutableRawPointer {
        guard isGuarded else { return .allocate(byteCount: byteCount, alignment: alignment) }
        guard let memory = sodium_malloc(byteCount) else { fatalError("no guarded memory for \(byteCount) bytes") }
        return memory
    }

    /// Wipes and frees what `obtain` gave.
    static func release(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
        guard !isGuarded else { return sodium_free(memory) }
        explicit_bzero(memory, byteCount)
        memory.deallocate()
    }
}
