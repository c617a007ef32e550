package import Sodium

/// A suite set up for one layout and one cohort: vectors are sealed, sealed vectors are added without being opened. Under
/// `secagg` a scheme is one cloud's, and seals one vector.
///
/// A payload is a row of units of fixed width; nothing in it depends on the number of threads but, under `paillier`, the
/// fresh randomness of each unit.
package protocol AdditiveScheme: Sendable {
    var sealing: Sealing { get }
    var shape: PayloadShape { get }

    /// Seals the units `units` of a vector, of which `values` are theirs alone: quantised values, each in 1...2^bits - 1. On up
    /// to `threads` threads; blocks until done. A long vector is sealed part by part, so that it is never in memory whole.
    func seal(part values: UnsafeBufferPointer<UInt32>, units: Range<Int>, threads: Int) throws -> [UInt8]

    /// An empty sum.
    func makeAccumulator(checking: InverseCheck) -> any Accumulator
}

/// When ciphertexts are seen to be prime to the key's modulus, as all are that encryption makes; under suites without ciphertexts it says
/// nothing.
package enum InverseCheck: Sendable {
    /// At each contribution: one that is not is refused by itself, and the sum is as before.
    case eachContribution
    /// At the sum, for a third of the work with three contributions: a product is prime to n exactly if all its factors are. Whose is
    /// not is found by adding them anew with the other check. Multiples of n are refused at once all the same, so that only somebody who
    /// knows a factor of n makes a contribution that is let in here (by chance one is in 2^1500).
    case sum
}

/// The sum of the payloads added so far, always exactly that: a payload is let in whole or refused whole.
///
/// One caller at a time.
package protocol Accumulator: AnyObject {
    var contributions: Int { get }

    /// Checks a contribution (that it is sealed like the others, its length, and every unit of it, as far as `InverseCheck` says) and
    /// adds it. On an error the sum is as before.
    func add(_ payload: some ContiguousCollection, sealing: Sealing, threads: Int) throws

    /// The payload of the sum, a deterministic function of the set of contributions. Throws `EncryptionError.sumNotInvertible` where
    /// that is checked only here, and one of them is not sound.
    func sum() throws -> [UInt8]
}

/// Whoever reads values from opened sums.
package protocol SumReader: Sendable {
    var sealing: Sealing { get }
    var shape: PayloadShape { get }
}

/// Whoever may see sums, alone.
package protocol Opener: SumReader {
    /// Opens the units `units` of the sum of `contributions` payloads, which is given whole. Each opened U is checked to
    /// lie in K...K * (2^bits - 1).
    func open(
        _ sum: some ContiguousCollection, units: Range<Int>, sealing: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64]
}

extension AdditiveScheme {
    /// An empty sum that refuses a contribution which is not sound at once.
    package func makeAccumulator() -> any Accumulator { makeAccumulator(checking: .eachContribution) }

    /// Seals the units `units` of a vector that is there whole.
    package func seal(_ values: [UInt32], units: Range<Int>, threads: Int) throws -> [UInt8] {
        guard values.count == shape.values else {
            throw EncryptionError.wrongValueCount(expected: shape.values, found: values.count)
        }
        return try values.withUnsafeBufferPointer {
            try seal(
                part: UnsafeBufferPointer(rebasing: $0[shape.values(ofUnits: units)]), units: units, threads: threads)
        }
    }

    /// Seals the whole vector.
    package func seal(_ values: [UInt32], threads: Int) throws -> [UInt8] {
        try seal(values, units: 0..<shape.units, threads: threads)
    }
}

extension Opener {
    /// Opens the whole sum.
    package func open(
        _ sum: some ContiguousCollection, sealing: Sealing, contributions: Int, threads: Int
    ) throws -> [UInt64] {
        try open(sum, units: 0..<shape.units, sealing: sealing, contributions: contributions, threads: threads)
    }
}

extension SumReader {
    func checkCount(_ contributions: Int) throws(EncryptionError) {
        guard (1...sealing.slots.cohort).contains(contributions) else {
            throw .wrongContributionCount(found: contributions, cohort: sealing.slots.cohort)
        }
    }

    /// Throws the first index, counted from `start`, whose value no sum of `contributions` values can have.
    func checkRange(
        _ values: UnsafeMutableBufferPointer<UInt64>, from start: Int, contributions: Int
    ) throws(EncryptionError) {
        let possible = UInt64(contributions)...UInt64(contributions) * sealing.slots.largestValue
        for index in values.indices where !possible.contains(values[index]) {
            throw .sumOutOfRange(index: start + index, contributions: contributions)
        }
    }
}

extension AdditiveScheme {
    /// Throws the first value of `units`, counted from the vector's first, that is not a quantised one.
    func checkValues(_ values: UnsafeBufferPointer<UInt32>, units: Range<Int>) throws(EncryptionError) {
        let places = shape.values(ofUnits: units)
        guard values.count == places.count else {
            throw .wrongValueCount(expected: places.count, found: values.count)
        }
        let largest = sealing.slots.largestValue
        for index in values.indices where values[index] == 0 || UInt64(values[index]) > largest {
            throw .valueOutOfRange(index: places.lowerBound + index, bits: sealing.slots.bits)
        }
    }
}
