internal import Glibc

/// The wall clock, without Foundation's formatters.
package enum Timestamp {
    /// Nanoseconds since 1970, UTC.
    package static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Milliseconds since 1970, UTC: what openings carry as their deadline.
    package static func milliseconds() -> UInt64 { nanoseconds() / 1_000_000 }

    package static func now() -> String { String(decoding: text(nanoseconds()), as: UTF8.self) }

    /// RFC 3339 in UTC with nanoseconds, always 30 characters.
    package static func text(_ nanoseconds: UInt64) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(30)
        append(nanoseconds, to: &text)
        return text
    }

    /// - Parameter digits: of the fraction of a second, 1 to 9; what is left out is cut off.
    static func append(_ nanoseconds: UInt64, digits: Int = 9, to text: inout [UInt8]) {
        let (seconds, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = civil(Int(days))
        func append(_ number: UInt64, _ width: Int, _ end: Unicode.Scalar) {
            let start = text.count
            var rest = number
            for _ in 0..<width {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                text.append(UInt8(ascii: "0") + UInt8(digit))
                rest = quotient
            }
            text[start...].reverse()
            text.append(UInt8(ascii: end))
        }
        append(UInt64(date.year), 4, "-")
        append(UInt64(date.month), 2, "-")
        append(UInt64(date.day), 2, "T")
        append(second / 3600, 2, ":")
        append(second / 60 % 60, 2, ":")
        append(second % 60, 2, ".")
        var divisor: UInt64 = 1
        for _ in digits..<9 { divisor *= 10 }
        append(fraction / divisor, digits, "Z")
    }

    /// The time that `text` writes; nil for anything else than what it writes.
    package static func parse(_ text: String) -> UInt64? { parse(Array(text.utf8).span) }

    static func parse(_ bytes: Span<UInt8>) -> UInt64? {
        guard bytes.count == 30, bytes[10] == UInt8(ascii: "T"), bytes[19] == UInt8(ascii: "."),
            bytes[29] == UInt8(ascii: "Z"), bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
        else { return nil }
        guard let year = number(bytes, 0..<4), let month = number(bytes, 5..<7), let day = number(bytes, 8..<10),
            let hour = number(bytes, 11..<13), let minute = number(bytes, 14..<16),
            let second = number(bytes, 17..<19), let fraction = number(bytes, 20..<29), year >= 1970,
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = UInt64(days(Int(year), Int(month), Int(day)))
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        // Beyond the year 2554 there are no such times.
        guard seconds < UInt64.max / 1_000_000_000 else { return nil }
        // Not every month has 31 days.
        guard civil(Int(days)).day == Int(day) else { return nil }
        return seconds * 1_000_000_000 + fraction
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in range {
            let byte = bytes[index]
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Days since 1970-01-01 to a date of the Gregorian calendar, counting years from March, so that the leap day comes last.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
