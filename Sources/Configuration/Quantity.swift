/// Numbers with a unit, as people write them.
package enum Quantity {
    /// `250ms`, `30s`, `10m`, `2h`, `1d`; a fraction is allowed (`1.5s`), a missing unit is not. Nil for anything else.
    package static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = parts(text) else { return nil }
        let seconds: Double
        switch unit {
        case "us": seconds = 0.000_001
        case "ms": seconds = 0.001
        case "s": seconds = 1
        case "m": seconds = 60
        case "h": seconds = 3600
        case "d": seconds = 86_400
        default: return nil
        }
        let nanoseconds = number * seconds * 1e9
        guard nanoseconds < 9e18 else { return nil }
        return .nanoseconds(Int64(nanoseconds.rounded()))
    }

    /// In bytes: `512B`, `500kB` (thousands), `64MiB`, `1GiB` (powers of 1024). Nil for anything else.
    package static func byteSize(_ text: String) -> Int? {
        guard let (number, unit) = parts(text) else { return nil }
        let scale: Double
        switch unit {
        case "B": scale = 1
        case "kB": scale = 1e3
        case "MB": scale = 1e6
        case "GB": scale = 1e9
        case "TB": scale = 1e12
        case "KiB": scale = 1024
        case "MiB": scale = 1_048_576
        case "GiB": scale = 1_073_741_824
        case "TiB": scale = 1_099_511_627_776
        default: return nil
        }
        let bytes = number * scale
        guard bytes < 9e18, bytes == bytes.rounded() else { return nil }
        return Int(bytes)
    }

    /// `64MiB`: what `byteSize` reads, in the largest unit of which it is a whole number.
    static func text(ofByteSize bytes: Int) -> String {
        let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        let unit = units.first { bytes > 0 && bytes % (1 << $0.1) == 0 } ?? ("B", 0)
        return "\(bytes >> unit.1)\(unit.0)"
    }

    /// Decimal digits with at most one point, then letters; a blank between them is allowed.
    private static func parts(_ text: String) -> (number: Double, unit: String)? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard digits.count <= 18, digits.first?.isNumber == true, digits.last?.isNumber == true else { return nil }
        guard let number = Double(digits) else { return nil }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        return (number, String(unit))
    }
}

/// Ranges in words.
enum Bounds {
    static func words(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (let low, let high) where low == high: "\(low)"
        case (Int.min, let high): "at most \(high)"
        case (let low, Int.max): "at least \(low)"
        case (let low, let high): "\(low) to \(high)"
        }
    }

    static func words(_ range: ClosedRange<Double>) -> String {
        let low = range.lowerBound
        let high = range.upperBound
        let least = low == Double.leastNonzeroMagnitude ? "more than 0" : "at least \(low)"
        if high == Double.greatestFiniteMagnitude { return least }
        if low == -Double.greatestFiniteMagnitude { return "at most \(high)" }
        return low == Double.leastNonzeroMagnitude ? "more than 0 and at most \(high)" : "\(low) to \(high)"
    }

    static func words(_ range: ClosedRange<Duration>) -> String {
        range.upperBound == Value.anyDuration.upperBound
            ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
}
