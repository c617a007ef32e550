import Federation
import Sodium

// What a round's payloads hold beside ciphertexts, and how opened sums become values again.
extension RoundScheme {
    /// Bytes of a contribution, and of the sum.
    package var byteCount: Int { scheme.shape.byteCount + (split?.clear.byteCount ?? 0) }

    /// An empty sum of whole payloads.
    package func makeAccumulator(checking: InverseCheck = .eachContribution) -> any Accumulator {
        split.map { SelectiveAccumulator(self, $0, checking: checking) } ?? scheme.makeAccumulator(checking: checking)
    }

    /// The ciphertexts of a contribution or a sum: what proofs and shares are about.
    package func encryptedPart(of payload: [UInt8]) -> [UInt8] {
        split == nil ? payload : Array(payload.prefix(scheme.shape.byteCount))
    }

    /// The same of bytes that are lent.
    package func encryptedPart(of payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        split == nil ? payload : UnsafeRawBufferPointer(rebasing: payload.prefix(scheme.shape.byteCount))
    }

    func check(byteCount found: Int) throws(EncryptionError) {
        guard found == byteCount else { throw .wrongPayloadLength(expected: byteCount, found: found) }
    }

    /// Gives out the decoded values of a sum of `contributions` payloads block by block, with their places in the update's layout;
    /// they are never in memory all at once.
    ///
    /// - Parameters:
    ///   - sum: the whole payload.
    ///   - open: opens consecutive units of its encrypted part.
    ///   - whole: is given what was opened as it was quantised, where nothing came in clear.
    package func decode(
        _ sum: UnsafeRawBufferPointer, contributions: Int, open: (Range<Int>) throws -> [UInt64],
        whole: ([UInt64]) throws -> Void = { _ in }, _ body: (Range<Int>, [Double]) throws -> Void
    ) throws {
        try check(byteCount: sum.count)
        let shape = scheme.shape
        // Ciphertexts are opened side by side, so that many are wanted at once.
        let size =
            shape.valuesPerUnit == 1
            ? SelectiveSplit.cachedValues : max(1, SelectiveSplit.blockValues / shape.valuesPerUnit)
        guard let split else {
            for start in stride(from: 0, to: shape.units, by: size) {
                let units = start..<min(start + size, shape.units)
                let values = shape.values(ofUnits: units)
                let sums = try open(units)
                let decoded = try quantiser.dequantise(sums, of: values, contributions: contributions)
                try whole(sums)
                try body(values, decoded)
            }
            return
        }
        let rest = UnsafeRawBufferPointer(rebasing: sum[shape.byteCount...])
        guard split.clear.endsClean(rest) else { throw EncryptionError.clearPartOverflows }
        var opened: [UInt64] = []
        var (nextUnit, nextClear) = (0, 0)
        func encrypted(_ count: Int) throws -> [UInt64] {
            while opened.count < count {
                let units = nextUnit..<min(nextUnit + size, shape.units)
                opened += try open(units)
                nextUnit = units.upperBound
            }
            defer { opened.removeFirst(count) }
            return Array(opened.prefix(count))
        }
        func clear(_ count: Int) -> [UInt64] {
            defer { nextClear += count }
            return split.clear.values(nextClear..<nextClear + count, in: rest)
        }
        let count = split.values.count / (split.omega == nil ? 1 : 2)
        for start in stride(from: 0, to: count, by: SelectiveSplit.blockValues) {
            let places = start..<min(start + SelectiveSplit.blockValues, count)
            guard split.omega == nil else {
                // Equation 4: what each cloud sent twice is put together again.
                let second = places.lowerBound + count..<places.upperBound + count
                let first = try quantiser.dequantise(
                    encrypted(places.count), of: places, contributions: contributions)
                let rest = try quantiser.dequantise(clear(places.count), of: second, contributions: contributions)
                try body(places, zip(first, rest).map(+))
                continue
            }
            let hidden = split.mask.count(in: places)
            let (inside, outside) = (try encrypted(hidden), clear(places.count - hidden))
            var (nextInside, nextOutside) = (0, 0)
            let sums = places.map { place in
                if split.mask.contains(place) {
                    nextInside += 1
                    return inside[nextInside - 1]
                }
                nextOutside += 1
                return outside[nextOutside - 1]
            }
            try body(places, quantiser.dequantise(sums, of: places, contributions: contributions))
        }
    }
}
