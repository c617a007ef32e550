internal import Glibc

/// The bytes of a file, mapped read-only, or of an array.
final class MappedFile: Sendable {
    // Mapped read-only and never reassigned: any number of threads may read it until deinit.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer?
    let byteCount: Int
    private let isMapped: Bool

    init(path: String) throws(SafetensorsError) {
        let file = try RegularFile(path, to: "map")
        byteCount = file.byteCount
        isMapped = true
        base = try file.mapped()
    }

    init(bytes: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyBytes(from: bytes)
        base = copy.baseAddress
        byteCount = bytes.count
        isMapped = false
    }

    /// Lends the bytes of `range`, which must lie inside the file.
    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "the header was checked against the file")
        return try body(
            UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0) + range.lowerBound }, count: range.count))
    }

    deinit {
        guard let base else { return }
        if isMapped { munmap(base, byteCount) } else { base.deallocate() }
    }
}
