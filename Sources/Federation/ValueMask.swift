package import Sodium

/// A set of places in a vector, written as a bitmap: place i is bit i mod 8, counted from the lowest, of byte i / 8.
///
/// A bitmap has one form and one size whatever is in it, so a signed opening binds it and a reader can check it in one pass;
/// run lengths of places that lie all over a vector would take more room (docs/architecture.md, "Selective encryption").
package struct ValueMask: Hashable, Sendable {
    /// At most so many values have a mask: 2 MiB of an opening, whose bound is 4 MiB.
    package static let maximumValues = 1 << 24
    package static let maximumBytes = maximumValues / 8

    package let values: Int
    package let bytes: [UInt8]
    /// How many places are in it.
    package let count: Int

    /// Checks the length, that no bit beyond the last value is set, and that places are in it and others are not.
    package init(bytes: [UInt8], values: Int) throws(FederationError) {
        func refused(_ reason: String) -> FederationError { .malformed(place: "mask", reason) }
        guard (2...ValueMask.maximumValues).contains(values) else {
            throw refused("\(values) values; a mask is for 2 to \(ValueMask.maximumValues)")
        }
        guard bytes.count == (values + 7) / 8 else {
            throw refused("\(bytes.count) bytes, a mask of \(values) values has \((values + 7) / 8)")
        }
        guard values.isMultiple(of: 8) || (bytes.last ?? 0) >> (values % 8) == 0 else {
            throw refused("places beyond the last of \(values) values are in it")
        }
        count = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
        guard (1..<values).contains(count) else {
            throw refused("\(count) of \(values) values are in it, expected some and not all")
        }
        self.values = values
        self.bytes = bytes
    }

    package init(places: some Sequence<Int>, of values: Int) throws(FederationError) {
        var bytes = [UInt8](repeating: 0, count: (max(values, 0) + 7) / 8)
        for place in places {
            guard (0..<values).contains(place) else {
                throw .malformed(place: "mask", "place \(place) is none of \(values) values")
            }
            bytes[place >> 3] |= 1 << UInt8(place & 7)
        }
        try self.init(bytes: bytes, values: values)
    }

    package func contains(_ place: Int) -> Bool { bytes[place >> 3] >> UInt8(place & 7) & 1 == 1 }

    /// How many places of `range` are in it.
    package func count(in range: Range<Int>) -> Int {
        var (count, place) = (0, range.lowerBound)
        while place < range.upperBound {
            if place & 7 == 0, place + 8 <= range.upperBound {
                count += bytes[place >> 3].nonzeroBitCount
                place += 8
            } else {
                count += contains(place) ? 1 : 0
                place += 1
            }
        }
        return count
    }

    package var digest: Digest { Digest(of: bytes) }

    /// The places in order, each as how many were left out before it: LEB128, seven bits a byte, the lowest first. Shorter than the
    /// bitmap where fewer than an eighth of the places are in it.
    package var gaps: [UInt8] {
        var result: [UInt8] = []
        var gap = 0
        for place in 0..<values {
            guard contains(place) else {
                gap += 1
                continue
            }
            while gap > 127 {
                result.append(UInt8(gap & 127) | 128)
                gap >>= 7
            }
            result.append(UInt8(gap))
            gap = 0
        }
        return result
    }

    /// Checks that every number has its one shortest form, and that the last place is one of `values`.
    package init(gaps: [UInt8], values: Int) throws(FederationError) {
        func refused(_ reason: String) -> FederationError { .malformed(place: "places", reason) }
        guard (2...ValueMask.maximumValues).contains(values), gaps.count <= values + values / 64 else {
            throw refused("\(gaps.count) bytes for \(values) values; a list is of 2 to \(ValueMask.maximumValues)")
        }
        var bytes = [UInt8](repeating: 0, count: (values + 7) / 8)
        var (place, gap, shift) = (0, 0, 0)
        for byte in gaps {
            gap |= Int(byte & 127) << shift
            guard byte < 128 else {
                shift += 7
                guard shift < 28 else { throw refused("a gap has more than 28 bits") }
                continue
            }
            guard byte > 0 || shift == 0 else { throw refused("a gap is not in its shortest form") }
            place += gap
            guard place < values else { throw refused("place \(place) is none of \(values) values") }
            bytes[place >> 3] |= 1 << UInt8(place & 7)
            place += 1
            (gap, shift) = (0, 0)
        }
        guard shift == 0 else { throw refused("the last gap breaks off") }
        try self.init(bytes: bytes, values: values)
    }

    /// The places themselves, in order.
    package var places: [Int] { (0..<values).filter(contains) }
}
