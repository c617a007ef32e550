import Sodium

/// The accumulator of suites whose payloads add as they lie there: values of one width, in rows.
final class RowAccumulator: Accumulator {
    private let sealing: Sealing
    private let shape: PayloadShape
    private let add: (_ row: UnsafeRawBufferPointer, _ total: UnsafeMutableRawBufferPointer) throws -> Void
    private var total: [UInt8]
    private(set) var contributions = 0

    /// - Parameter add: adds a row of the shape's length to another one, or throws and leaves it alone.
    init(
        sealing: Sealing, shape: PayloadShape,
        add: @escaping (_ row: UnsafeRawBufferPointer, _ total: UnsafeMutableRawBufferPointer) throws -> Void
    ) {
        self.sealing = sealing
        self.shape = shape
        self.add = add
        total = [UInt8](repeating: 0, count: shape.byteCount)
    }

    func add(_ payload: some ContiguousCollection, sealing other: Sealing, threads: Int) throws {
        try sealing.check(other)
        guard contributions < sealing.slots.cohort else {
            throw EncryptionError.cohortFull(cohort: sealing.slots.cohort)
        }
        try payload.withContiguousBytes { bytes in
            try shape.check(byteCount: bytes.count)
            try total.withUnsafeMutableBytes { try add(bytes, $0) }
        }
        contributions += 1
    }

    func sum() throws -> [UInt8] {
        guard contributions > 0 else { throw EncryptionError.nothingToSum }
        return total
    }
}
