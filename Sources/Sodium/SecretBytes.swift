internal import CSodium

/// A secret of fixed length in libsodium's guarded memory: locked, fenced by guard pages, left out of core dumps, wiped
/// when released. It has no description and cannot be copied; it is lent through `withUnsafeBytes` alone.
///
/// Source: libsodium, "Secure memory" (sodium_malloc, sodium_mprotect_readonly).
package final class SecretBytes: Sendable {
    // Written only during initialisation, then read-only by mprotect: any number of threads may read it.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    package let count: Int

    /// Makes room for `count` bytes, lets `fill` write them, then forbids writing.
    package init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        try Library.start()
        guard let base = sodium_malloc(max(count, 1)) else { throw SodiumError.outOfGuardedMemory(bytes: count) }
        self.base = base
        self.count = count
        try fill(UnsafeMutableRawBufferPointer(start: base, count: count))
        sodium_mprotect_readonly(base)
    }

    /// `count` bytes of the system's generator.
    package static func random(count: Int) throws -> SecretBytes {
        try SecretBytes(count: count) { randombytes_buf($0.octets, $0.count) }
    }

    /// Moves `bytes` here and wipes where they came from.
    package convenience init(wiping bytes: inout [UInt8]) throws {
        defer { bytes.withUnsafeMutableBytes { sodium_memzero($0.octets, $0.count) } }
        try self.init(count: bytes.count) { target in bytes.withUnsafeBytes { target.copyMemory(from: $0) } }
    }

    /// Lends the secret; the pointer must not escape the closure, nor may the bytes be copied into ordinary memory.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    deinit { sodium_free(base) }  // unlocks, wipes and unmaps
}
