internal import CGMP
internal import Glibc

/// GMP's memory, overwritten before it is given back: GMP itself frees without wiping, and its numbers here are keys.
///
/// Temporaries that GMP keeps on the stack (alloca, below 64 KiB) are out of its reach.
/// Source: GMP manual, section 13, "Custom Allocation".
enum WipingAllocator {
    enum Kind { case wiped, guarded }

    /// Read once before the first use of GMP, which every `Integer` does in its initialiser.
    static let installed: Kind = {
        __gmp_set_memory_functions(allocate, reallocate, release)
        return NumberMemory.isGuarded ? .guarded : .wiped
    }()

    private static let allocate: @convention(c) (Int) -> UnsafeMutableRawPointer? = { NumberMemory.obtain($0) }

    private static let reallocate: @convention(c) (UnsafeMutableRawPointer?, Int, Int) -> UnsafeMutableRawPointer? = {
        old, oldSize, newSize in
        let new = NumberMemory.obtain(newSize)
        guard let old else { return new }
        memcpy(new, old, min(oldSize, newSize))
        NumberMemory.release(old, oldSize)
        return new
    }

    private static let release: @convention(c) (UnsafeMutableRawPointer?, Int) -> Void = { block, size in
        guard let block else { return }
        NumberMemory.release(block, size)
    }
}
