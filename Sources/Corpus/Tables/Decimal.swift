/// Numbers in the text of a table, read from bytes without a copy.
package enum Decimal {
    package static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var position = 0
        var negative = false
        if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            negative = first == UInt8(ascii: "-")
            position = 1
        }
        // 18 digits cannot overflow 64 bits.
        guard position < bytes.count, bytes.count - position <= 18 else { return nil }
        var value = 0
        while position < bytes.count {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int(digit)
            position += 1
        }
        return negative ? -value : value
    }

    package static func number(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { number($0) }
    }

    /// Exact, rounded once. At most 15 digits and a power of ten up to 22 are both exact in a double, so that one
    /// division or product rounds right (Clinger 1990, "How to read floating point numbers accurately"); the rest goes
    /// to the standard library.
    package static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var position = 0
        var negative = false
        if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            negative = first == UInt8(ascii: "-")
            position = 1
        }
        var mantissa: UInt64 = 0
        var digits = 0
        var fraction = 0
        var inFraction = false
        var simple = true
        var seen = false
        while position < bytes.count {
            let byte = bytes[position]
            let digit = byte &- UInt8(ascii: "0")
            if digit <= 9 {
                seen = true
                if digits > 0 || digit > 0 { digits += 1 }
                if digits <= 15 { mantissa = mantissa &* 10 &+ UInt64(digit) }
                if inFraction { fraction += 1 }
            } else if byte == UInt8(ascii: "."), !inFraction {
                inFraction = true
            } else if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E"), seen {
                simple = false
                break
            } else {
                return nil
            }
            position += 1
        }
        guard seen else { return nil }
        if simple, digits <= 15, fraction <= 22 {
            let value = Double(mantissa) / powersOfTen[fraction]
            return negative ? -value : value
        }
        guard bytes.count <= 64, let value = Double(String(decoding: bytes, as: UTF8.self)), value.isFinite else {
            return nil
        }
        return value
    }

    private static let powersOfTen: [Double] = {
        var powers = [1.0]
        for _ in 0..<22 { powers.append((powers.last ?? 1) * 10) }
        return powers
    }()
}

/// Dates and times of a table.
package enum CivilTime {
    /// `YYYY-MM-DD`, optionally with ` HH:MM:SS` or ` HH:MM`, as seconds since 1970-01-01; nil for anything else.
    package static func seconds(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard bytes.count == 10 || bytes.count == 16 || bytes.count == 19 else { return nil }
        guard let year = digits(bytes, 0, 4), bytes[4] == UInt8(ascii: "-"), let month = digits(bytes, 5, 2),
            bytes[7] == UInt8(ascii: "-"), let day = digits(bytes, 8, 2), (1...12).contains(month),
            (1...31).contains(day)
        else { return nil }
        var seconds = days(year: year, month: month, day: day) * 86_400
        guard bytes.count > 10 else { return seconds }
        guard bytes[10] == UInt8(ascii: " ") || bytes[10] == UInt8(ascii: "T"), let hour = digits(bytes, 11, 2),
            bytes[13] == UInt8(ascii: ":"), let minute = digits(bytes, 14, 2), hour < 24, minute < 60
        else { return nil }
        seconds += hour * 3600 + minute * 60
        guard bytes.count == 19 else { return seconds }
        guard bytes[16] == UInt8(ascii: ":"), let second = digits(bytes, 17, 2), second < 61 else { return nil }
        return seconds + second
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms",
    /// days_from_civil).
    package static func days(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The inverse: `YYYY-MM-DD HH:MM:SS`.
    package static func text(seconds: Int) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - day * 86_400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date = "\(year)-\(two(month))-\(two(dayOfYear - (153 * monthIndex + 2) / 5 + 1))"
        return "\(date) \(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
    }

    private static func digits(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int) -> Int? {
        var value = 0
        for index in start..<(start + count) {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
}
