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
        let (seconds, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = civil(Int(days))
        var text: [UInt8] = []
        text.reserveCapacity(30)
        func append(_ number: UInt64, _ width: Int) {
            var divisor: UInt64 = 1
            for _ in 1..<width { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
        }
        append(UInt64(date.year), 4)
        text.append(UInt8(ascii: "-"))
        append(UInt64(date.month), 2)
        text.append(UInt8(ascii: "-"))
        append(UInt64(date.day), 2)
        text.append(UInt8(ascii: "T"))
        append(second / 3600, 2)
        text.append(UInt8(ascii: ":"))
        append(second / 60 % 60, 2)
        text.append(UInt8(ascii: ":"))
        append(second % 60, 2)
        text.append(UInt8(ascii: "."))
        append(fraction, 9)
        text.append(UInt8(ascii: "Z"))
        return text
    }

    /// The time that `text` writes; nil for anything else than what it writes.
    package static func parse(_ text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 30, bytes[10] == UInt8(ascii: "T"), bytes[19] == UInt8(ascii: "."),
            bytes[29] == UInt8(ascii: "Z")
        else { return nil }
        func number(_ range: Range<Int>) -> UInt64? {
            var value: UInt64 = 0
            for byte in bytes[range] {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let fraction = number(20..<29), year >= 1970,
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = UInt64(days(Int(year), Int(month), Int(day)))
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        // Beyond the year 2554 there are no such times.
        guard seconds < UInt64.max / 1_000_000_000 else { return nil }
        let time = seconds * 1_000_000_000 + fraction
        // The marks between the numbers, and days that their month does not have.
        return self.text(time) == bytes ? time : nil
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
