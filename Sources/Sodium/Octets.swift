/// libsodium wants typed, non-null pointers; an empty Swift buffer may have none, and then any valid address serves.
extension UnsafeRawBufferPointer {
    var octets: UnsafePointer<UInt8> {
        (baseAddress ?? Octets.nowhere).assumingMemoryBound(to: UInt8.self)
    }
}

extension UnsafeMutableRawBufferPointer {
    var octets: UnsafeMutablePointer<UInt8> {
        (baseAddress ?? UnsafeMutableRawPointer(mutating: Octets.nowhere)).assumingMemoryBound(to: UInt8.self)
    }
}

private enum Octets {
    // One byte that is never read or written: every call that takes it passes length 0 beside it.
    nonisolated(unsafe) static let nowhere = UnsafeRawPointer(
        UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
}
