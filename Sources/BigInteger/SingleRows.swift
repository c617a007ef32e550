/// The addresses of eight single rows.
struct SingleRows {
    private var rows: InlineArray<8, UnsafeMutablePointer<UInt64>>

    init(repeating row: UnsafeMutablePointer<UInt64>) { rows = .init(repeating: row) }

    init(_ row: (Int) -> UnsafeMutablePointer<UInt64>) { rows = .init { row($0) } }

    subscript(lane: Int) -> UnsafeMutablePointer<UInt64> { rows[lane] }

    func withPointers(_ body: (UnsafePointer<UnsafeMutablePointer<UInt64>?>) -> Void) {
        withUnsafePointer(to: rows) { pointer in
            pointer.withMemoryRebound(to: UnsafeMutablePointer<UInt64>?.self, capacity: 8) { body($0) }
        }
    }

    func withEntries(_ body: (UnsafePointer<UnsafePointer<UInt64>?>) -> Void) {
        withUnsafePointer(to: rows) { pointer in
            pointer.withMemoryRebound(to: UnsafePointer<UInt64>?.self, capacity: 8) { body($0) }
        }
    }
}
