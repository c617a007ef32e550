internal import CMontgomery

/// Multiplication of eight residues at a time (CMontgomery.h). Residues are rows, named by their numbers in `LaneRows`; they
/// are below 2m unless said otherwise, and a product comes with a factor of 1/R. One per thread; its scratch is wiped.
package struct LaneMultiplier: ~Copyable {
    package let modulus: LaneModulus
    private let scratch: LaneRows
    private let constants: tributary_lanes_modulus

    package init(_ modulus: LaneModulus) {
        self.modulus = modulus
        constants = modulus.constants
        scratch = .scratch(words: tributary_lanes_scratch_words(modulus.digits))
    }

    /// result = left * right / R, in rows of this modulus; they may be the same.
    package borrowing func multiply(
        _ left: borrowing LaneRows, _ row: Int, by right: borrowing LaneRows, _ other: Int = 0,
        into result: borrowing LaneRows, _ target: Int
    ) {
        multiply(check(left, row), by: check(right, other), into: check(result, target))
    }

    /// row = row * row / R, in three quarters of the time of `multiply`.
    package borrowing func square(_ rows: borrowing LaneRows, _ row: Int) { square(check(rows, row)) }

    borrowing func multiply(
        _ left: UnsafePointer<UInt64>, by right: UnsafePointer<UInt64>, into result: UnsafeMutablePointer<UInt64>
    ) {
        withUnsafePointer(to: constants) { tributary_lanes_multiply(result, left, right, $0, scratch.base) }
    }

    borrowing func square(_ value: UnsafeMutablePointer<UInt64>) {
        withUnsafePointer(to: constants) { tributary_lanes_square(value, value, $0, scratch.base) }
    }

    /// result = value / R, for a row of values below m * R that may have up to twice the digits of this modulus.
    package borrowing func reduce(
        _ value: borrowing LaneRows, _ row: Int = 0, into result: borrowing LaneRows, _ target: Int = 0
    ) {
        precondition(value.digits <= 2 * modulus.digits, "a value of twice the digits at most")
        withUnsafePointer(to: constants) {
            tributary_lanes_reduce(check(result, target), value.row(row), value.digits, $0, scratch.base)
        }
    }

    /// row = row mod m, in 0..<m.
    package borrowing func makeCanonical(_ rows: borrowing LaneRows, _ row: Int = 0) {
        withUnsafePointer(to: constants) { tributary_lanes_canonical(check(rows, row), $0, scratch.base) }
    }

    private borrowing func check(_ rows: borrowing LaneRows, _ row: Int) -> UnsafeMutablePointer<UInt64> {
        precondition(rows.digits == modulus.digits, "rows of another modulus")
        return rows.row(row)
    }
}

extension LaneRows {
    /// Reads `bytes`, most significant first, as the residue of one lane; they must fit.
    package borrowing func read(_ bytes: UnsafeRawBufferPointer, row: Int = 0, lane: Int) {
        precondition(bytes.count * 8 <= digits * 52 && (0..<laneCount).contains(lane), "the bytes do not fit the row")
        tributary_lanes_read(
            self.row(row), digits, lane, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    }

    /// Writes the residue of one lane, a canonical one that fits, most significant byte first.
    package borrowing func write(row: Int = 0, lane: Int, to bytes: UnsafeMutableRawBufferPointer) {
        precondition((0..<laneCount).contains(lane), "lane \(lane) of \(laneCount)")
        tributary_lanes_write(
            self.row(row), digits, lane, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    }

    /// Makes the residue of one lane 1.
    package borrowing func setToOne(row: Int = 0, lane: Int) {
        var one: Limb = 1
        read(limbs: &one, count: 1, row: row, lane: lane)
    }

    /// Reads limbs, least significant first, as the residue of one lane; they must fit.
    package borrowing func read(limbs: UnsafePointer<Limb>, count: Int, row: Int = 0, lane: Int) {
        precondition((0..<laneCount).contains(lane), "lane \(lane) of \(laneCount)")
        limbs.withMemoryRebound(to: UInt64.self, capacity: count) {
            tributary_lanes_split(self.row(row) + lane, digits, laneCount, $0, count)
        }
    }

    /// Writes the residue of one lane as limbs, least significant first.
    package borrowing func write(row: Int = 0, lane: Int, toLimbs limbs: UnsafeMutablePointer<Limb>, count: Int) {
        precondition((0..<laneCount).contains(lane), "lane \(lane) of \(laneCount)")
        limbs.withMemoryRebound(to: UInt64.self, capacity: count) {
            tributary_lanes_join(self.row(row) + lane, digits, laneCount, $0, count)
        }
    }
}
