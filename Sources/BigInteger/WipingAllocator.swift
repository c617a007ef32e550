internal import CGMP
internal import Glibc

/// GMP's memory, overwritten before it is given back: GMP itself frees without wiping, and its numbers here are keys.
///
/// Temporaries that GMP keeps on the stack (alloca, below 64 KiB) are out of its reach.
/// Source: GMP manual, section 13, "Custom Allocation".
enum WipingAllocator {
    /// Read once before the first use of GMP, which every `Integer` does in its initialiser.
    static let installed: Bool = {
        __gmp_set_memory_functions(allocate, reallocate, release)
        return true
    }()

    private static let allocate: @convention(c) (Int) -> UnsafeMutableRawPointer? = { size in
        obtain(size)
    }

    private static let reallocate: @convention(c) (UnsafeMutableRawPointer?, Int, Int) -> UnsafeMutableRawPointer? = {
        old, oldSize, newSize in
        let new = obtain(newSize)
        guard let old else { return new }
        memcpy(new, old, min(oldSize, newSize))
        explicit_bzero(old, oldSize)
        free(old)
        return new
    }

    private static let release: @convention(c) (UnsafeMutableRawPointer?, Int) -> Void = { block, size in
        guard let block else { return }
        explicit_bzero(block, size)
        free(block)
    }

    private static func obtain(_ size: Int) -> UnsafeMutableRawPointer {
        // GMP has no way to be told that memory ran out: its functions return nothing.
        guard let block = malloc(size) else { fatalError("out of memory: GMP asked for \(size) bytes") }
        return block
    }
}
